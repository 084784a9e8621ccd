import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** What everything below a directory takes up on disk. */
export interface Sizes {
  /** Bytes, of the directory itself as well. */
  readonly sum: number
  /** Returns the bytes of a file or a directory itself; 0 if it is not there. */
  at(path: string): number
}

/** Measures everything below a directory, except what `skip` names. */
export function sizesBelow(path: string, skip: ReadonlySet<string>): Sizes {
  const sizes = new Map<string, number>()
  const walk = (folder: string): number => {
    let sum = note(folder)
    try {
      for (const entry of readdirSync(folder, { withFileTypes: true })) {
        const child = join(folder, entry.name)
        if (skip.has(child)) continue
        sum += entry.isDirectory() ? walk(child) : note(child)
      }
    } catch {
      // It is gone, or belongs to somebody else.
    }
    return sum
  }
  const note = (child: string): number => {
    const size = sizeOnDisk(child)
    sizes.set(child, size)
    return size
  }
  return { sum: walk(path), at: (child) => sizes.get(child) ?? 0 }
}

function sizeOnDisk(path: string): number {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  // Windows has no blocks.
  return stat === undefined ? 0 : stat.blocks === undefined ? stat.size : stat.blocks * 512
}
