import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Returns what a file or a directory itself takes up on disk, in bytes; 0 if it is gone. */
export function sizeOnDisk(path: string): number {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  // Windows has no blocks.
  return stat === undefined ? 0 : stat.blocks === undefined ? stat.size : stat.blocks * 512
}

/** Returns what everything below a directory takes up, with itself, except what `skip` names. */
export function sizeBelow(path: string, skip: ReadonlySet<string> = new Set()): number {
  if (skip.has(path)) return 0
  let sum = sizeOnDisk(path)
  try {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const child = join(path, entry.name)
      sum += entry.isDirectory() ? sizeBelow(child, skip) : sizeOnDisk(child)
    }
  } catch {
    // It is gone, or belongs to somebody else.
  }
  return sum
}
