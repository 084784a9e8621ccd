import { type LayerEntry, type LayerTable, tableOf } from '../../files/layer/index.ts'
import { deepestPath, sortNames, TareError } from '../../support/index.ts'
import type { InspectedLayer } from '../image.ts'

/** A directory of a flattened image. */
export class FlatDirectory {
  /** Which entry of the image describes it: the last that did; -1 for one that only stands in paths. */
  id: number
  /** Files by the number of their entry in the image: a hard link has that of the file. In no particular order. */
  readonly children = new Map<string, number | FlatDirectory>()

  constructor(id: number) {
    this.id = id
  }
}

export type FlatNode = number | FlatDirectory

/** Where a path leads. */
export interface FoundNode {
  readonly node: FlatNode | undefined
  /** The path with the symlinks on the way followed: `usr/lib/x`. */
  readonly path: string
}

// As many as Linux follows before it gives up (path_resolution(7)), generously.
const mostLinks = 255

/**
 * The filesystem that layers make together, in numbers: every entry of the image has one, counted through all layers from the lowest.
 * The same files as `mergeLayers` gives, in a small part of its time and memory: names become text, and nothing else an object.
 */
export class FlatFilesystem {
  readonly root = new FlatDirectory(-1)
  /** Entries that have several names. */
  readonly linked = new Set<number>()
  readonly layers: readonly InspectedLayer[]
  private readonly tables: readonly LayerTable[]
  /** The number of each layer's first entry. */
  private readonly first: readonly number[]

  /** Of `layers`, none is in it yet: see `add`. */
  constructor(layers: readonly Pick<InspectedLayer, 'index'>[]) {
    this.layers = layers as readonly InspectedLayer[]
    this.tables = layers.map(({ index }) => tableOf(index))
    const first: number[] = []
    let sum = 0
    for (const { count } of this.tables) {
      first.push(sum)
      sum += count
    }
    this.first = first
  }

  /** All layers of an image. Throws `LAYER_INVALID` where they contradict each other. */
  static of(layers: readonly Pick<InspectedLayer, 'index'>[]): FlatFilesystem {
    const flat = new FlatFilesystem(layers)
    for (const i of layers.keys()) flat.add(i)
    return flat
  }

  /** Puts the next layer on top. */
  add(layer: number): void {
    const table = this.tables[layer]!
    this.removeHidden(table)
    const parents = new Map<number, FlatDirectory>()
    const { prefix, kind } = table.columns
    const first = this.first[layer]!
    for (let i = 0; i < table.count; i++) {
      const code = kind[i]! & 0x7f
      if (code >= removal) continue
      let parent = parents.get(prefix[i]!)
      if (parent === undefined) {
        parent = this.makeDirectories(table.prefixes[prefix[i]!]!, layer)
        parents.set(prefix[i]!, parent)
      }
      const name = table.name(i)
      const there = parent.children.get(name)
      if (code === directory) {
        if (typeof there === 'object') there.id = first + i
        else {
          parent.children.set(name, new FlatDirectory(first + i))
          if (there !== undefined) parents.clear()
        }
        continue
      }
      parent.children.set(name, code === hardlink ? this.linkTarget(table, i, layer) : first + i)
      // What paths of this layer were found to lead through may be another directory now.
      if (typeof there === 'object' || (there !== undefined && this.kindOf(there) === 'symlink')) parents.clear()
    }
  }

  /** The layer that an entry is in, and its place there. */
  locate(id: number): { readonly layer: number; readonly table: LayerTable; readonly i: number } {
    let low = 0
    for (let high = this.first.length - 1; low < high; ) {
      const middle = (low + high + 1) >> 1
      if (this.first[middle]! <= id) low = middle
      else high = middle - 1
    }
    return { layer: low, table: this.tables[low]!, i: id - this.first[low]! }
  }

  entry(id: number): LayerEntry {
    const { table, i } = this.locate(id)
    return table.entry(i)
  }

  kindOf(node: FlatNode): LayerEntry['kind'] {
    if (typeof node === 'object') return 'directory'
    const { table, i } = this.locate(node)
    return table.kind(i)
  }

  /** Bytes of a file; 0 for all else. */
  sizeOf(node: FlatNode): number {
    if (typeof node === 'object') return 0
    const { table, i } = this.locate(node)
    return table.columns.size[i]!
  }

