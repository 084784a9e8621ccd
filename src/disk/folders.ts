import { chmodSync, mkdirSync, readdirSync, type Stats, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { systemCode } from '../support/index.ts'

/** The mode of a directory that only its owner may use. */
export const privately = 0o700

/**
 * Creates a directory and its parents with at most this mode. Returns the outermost that did not exist. (Node's recursive mkdir
 * never returns for paths below /proc.)
 */
export function makeFolder(path: string, mode = 0o755): string | undefined {
  const done = tryMakeFolder(path, mode)
  if (done !== 'parent missing') return done === 'made' ? path : undefined
  const outermost = makeFolder(dirname(path), mode)
  // Below /proc, mkdir fails even if the parent exists.
  if (tryMakeFolder(path, mode) === 'parent missing') mkdirSync(path, mode)
  return outermost ?? path
}

/** Creates a directory that only its owner may use; parents get the usual mode. */
export function makePrivateFolder(path: string): void {
  makeFolder(dirname(path))
  makeFolder(path, privately)
}

/** Creates a directory with exactly this mode, regardless of the umask. */
export function makeFolderOfMode(path: string, mode: number): void {
  mkdirSync(path, { mode })
  chmodSync(path, mode)
}

/** Writes a file with exactly this mode, regardless of the umask. */
export function writeFileOfMode(path: string, bytes: string | Uint8Array, mode: number): void {
  writeFileSync(path, bytes, { mode })
  chmodSync(path, mode)
}

/** Removes everyone else's permissions from a directory, if it exists and is ours. */
export function closeFolder(path: string): void {
  try {
    const stat = statSync(path)
    if (stat.isDirectory() && (stat.mode & 0o077) !== 0) chmodSync(path, stat.mode & 0o700)
  } catch {
    // It does not exist, belongs to someone else, or is on a read-only disk.
  }
}

/** Lists what is in a directory, without what others remove meanwhile; nothing if the directory cannot be read. */
export function listFolder(path: string): { readonly name: string; readonly stat: Stats }[] {
  let names: string[]
  try {
    names = readdirSync(path)
  } catch {
    return []
  }
  return names.flatMap((name) => {
    const stat = statSync(join(path, name), { throwIfNoEntry: false })
    return stat === undefined ? [] : [{ name, stat }]
  })
}

/** Another process may create it at the same time. */
function tryMakeFolder(path: string, mode: number): 'made' | 'there' | 'parent missing' {
  // It usually exists, and a stat is cheaper than an exception.
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return 'there'
  try {
    mkdirSync(path, mode)
    return 'made'
  } catch (error) {
    const code = systemCode(error)
    if (code === 'EEXIST' && statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return 'there'
    if (code !== 'ENOENT' || dirname(path) === path) throw error
    return 'parent missing'
  }
}
