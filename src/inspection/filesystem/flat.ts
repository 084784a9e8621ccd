import { type LayerEntry, type LayerTable, tableOf } from '../../files/layer/index.ts'
import { deepestPath, sortNames, TareError } from '../../support/index.ts'
import type { InspectedLayer } from '../image.ts'

/** A directory of a flattened image. */
export class FlatDirectory {
  /** The last entry in the image that describes it; -1 if it only occurs in paths. */
  id: number
  /** Files by the number of their entry in the image; a hard link has the file's. In no particular order. */
  readonly children = new Map<string, number | FlatDirectory>()

  constructor(id: number) {
    this.id = id
  }
}

export type FlatNode = number | FlatDirectory

/** The result of resolving a path. */
export interface FoundNode {
  readonly node: FlatNode | undefined
  /** The path with symlinks resolved: `usr/lib/x`. */
  readonly path: string
}

/** Learns what a layer does while it is put on top. */
export interface FlatObserver {
  /** `name` in `parent` is now `node`; undefined if it is gone. */
  set(parent: FlatDirectory, name: string, node: FlatNode | undefined): void
}

// Linux follows 40 (path_resolution(7)); this is more generous.
const mostLinks = 255

/**
 * The filesystem that layers make together, in numbers: every entry of the image has one, counted from the lowest layer. Gives
 * the same files as `mergeLayers` in a small part of the time and memory: names become text, and nothing else an object.
 */
export class FlatFilesystem {
  readonly root = new FlatDirectory(-1)
  /** Entries with several names. */
  readonly linked = new Set<number>()
  readonly layers: readonly InspectedLayer[]
  private readonly tables: readonly LayerTable[]
  /** The number of each layer's first entry. */
  private readonly first: readonly number[]
  /** The number of entries that all layers have. */
  readonly entryCount: number
  private readonly observer: FlatObserver | undefined

  /** Does not add any of `layers` yet: see `add`. */
  constructor(layers: readonly Pick<InspectedLayer, 'index'>[], observer?: FlatObserver) {
    this.observer = observer
    this.layers = layers as readonly InspectedLayer[]
    this.tables = layers.map(({ index }) => tableOf(index))
    const first: number[] = []
    let sum = 0
    for (const { count } of this.tables) {
      first.push(sum)
      sum += count
    }
    this.first = first
    this.entryCount = sum
  }

  /** Merges all layers of an image. Throws `LAYER_INVALID` if they contradict each other. */
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
        if (typeof there === 'object') {
          there.id = first + i
          this.observer?.set(parent, name, there)
        } else {
          this.put(parent, name, new FlatDirectory(first + i))
          if (there !== undefined) parents.clear()
        }
        continue
      }
      this.put(parent, name, code === hardlink ? this.linkTarget(table, i, layer) : first + i)
      // Cached paths of this layer may now lead to another directory.
      if (typeof there === 'object' || (there !== undefined && this.kindOf(there) === 'symlink')) parents.clear()
    }
  }

  /** Returns an entry's layer and its index there. */
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

  /** Returns the size of a file; 0 for anything else. */
  sizeOf(node: FlatNode): number {
    if (typeof node === 'object') return 0
    const { table, i } = this.locate(node)
    return table.columns.size[i]!
  }

  /** Resolves a path, following symlinks within the root, and at its end only if `follow`. Throws `SYMLINK_LOOP`. */
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

  /**
   * Yields everything below a directory, directories before their contents, names sorted by their bytes, down to a depth; 1 means
   * direct children.
   */
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

  private put(parent: FlatDirectory, name: string, node: FlatNode): void {
    parent.children.set(name, node)
    this.observer?.set(parent, name, node)
  }

  private drop(parent: FlatDirectory, name: string): void {
    if (parent.children.delete(name)) this.observer?.set(parent, name, undefined)
  }

  private targetOf(id: number): string | undefined {
    const { table, i } = this.locate(id)
    return table.kind(i) === 'symlink' ? (table.link(i) ?? '') : undefined
  }

  /** Whiteouts apply to lower layers, wherever they are in their own. (image-spec, layer.md, "Whiteouts") */
  private removeHidden(table: LayerTable): void {
    const { kind } = table.columns
    for (let i = 0; i < table.count; i++) {
      const code = kind[i]! & 0x7f
      if (code !== removal && code !== opaque) continue
      const path = table.path(i)
      if (code === opaque) {
        const node = this.exactly(path)
        if (typeof node === 'object') for (const name of [...node.children.keys()]) this.drop(node, name)
      } else {
        const slash = path.lastIndexOf('/')
        const parent = slash < 0 ? this.root : this.find(path.slice(0, slash)).node
        if (typeof parent === 'object') this.drop(parent, path.slice(slash + 1))
      }
    }
  }

  /** Returns what is at a path without symlinks. */
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
      if (there === undefined) this.put(parent, name, next)
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

// By their numbers in a table's kinds. From `removal` on they are not files: whiteouts, and directories whose time only the build
// knows.
const hardlink = 1
const directory = 5
const removal = 7
const opaque = 8
