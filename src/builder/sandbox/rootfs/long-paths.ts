import { systemCode, TareError } from '../../../support/index.ts'

/** Reads what a command left in the folder. Throws `PATH_TOO_LONG` if the kernel does not accept a path. */
export async function refusingLongPaths<T>(folder: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (systemCode(error) !== 'ENAMETOOLONG') throw error
    const { path = '' } = error as { readonly path?: string | Buffer }
    throw tooLong(path.toString().replace(folder, ''))
  }
}

/** Returns that error if another process's message reports it. */
export function longPath(words: string): TareError | undefined {
  return words.includes('ENAMETOOLONG') ? tooLong(/ENAMETOOLONG[^']*'([^']*)'/.exec(words)?.[1] ?? '') : undefined
}

function tooLong(path: string): TareError {
  return new TareError('PATH_TOO_LONG', `the step left a path that is longer than 4,095 bytes: ${path.slice(0, 60)}…`, {
    remedy: 'Remove it in the same RUN: a file that cannot be opened cannot be stored in a layer.',
  })
}
