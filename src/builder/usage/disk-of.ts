import { existsSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'

/** Returns the size of the disk with the store, and how much of it is free, in bytes. */
export function diskOf(home: string): { readonly size: number; readonly free: number } {
  let folder = home
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder)
  const { bsize, blocks, bavail } = statfsSync(folder)
  return { size: blocks * bsize, free: bavail * bsize }
}
