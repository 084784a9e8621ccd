import { systemCode, TareError } from '../../support/index.ts'

/** Returns the error for a path of the context that could not be read. */
export function unreadable(error: unknown, path: string): unknown {
  if (error instanceof TareError) return error
  const denied = systemCode(error) === 'EACCES' || systemCode(error) === 'EPERM'
  return new TareError(
    'CONTEXT_UNREADABLE',
    `cannot read ${path}: ${denied ? 'permission denied' : (error as Error).message}`,
    {
      cause: error,
      remedy: denied ? 'Change its permissions, or exclude it with .dockerignore.' : undefined,
    },
  )
}
