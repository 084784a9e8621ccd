import { systemCode, TareError } from '../../support/index.ts'

/** Whether the disk or the user's quota is full. */
export function isFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes(systemCode(error) ?? '')
}

/** Turns a system error from writing to the store into a TareError. Anything else is returned unchanged. */
export function explainWriteFailure(error: unknown, home: string): unknown {
  const remedy = 'Set TARE_HOME to a folder you can write to.'
  switch (systemCode(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new TareError('STORE_FULL', `no space left for the store in ${home}`, {
        cause: error,
        remedy:
          'Free space with `tare image prune` and `tare builder prune`, or set TARE_HOME to a folder on another disk. Nothing half-written was kept.',
      })
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new TareError(
        'STORE_UNWRITABLE',
        `the store in ${home} cannot be written: ${systemCode(error) === 'EROFS' ? 'the filesystem is read-only' : 'permission denied'}`,
        { cause: error, remedy },
      )
    case 'ENOENT':
      // Node 20 reports a read-only disk this way when creating a folder with its parents.
      if ((error as NodeJS.ErrnoException).syscall !== 'mkdir') return error
      return new TareError(
        'STORE_UNWRITABLE',
        `the store in ${home} cannot be written: cannot create a folder there, possibly because the filesystem is read-only`,
        { cause: error, remedy },
      )
    case 'ENOTDIR':
    case 'EEXIST':
      return new TareError(
        'STORE_UNWRITABLE',
        `the store in ${home} cannot be written: something that is not a folder is in the way`,
        { cause: error, remedy },
      )
    case 'EFBIG':
    case 'EIO':
      return new TareError('STORE_UNWRITABLE', `the store in ${home} cannot be written: ${(error as Error).message}`, {
        cause: error,
        remedy,
      })
    default:
      return error
  }
}
