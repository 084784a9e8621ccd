import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { systemCode } from '../support/index.ts'

/** The mode of a folder that is nobody else's. */
export const privately = 0o700

/** Makes the folder and those above it, with that mode at most. (Node's own recursive way never comes back from below /proc.) */
export function makeFolder(path: string, mode = 0o755): void {
  if (tryMakeFolder(path, mode)) return
  makeFolder(dirname(path), mode)
  // Below /proc even a folder whose parent is there cannot be made.
  if (!tryMakeFolder(path, mode)) mkdirSync(path, mode)
}

/** Makes the folder for nobody else, and those above it as usual. */
export function makePrivateFolder(path: string): void {
  makeFolder(dirname(path))
  makeFolder(path, privately)
}

/** Makes a folder with just that mode, whatever the umask. */
export function makeFolderOfMode(path: string, mode: number): void {
  mkdirSync(path, { mode })
  chmodSync(path, mode)
}

/** Writes a file with just that mode, whatever the umask. */
export function writeFileOfMode(path: string, bytes: string | Uint8Array, mode: number): void {
  writeFileSync(path, bytes, { mode })
  chmodSync(path, mode)
}

/** Takes away what others may do with a folder, if it is there and ours to close. */
export function closeFolder(path: string): void {
  try {
    const stat = statSync(path)
    if (stat.isDirectory() && (stat.mode & 0o077) !== 0) chmodSync(path, stat.mode & 0o700)
  } catch {
    // Not there, somebody else's, or on a disk that cannot be written.
  }
}

/** Whether the folder is there now; not, where there is none above it. Another process may make it at the same time. */
function tryMakeFolder(path: string, mode: number): boolean {
  // It nearly always is there, and an error takes longer than a look.
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
