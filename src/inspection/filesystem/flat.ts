import { digestKnown, kindsOfEntries, type LayerEntry, type LayerTable } from '../../files/layer/index.ts'
import { deepestPath, sortNames, TareError } from '../../support/index.ts'
import type { InspectedLayer } from '../image.ts'
import { FlatDirectory, type FlatNode } from './flat-directory.ts'
import { FlatEntries } from './flat-entries.ts'

/** The result of resolving a path. */
export interface FoundNode {
  readonly node: FlatNode | undefined
  /** The path with symlinks resolved: `usr/lib/x`. */
  readonly path: string
}

/** Where paths of a layer's entries begin, by that part of them. */
type Parents = Map<string, FlatDirectory>

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
export class FlatFilesystem extends FlatEntries {
  readonly root = new FlatDirectory(-1)
  /** Entries with several names. */
  readonly linked = new Set<number>()
  private readonly observer: FlatObserver | undefined

  /** Does not add any of `layers` yet: see `add`. */
  constructor(layers: readonly Pick<InspectedLayer, 'index'>[], observer?: FlatObserver) {
    super(layers)
    this.observer = observer
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
    this.removeHidden(table, layer)
    const parents: Parents = new Map()
    const { prefix } = table.columns
    for (let from = 0, to = 0; from < table.count; from = to) {
      to = endOfRun(prefix, from)
      if (!this.addRun(layer, from, to, parents)) for (let i = from; i < to; i++) this.addEntry(layer, i, parents)
    }
  }

  /** Adds entries as they are if nothing else is in their directory; returns whether it was so. */
  private addRun(layer: number, from: number, to: number, parents: Parents): boolean {
    if (this.observer !== undefined || !this.areFiles(layer, from, to)) return false
    const table = this.tables[layer]!
    const parent = this.parentOf(layer, from, parents)
    if (parent.size > 0 || !table.areNamesSorted(from, to)) return false
    parent.hold({ table, from, to, id: this.first[layer]! + from })
    return true
  }

  private areFiles(layer: number, from: number, to: number): boolean {
    const first = this.first[layer]!
    return areFiles(this.kinds, first + from, first + to)
  }

  private addEntry(layer: number, i: number, parents: Parents): void {
    const table = this.tables[layer]!
    const id = this.first[layer]! + i
    const code = this.kinds[id]!
    if (code >= removal) return
    const parent = this.parentOf(layer, i, parents)
    const name = table.name(i)
    const there = parent.children.get(name)
    if (code !== directory) {
      this.put(parent, name, code === hardlink ? this.linkTarget(table, i, layer) : id)
      // Cached paths of this layer may now lead to another directory.
      if (typeof there === 'object' || (there !== undefined && this.kindOf(there) === 'symlink')) parents.clear()
    } else if (typeof there === 'object') {
      there.id = id
      this.observer?.set(parent, name, there)
    } else {
      this.put(parent, name, new FlatDirectory(id))
      if (there !== undefined) parents.clear()
    }
  }

  private parentOf(layer: number, i: number, parents: Parents): FlatDirectory {
    const table = this.tables[layer]!
    const prefix = table.prefixes[table.columns.prefix[i]!]!
    const known = parents.get(prefix)
    if (known !== undefined) return known
    const parent = this.childOf(prefix, parents) ?? this.makeDirectories(prefix, layer)
    parents.set(prefix, parent)
    return parent
  }

  /** Returns a directory in one that has been found before: most are, so that few paths are followed from the root. */
  private childOf(prefix: string, parents: Parents): FlatDirectory | undefined {
    const start = prefix.lastIndexOf('/', prefix.length - 2) + 1
    const above = start === 0 ? this.root : parents.get(prefix.slice(0, start))
    const name = prefix.slice(start, -1)
    const node = name === '' || name === '.' || name === '..' ? undefined : above?.children.get(name)
    return typeof node === 'object' ? node : undefined
  }

