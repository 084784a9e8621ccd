import {
  closeSync,
  fchmodSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { isLeftBy } from './owners.ts'
import { nameOf, thisProcess } from './process.ts'
import { randomDigits } from './random-digits.ts'

/** A file written next to its target under the process's name, then moved into place atomically. */
export interface Replacement {
  /** Where to write; does not exist yet. */
  readonly path: string
  keep(): void
  /** Safe to call at any time. */
  discard(): void
}

export function replacementFor(target: string): Replacement {
  const own = `${beginning(target)}${nameOf(thisProcess())}-${randomDigits()}.part`
  return replacement(join(dirname(target), own), target)
}

/** Atomically replaces `path` with a file of these bytes; leaves nothing behind on failure. */
export function replaceFile(
  path: string,
  bytes: string | Uint8Array | readonly Uint8Array[],
  options: {
    /** Default: 0666 less the umask. */
    readonly mode?: number
    /** Whether the file must survive a power failure. */
    readonly sync?: boolean
    /** Temporary path on the same disk. Default: next to `path`. */
    readonly by?: string
  } = {},
): void {
  const made = options.by === undefined ? replacementFor(path) : replacement(options.by, path)
  try {
    const fd = openSync(made.path, 'wx', options.mode ?? 0o666)
    try {
      // The umask may have removed some bits.
      if (options.mode !== undefined) fchmodSync(fd, options.mode)
      for (const part of inFewParts(bytes)) writeFileSync(fd, part)
      if (options.sync === true) fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    made.keep()
  } catch (error) {
    made.discard()
    throw error
  }
}

// Copying less than this takes less time than another call of the system.
const worthwhile = 64 << 10

function inFewParts(bytes: string | Uint8Array | readonly Uint8Array[]): readonly (string | Uint8Array)[] {
  if (typeof bytes === 'string' || bytes instanceof Uint8Array) return [bytes]
  const size = bytes.reduce((sum, { length }) => sum + length, 0)
  return size < worthwhile ? [Buffer.concat(bytes)] : bytes
}

/** Removes temporary files and folders that dead processes left next to `target`. */
export function sweepBeside(target: string): void {
  const folder = dirname(target)
  const start = beginning(target)
  let names: string[]
  try {
    names = readdirSync(folder).filter((name) => name.startsWith(start) && name.endsWith('.part'))
  } catch {
    return
  }
  for (const name of names) {
    const path = join(folder, name)
    const stat = statSync(path, { throwIfNoEntry: false })
    const isOurs = stat?.isFile() === true || stat?.isDirectory() === true
    if (isOurs && isLeftBy(name.slice(start.length), stat.mtimeMs)) rmSync(path, { recursive: true, force: true })
  }
}

function replacement(path: string, target: string): Replacement {
  return {
    path,
    keep: () => renameSync(path, target),
    discard: () => rmSync(path, { recursive: true, force: true }),
  }
}

// Returns the start of the target's name, cut between characters if the temporary name would be too long.
function beginning(target: string): string {
  return `.${[...basename(target)].slice(0, 40).join('')}.`
}
