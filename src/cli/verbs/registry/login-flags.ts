import type { FlagTable } from '../../flags.ts'

/** What every verb takes that reads or writes logins; `main` hands it to the library as REGISTRY_AUTH_FILE. */
export const loginFlags = {
  authfile: { type: 'string', help: 'Path of the login file; no other is used' },
} as const satisfies FlagTable
