import type { FlagTable } from '../../flags.ts'

/** For every verb that reads or writes logins; `main` passes it to the library as REGISTRY_AUTH_FILE. */
export const loginFlags = {
  authfile: { type: 'string', help: 'Path of the only login file to use' },
} as const satisfies FlagTable
