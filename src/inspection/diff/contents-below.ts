import type { ComparedFile } from '../../api/index.ts'
import type { FlatFilesystem } from '../filesystem/flat.ts'
import type { FlatDirectory } from '../filesystem/flat-directory.ts'
import type { Ignored } from './ignored.ts'
import { isMountPoint, mayHaveMountPoints } from './mount-points.ts'

type Contents = NonNullable<ComparedFile['below']>

/** Counts what is below a directory, and would be a row each. Names are only made where one may be ignored. */
export function contentsBelow(
  flat: FlatFilesystem,
  directory: FlatDirectory,
  path: string,
  ignored: Ignored,
): Contents {
  const found = { entries: 0, files: 0, size: 0 }
  const visit = (directory: FlatDirectory, path: string | undefined): void => {
    const { run } = directory
    if (run !== undefined && path === undefined) {
      const count = run.to - run.from
      found.entries += count
      found.files += count
      for (let id = run.id; id < run.id + count; id++) found.size += flat.sizes[id]!
    } else if (path === undefined)
      directory.forEachNode((node) => {
        found.entries += 1
        if (typeof node === 'object') visit(node, undefined)
        else {
          found.files += 1
          found.size += flat.sizeOf(node)
        }
      })
    else
      for (const [name, node] of directory.children) {
        const inside = `${path}/${name}`
        if (isMountPoint(flat, node, inside) && ignored.has('mount-points')) continue
        found.entries += 1
        if (typeof node === 'object') visit(node, mayHaveMountPoints(inside) ? inside : undefined)
        else {
          found.files += 1
          found.size += flat.sizeOf(node)
        }
      }
  }
  visit(directory, mayHaveMountPoints(path) ? path : undefined)
  return found
}

/** The number of rows that a list would have if nothing in it were collapsed. */
export function countRows(files: readonly ComparedFile[]): number {
  return files.reduce((sum, { below }) => sum + 1 + (below?.entries ?? 0), 0)
}
