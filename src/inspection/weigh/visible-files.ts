import type { Weight } from '../../api/index.ts'
import type { FlatFilesystem } from '../filesystem/flat.ts'
import type { FlatDirectory } from '../filesystem/flat-directory.ts'

const file = 0

/** The files that an image shows, by their index in a list: there may be hundreds of thousands. A hard link counts under the first of its names. */
export class VisibleFiles {
  count = 0
  /** The number of each file's entry in the image; only the first `count` are set, here and below. */
  readonly ids: Uint32Array
  /** Index in `prefixes` of what is before each name. */
  readonly prefixOf: Uint32Array
  /** `''` or `usr/lib/`. */
  readonly prefixes: string[] = []
  /** For each entry of the image, 1 if it is one of these files. */
  readonly isVisible: Uint8Array
  /** Every directory with what is below it; `''` is the root. */
  readonly directories: (Weight & { readonly path: string })[] = []
  private readonly flat: FlatFilesystem
  /** The names of files that have several, of which their entries have one. */
  readonly named = new Map<number, string>()

  constructor(flat: FlatFilesystem) {
    this.flat = flat
    this.ids = new Uint32Array(flat.entryCount)
    this.prefixOf = new Uint32Array(flat.entryCount)
    this.isVisible = new Uint8Array(flat.entryCount)
    this.walk(flat.root, '')
  }

  name(i: number): string {
    return this.named.get(i) ?? this.flat.nameOf(this.ids[i]!)
  }

  path(i: number): string {
    return this.prefixes[this.prefixOf[i]!]! + this.name(i)
  }

  private walk(directory: FlatDirectory, path: string): Weight {
    const prefix = path === '' ? '' : `${path}/`
    const number = this.prefixes.push(prefix) - 1
    const weight = { size: 0, files: 0 }
    const { run } = directory
    if (run !== undefined) this.addRun(run.id, run.id + run.to - run.from, number, weight)
    else
      for (const [name, node] of directory.children) {
        if (typeof node === 'object') {
          const below = this.walk(node, prefix + name)
          weight.size += below.size
          weight.files += below.files
        } else if (this.add(node, number, weight) && this.flat.linked.has(node)) this.named.set(this.count - 1, name)
      }
    this.directories.push({ path, ...weight })
    return weight
  }

  private addRun(from: number, to: number, prefix: number, weight: { size: number; files: number }): void {
    const { isVisible, ids, prefixOf } = this
    const { kinds, sizes } = this.flat
    let { count } = this
    let size = 0
    for (let id = from; id < to; id++) {
      if (isVisible[id] === 1 || kinds[id] !== file) continue
      isVisible[id] = 1
      ids[count] = id
      prefixOf[count] = prefix
      count += 1
      size += sizes[id]!
    }
    weight.size += size
    weight.files += count - this.count
    this.count = count
  }

  private add(id: number, prefix: number, weight: { size: number; files: number }): boolean {
    const { isVisible, flat, count } = this
    if (isVisible[id] === 1 || flat.kinds[id] !== file) return false
    isVisible[id] = 1
    this.ids[count] = id
    this.prefixOf[count] = prefix
    this.count += 1
    weight.size += flat.sizes[id]!
    weight.files += 1
    return true
  }
}
