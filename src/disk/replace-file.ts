import { randomBytes } from 'node:crypto'
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

/** A file that is written beside another, under a name that tells the process, and then takes its place in one go. */
export interface Replacement {
  /** Where to write; nothing is there yet. */
  readonly path: string
  keep(): void
  /** Safe to call at any time. */
  discard(): void
}

export function replacementFor(target: string): Replacement {
  const own = `${beginning(target)}${nameOf(thisProcess())}-${randomBytes(6).toString('hex')}.part`
  return replacement(join(dirname(target), own), target)
}

/** Makes `path` a file of these bytes, in place of what was there, in one go; where that fails, nothing is left over. */
export function replaceFile(
  path: string,
  bytes: string | Uint8Array,
  options: {
    /** Default: what the umask leaves of 0666. */
    readonly mode?: number
    /** Whether the bytes have to outlive a power cut from then on. */
    readonly sync?: boolean
    /** A path on the same disk to write to first. Default: beside `path`. */
    readonly by?: string
  } = {},
): void {
  const made = options.by === undefined ? replacementFor(path) : replacement(options.by, path)
  try {
    const fd = openSync(made.path, 'wx', options.mode ?? 0o666)
    try {
      // The umask may have taken some of it.
      if (options.mode !== undefined) fchmodSync(fd, options.mode)
      writeFileSync(fd, bytes)
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

/** Removes what dead processes left of attempts to replace the file. */
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
    if (stat?.isFile() === true && isLeftBy(name.slice(start.length), stat.mtimeMs)) rmSync(path, { force: true })
  }
}

function replacement(path: string, target: string): Replacement {
  return {
    path,
    keep: () => renameSync(path, target),
    discard: () => rmSync(path, { recursive: true, force: true }),
  }
}

// Whole characters: a name is cut where it would be too long for the disk.
function beginning(target: string): string {
  return `.${[...basename(target)].slice(0, 40).join('')}.`
}
