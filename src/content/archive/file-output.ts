import { close, open, realpathSync, statSync, write } from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { replacementFor, sweepBeside } from '../../disk/index.ts'
import { messageOf, systemCode, TareError } from '../../support/index.ts'

// node:fs/promises takes Node 4 ms to load.
const [opened, closed, written] = [promisify(open), promisify(close), promisify(write)]

/** Receives an archive's bytes in order. Ended by either `finish` or `discard`. */
export interface FileOutput {
  write(chunk: Uint8Array): Promise<unknown>
  finish(): Promise<void>
  discard(): Promise<void>
}

/**
 * Opens a file that appears under its name only when finished; until then it is next to it under a temporary name. Pipes and
 * devices are written directly. Rejects with `ARCHIVE_UNWRITABLE`.
 */
export async function openFileOutput(path: string): Promise<FileOutput> {
  const found = statOf(path)
  if (found?.isDirectory())
    throw new TareError('ARCHIVE_UNWRITABLE', `${path} is a folder`, {
      remedy: 'Name the file to write the archive to.',
    })
  if (found !== undefined && !found.isFile()) return openInPlace(path)
  // If the path is a symlink, its target is replaced, not the link.
  const target = found === undefined ? path : realpathSync(path)
  sweepBeside(target)
  const made = replacementFor(target)
  const file = await opened(made.path, 'wx').catch((cause) => {
    throw unwritable(path, cause)
  })
  const discard = async () => {
    await closed(file).catch(() => {})
    made.discard()
  }
  return {
    write: (chunk) => writeAll(file, chunk, path),
    finish: async () => {
      try {
        await closed(file)
        made.keep()
      } catch (cause) {
        await discard()
        throw unwritable(path, cause)
      }
    },
    discard,
  }
}

async function openInPlace(path: string): Promise<FileOutput> {
  const file = await opened(path, 'w').catch((cause) => {
    throw unwritable(path, cause)
  })
  const finish = () => closed(file)
  return { write: (chunk) => writeAll(file, chunk, path), finish, discard: finish }
}

/** Undefined also for what cannot be looked at. */
function statOf(path: string) {
  try {
    return statSync(path)
  } catch {
    return undefined
  }
}

async function writeAll(file: number, chunk: Uint8Array, path: string): Promise<void> {
  try {
    for (let done = 0; done < chunk.length; ) done += (await written(file, chunk, done)).bytesWritten
  } catch (cause) {
    throw unwritable(path, cause)
  }
}

function unwritable(path: string, cause: unknown): TareError {
  const folder = dirname(path)
  const failure = (message: string, remedy: string) => new TareError('ARCHIVE_UNWRITABLE', message, { remedy, cause })
  switch (systemCode(cause)) {
    case 'ENOENT':
      return failure(`${path} cannot be written: there is no folder ${folder}`, `Create it first: mkdir -p ${folder}`)
    case 'ENOTDIR':
      return failure(`${path} cannot be written: ${folder} is not a folder`, 'Name a file in a folder.')
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return failure(
        `${path} cannot be written: the folder ${folder} is not writable`,
        'Write to a folder of your own.',
      )
    case 'ENOSPC':
    case 'EDQUOT':
      return failure(
        `${path} cannot be written: no space is left in ${folder}`,
        'Free some space, or write to another disk.',
      )
    default:
      return failure(`${path} cannot be written: ${messageOf(cause)}`, `Check the disk with ${folder}.`)
  }
}
