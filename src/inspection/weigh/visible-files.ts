import type { Weight } from '../../api/index.ts'
import type { FlatDirectory, FlatFilesystem } from '../filesystem/flat.ts'

/** The files that an image shows, by their index in a list: there may be hundreds of thousands. A hard link counts under the first of its names. */
export class VisibleFiles {
  /** The number of each file's entry in the image. */
  readonly ids: number[] = []
  readonly names: string[] = []
  /** Index in `prefixes` of what is before each name. */
  readonly prefixOf: number[] = []
  /** `''` or `usr/lib/`. */
  readonly prefixes: string[] = []
  /** For each entry of the image, 1 if it is one of these files. */
  readonly isVisible: Uint8Array
  /** Every directory with what is below it; `''` is the root. */
  readonly directories: (Weight & { readonly path: string })[] = []

  constructor(flat: FlatFilesystem) {
    this.isVisible = new Uint8Array(flat.entryCount)
    this.walk(flat, flat.root, '')
  }

  path(i: number): string {
    return this.prefixes[this.prefixOf[i]!]! + this.names[i]!
  }

  private walk(flat: FlatFilesystem, directory: FlatDirectory, path: string): Weight {
    const { ids, isVisible } = this
    const prefix = path === '' ? '' : `${path}/`
    const number = this.prefixes.push(prefix) - 1
    let size = 0
    let files = 0
    for (const [name, node] of directory.children) {
      if (typeof node === 'object') {
        const below = this.walk(flat, node, prefix + name)
        size += below.size
        files += below.files
      } else if (isVisible[node] === 0 && flat.kindOf(node) === 'file') {
        isVisible[node] = 1
        ids.push(node)
        this.names.push(name)
        this.prefixOf.push(number)
        size += flat.sizeOf(node)
        files += 1
      }
    }
    this.directories.push({ path, size, files })
    return { size, files }
  }
}
