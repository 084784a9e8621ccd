import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { systemCode } from '../support/index.ts'

/** Makes the folder and those above it. (Node's own recursive way never comes back from below /proc.) */
export function makeFolder(path: string): void {
  if (tryMakeFolder(path)) return
  makeFolder(dirname(path))
  // Below /proc even a folder whose parent is there cannot be made.
  if (!tryMakeFolder(path)) mkdirSync(path)
}

/** Whether the folder is there now; not, where there is none above it. Another process may make it at the same time. */
function tryMakeFolder(path: string): boolean {
  // It nearly always is there, and an error takes longer than a look.
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return true
  try {
    mkdirSync(path)
    return true
  } catch (error) {
    const code = systemCode(error)
    if (code === 'EEXIST' && statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return true
    if (code !== 'ENOENT' || dirname(path) === path) throw error
    return false
  }
}