  /**
   * What lies at a path, symlinks on the way followed within the root, at its end only if `follow`. Throws `SYMLINK_LOOP`.
   */
  find(path: string, { follow = true }: { readonly follow?: boolean } = {}): FoundNode {
    const wanted = path.split('/').filter((part) => part !== '' && part !== '.')
    wanted.reverse()
    const names: string[] = []
    const trail: (FlatNode | undefined)[] = [this.root]
    let links = 0
    while (wanted.length > 0) {
      const name = wanted.pop()!
      if (name === '..') {
        if (names.pop() !== undefined) trail.pop()
        continue
      }
      const parent = trail[trail.length - 1]
      const node = typeof parent === 'object' ? parent.children.get(name) : undefined
      const target = typeof node === 'number' && (follow || wanted.length > 0) ? this.targetOf(node) : undefined
      if (target === undefined) {
        names.push(name)
        trail.push(node)
        continue
      }
      if (++links > mostLinks)
        throw new TareError('SYMLINK_LOOP', `too many levels of symbolic links in ${JSON.stringify(path)}`)
      if (target.startsWith('/')) {
        names.length = 0
        trail.length = 1
      }
      for (const step of target.split('/').reverse()) if (step !== '' && step !== '.') wanted.push(step)
    }
    return { node: trail[trail.length - 1], path: names.join('/') }
  }

  /** Everything below a directory, each before what it holds, names in the order of their bytes; down to a depth, 1 for its own. */
  *walk(
    directory: FlatDirectory = this.root,
    prefix = '',
    depth = Number.POSITIVE_INFINITY,
  ): Generator<readonly [path: string, node: FlatNode]> {
    for (const name of sortNames([...directory.children.keys()])) {
      const node = directory.children.get(name)!
      yield [prefix + name, node]
      if (typeof node === 'object' && depth > 1) yield* this.walk(node, `${prefix}${name}/`, depth - 1)
    }
  }

  private targetOf(id: number): string | undefined {
    const { table, i } = this.locate(id)
    return table.kind(i) === 'symlink' ? (table.link(i) ?? '') : undefined
  }

  /** Whiteouts speak of lower layers, wherever they stand in their own. (image-spec, layer.md, "Whiteouts") */
  private removeHidden(table: LayerTable): void {
    const { kind } = table.columns
    for (let i = 0; i < table.count; i++) {
      const code = kind[i]! & 0x7f
      if (code !== removal && code !== opaque) continue
      const path = table.path(i)
      if (code === opaque) {
        const node = this.exactly(path)
        if (typeof node === 'object') node.children.clear()
      } else {
        const slash = path.lastIndexOf('/')
        const parent = slash < 0 ? this.root : this.find(path.slice(0, slash)).node
        if (typeof parent === 'object') parent.children.delete(path.slice(slash + 1))
      }
    }
  }

  /** What lies at a path that leads through no symlink. */
  private exactly(path: string): FlatNode | undefined {
    let node: FlatNode | undefined = this.root
    for (const name of path.split('/')) {
      if (name === '') continue
      node = typeof node === 'object' ? node.children.get(name) : undefined
    }
    return node
  }

  private makeDirectories(prefix: string, layer: number): FlatDirectory {
    if (prefix === '') return this.root
    const { path } = this.find(prefix)
    const names = path === '' ? [] : path.split('/')
    if (names.length > deepestPath + 1)
      throw new TareError('PATH_TOO_DEEP', `a path of the image lies ${names.length} directories deep`, {
        remedy: `Linux allows ${deepestPath}.`,
      })
    let parent = this.root
    for (const name of names) {
      const there = parent.children.get(name)
      if (typeof there === 'number')
        throw this.contradiction(layer, `has entries below "${path}", which is not a directory`)
      const next = there ?? new FlatDirectory(-1)
      if (there === undefined) parent.children.set(name, next)
      parent = next
    }
    return parent
  }

  private linkTarget(table: LayerTable, i: number, layer: number): number {
    const link = table.link(i) ?? ''
    const { node } = this.find(link, { follow: false })
    if (typeof node !== 'number')
      throw this.contradiction(layer, `has a hard link "${table.path(i)}" to "${link}", which is not a file before it`)
    this.linked.add(node)
    return node
  }

  private contradiction(layer: number, what: string): TareError {
    return new TareError('LAYER_INVALID', `layer ${this.layers[layer]!.index.diffId} ${what}`)
  }
}

// By their numbers in a table's kinds. From `removal` on they are no files: whiteouts, and directories of which only the build knows a time.
const hardlink = 1
const directory = 5
const removal = 7
const opaque = 8
