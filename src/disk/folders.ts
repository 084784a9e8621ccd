import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { systemCode } from '../support/index.ts'

/** The mode of a directory that only its owner may use. */
export const privately = 0o700

/** Creates a directory and its parents with at most this mode. (Node's recursive mkdir never returns for paths below /proc.) */
export function makeFolder(path: string, mode = 0o755): void {
  if (tryMakeFolder(path, mode)) return
  makeFolder(dirname(path), mode)
  // Below /proc, mkdir fails even if the parent exists.
  if (!tryMakeFolder(path, mode)) mkdirSync(path, mode)
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

/** Whether the directory now exists; false if its parent does not. Another process may create it at the same time. */
function tryMakeFolder(path: string, mode: number): boolean {
  // It usually exists, and a stat is cheaper than an exception.
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return true
  try {
    mkdirSync(path, mode)
    return true
  } catch (error) {
    const code = systemCode(error)
    if (code === 'EEXIST' && statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return true
    if (code !== 'ENOENT' || dirname(path) === path) throw error
    return false
  }
}
