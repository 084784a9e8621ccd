import type { Weight } from '../../api/index.ts'
import type { FlatDirectory, FlatFilesystem } from '../filesystem/flat.ts'

/** A file that the image shows. A hard link counts under the first of its names. */
export interface VisibleFile {
  readonly path: string
  /** The number of its entry in the image. */
  readonly id: number
}

export interface VisibleFiles {
  readonly files: readonly VisibleFile[]
  readonly ids: ReadonlySet<number>
  /** Every directory with what is below it; `''` is the root. */
  readonly directories: readonly (Weight & { readonly path: string })[]
}

/** Lists the files of a flattened image once each, and adds up what directories hold. */
export function visibleFiles(flat: FlatFilesystem): VisibleFiles {
  const files: VisibleFile[] = []
  const ids = new Set<number>()
  const directories: (Weight & { path: string })[] = []
  const walk = (directory: FlatDirectory, path: string): Weight => {
    const prefix = path === '' ? '' : `${path}/`
    let size = 0
    let count = 0
    for (const [name, node] of directory.children) {
      if (typeof node === 'object') {
        const below = walk(node, prefix + name)
        size += below.size
        count += below.files
      } else if (!ids.has(node) && flat.kindOf(node) === 'file') {
        ids.add(node)
        files.push({ path: prefix + name, id: node })
        size += flat.sizeOf(node)
        count += 1
      }
    }
    directories.push({ path, size, files: count })
    return { size, files: count }
  }
  walk(flat.root, '')
  return { files, ids, directories }
}
