import type { FlagTable } from './flags.ts'

/** What may come before a command. */
export const globalFlags = {
  debug: { type: 'bool', short: 'D', help: 'Enable debug mode' },
  'log-level': {
    type: 'string',
    short: 'l',
    help: 'Set the logging level ("debug", "info", "warn", "error", "fatal")',
    default: 'info',
  },
  version: { type: 'bool', short: 'v', help: 'Print version information and quit' },
} as const satisfies FlagTable