  kindOf(node: FlatNode): LayerEntry['kind'] {
    return typeof node === 'object' ? 'directory' : kindsOfEntries[this.kinds[node]!]!
  }

  /** Returns the size of a file; 0 for anything else. */
  sizeOf(node: FlatNode): number {
    return typeof node === 'object' ? 0 : this.sizes[node]!
  }

  /**
   * Resolves a path, following symlinks within the root, and at its end only if `follow`; with `from`, only the entries from that
   * number on. Throws `SYMLINK_LOOP`.
   */
  find(
    path: string,
    { follow = true, from = 0 }: { readonly follow?: boolean; readonly from?: number } = {},
  ): FoundNode {
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
      const followed = typeof node === 'number' && node >= from && (follow || wanted.length > 0)
      const target = followed ? this.targetOf(node) : undefined
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
  private removeHidden(table: LayerTable, layer: number): void {
    const { kind } = table.columns
    for (let i = nextRemoval(kind, 0); i < table.count; i = nextRemoval(kind, i + 1)) {
      const code = kind[i]! & ~digestKnown
      const path = table.path(i)
      if (code === opaque) {
        const hidden = this.makeDirectories(path, layer)
        for (const name of [...hidden.children.keys()]) this.drop(hidden, name)
      } else if (path !== '') {
        const slash = path.lastIndexOf('/')
        this.drop(this.makeDirectories(slash < 0 ? '' : path.slice(0, slash), layer), path.slice(slash + 1))
      }
    }
  }

  /** Returns the directory of a layer's entries. What a lower layer has in its way gives way, as in `mergeLayers`. */
  private makeDirectories(prefix: string, layer: number): FlatDirectory {
    if (prefix === '') return this.root
    const own = this.first[layer]!
    const { path } = this.find(prefix, { from: own })
    const names = path === '' ? [] : path.split('/')
    if (names.length > deepestPath + 1)
      throw new TareError('PATH_TOO_DEEP', `a path of the image lies ${names.length} directories deep`, {
        remedy: `Linux allows ${deepestPath}.`,
      })
    let parent = this.root
    for (const name of names) {
      const there = parent.children.get(name)
      if (typeof there === 'number' && there >= own)
        throw this.contradiction(layer, `has entries below "${path}", which is not a directory`)
      const next = typeof there === 'object' ? there : new FlatDirectory(-1)
      if (next !== there) this.put(parent, name, next)
      parent = next
    }
    return parent
  }

  private linkTarget(table: LayerTable, i: number, layer: number): number {
    const link = table.link(i) ?? ''
    const { node } = this.find(link, { follow: false, from: this.first[layer]! })
    if (typeof node !== 'number')
      throw this.contradiction(layer, `has a hard link "${table.path(i)}" to "${link}", which is not a file before it`)
    this.linked.add(node)
    return node
  }

  private contradiction(layer: number, what: string): TareError {
    return new TareError('LAYER_INVALID', `layer ${this.layers[layer]!.index.diffId} ${what}`)
  }
}

// Loops over all entries are functions of their own: V8 then has little to compile, and nothing that it would compile again.

/** Returns where entries with another prefix begin. */
function endOfRun(prefix: Uint32Array, from: number): number {
  let to = from + 1
  while (to < prefix.length && prefix[to] === prefix[from]) to += 1
  return to
}

function areFiles(kinds: Uint8Array, from: number, to: number): boolean {
  for (let id = from; id < to; id++) {
    const kind = kinds[id]!
    if (kind === hardlink || kind === directory || kind >= removal) return false
  }
  return true
}

/** Returns the first whiteout or opaque marker from an entry on. */
function nextRemoval(kind: Uint8Array, from: number): number {
  let i = from
  for (; i < kind.length; i++) {
    const code = kind[i]! & ~digestKnown
    if (code === removal || code === opaque) break
  }
  return i
}

// By their numbers in a table's kinds. From `removal` on they are not files: whiteouts, and directories whose time only the build
// knows.
const hardlink = 1
const directory = 5
const removal = 7
const opaque = 8
