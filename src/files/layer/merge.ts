import { TareError } from '../../support/index.ts'
import {
  type Content,
  type Directory,
  type Metadata,
  type Node,
  plainDirectory,
  Tree,
  type TreeDraft,
} from '../tree/index.ts'
import type { LayerEntry, LayerIndex } from './layer-index.ts'

/** A layer as needed for a tree: its index, and its uncompressed file. */
export interface StoredLayer {
  readonly index: LayerIndex
  readonly path: string
  /** Where it begins in that file. Default: at its beginning. */
  readonly offset?: number | undefined
}

const contents = new WeakMap<LayerEntry, Content>()

/** Returns the filesystem these layers make, lowest first. Throws `LAYER_INVALID` if they contradict each other. */
export function mergeLayers(layers: readonly StoredLayer[]): Tree {
  const draft = Tree.empty.edit()
  for (const layer of layers) addLayer(draft, layer)
  return new Tree(draft.done())
}

/** Returns the tree with one more layer on top. */
export function withLayer(tree: Tree, layer: StoredLayer): Tree {
  const draft = tree.edit()
  addLayer(draft, layer)
  return new Tree(draft.done())
}

/** Copies digests learnt by reading the layer's files into the index. Returns whether there were new ones. */
export function learnFromReaders(index: LayerIndex): boolean {
  let learnt = false
  // What is no object has never been in a tree.
  const entries = index.table === undefined ? index.entries : (index.made ?? [])
  for (const entry of entries) {
    if (entry.kind !== 'file' || entry.digest !== undefined) continue
    const digest = contents.get(entry)?.digest
    if (digest === undefined) continue
    entry.digest = digest
    learnt = true
  }
  return learnt
}

function addLayer(draft: TreeDraft, layer: StoredLayer): void {
  const merger = new Merger(draft, layer)
  // Removals first: whiteouts and opaque markers apply to lower layers, but may come after entries of their own layer, which must
  // stay. (image-spec, layer.md, "Opaque Whiteout")
  for (const { kind, path } of layer.index.entries) {
    if (kind === 'remove') merger.remove(path)
    else if (kind === 'hide') merger.clear(path)
  }
  for (const entry of layer.index.entries) if (entry.kind !== 'remove' && entry.kind !== 'hide') merger.add(entry)
}

/**
 * Puts a layer's entries on what is below. They are placed as in a directory of the layer's own, where Docker and containerd
 * unpack it: a symlink of the same layer is followed, and anything else of a lower layer gives way to the directory that an
 * entry's path needs.
 */
class Merger {
  private readonly draft: TreeDraft
  private readonly index: LayerIndex
  private readonly layer: StoredLayer
  /** What this layer has put that is no directory. */
  private readonly placed = new Set<Node>()
  // Consecutive entries usually share a directory, so it is looked up only once.
  private directory:
    | { readonly name: string; readonly parts: readonly string[]; readonly children: Map<string, Node> }
    | undefined

  constructor(draft: TreeDraft, layer: StoredLayer) {
    this.draft = draft
    this.index = layer.index
    this.layer = layer
  }

  remove(path: string): void {
    const slash = path.lastIndexOf('/')
    this.parent(slash < 0 ? '' : path.slice(0, slash)).children.delete(path.slice(slash + 1))
  }

  clear(path: string): void {
    this.parent(path).children.clear()
  }

  add(entry: LayerEntry): void {
    const slash = entry.path.lastIndexOf('/')
    const name = entry.path.slice(slash + 1)
    const parent = this.parent(slash < 0 ? '' : entry.path.slice(0, slash))
    const there = parent.children.get(name)
    if (entry.kind !== 'directory' && entry.kind !== 'touch') {
      const node = this.node(entry)
      parent.children.set(name, node)
      if (entry.kind !== 'hardlink') this.placed.add(node)
      if (there?.kind === 'directory') this.directory = undefined
      return
    }
    const parts = [...parent.parts, name]
    if (there?.kind === 'directory') this.draft.change(parts, metadataOf(entry))
    else this.draft.makeDirectory(parts, metadataOf(entry))
    // The cached directory may be a copy by now, or a child of it may have been replaced.
    if (this.directory !== undefined && `${this.directory.name}/`.startsWith(`${entry.path}/`))
      this.directory = undefined
  }

  private parent(path: string): { readonly parts: readonly string[]; readonly children: Map<string, Node> } {
    if (this.directory?.name === path) return this.directory
    const parts = this.draft.resolve(path, (link) => this.placed.has(link))
    try {
      this.draft.makeDirectories(parts, plainDirectory(0))
    } catch (error) {
      if (!(error instanceof TareError) || error.code !== 'NOT_A_DIRECTORY') throw error
      this.makeWay(parts, path)
      this.draft.makeDirectories(parts, plainDirectory(0))
    }
    this.directory = { name: path, parts, children: this.draft.contents(parts) }
    return this.directory
  }

  /** Removes what a lower layer has in the way. */
  private makeWay(parts: readonly string[], path: string): void {
    let there: Node | undefined = this.draft.root
    for (let count = 0; there?.kind === 'directory' && count < parts.length; count++) {
      there = there.children.get(parts[count]!)
      if (there === undefined || there.kind === 'directory') continue
      if (this.placed.has(there))
        throw new TareError(
          'LAYER_INVALID',
          `layer ${this.index.diffId} has entries below "${path}", which is not a directory`,
        )
      this.draft.remove(parts.slice(0, count + 1))
    }
  }

  private node(entry: LayerEntry): Node {
    return entry.kind === 'hardlink' ? this.linked(entry) : nodeOf(entry, () => this.content(entry))
  }

  private linked(entry: LayerEntry): Exclude<Node, Directory> {
    const target = this.draft.get(this.placeOf(entry.link ?? ''))
    if (target === undefined || target.kind === 'directory') {
      throw new TareError(
        'LAYER_INVALID',
        `layer ${this.index.diffId} has a hard link "${entry.path}" to "${entry.link}", which is not a file before it`,
      )
    }
    return target
  }

  /** Resolves symlinks in the path's parents, but not its last part. */
  private placeOf(path: string): string[] {
    const slash = path.lastIndexOf('/')
    if (slash < 0) return [path]
    return [...this.draft.resolve(path.slice(0, slash), (link) => this.placed.has(link)), path.slice(slash + 1)]
  }

  private content(entry: LayerEntry): Content {
    const known = contents.get(entry)
    if (known !== undefined) return known
    const content = contentOf(this.layer, entry)
    contents.set(entry, content)
    content.digest = entry.digest
    return content
  }
}

/** Where the bytes of a file of the layer lie. */
export function contentOf({ path, offset = 0 }: StoredLayer, { size, runs }: LayerEntry): Content {
  if (size === 0) return { kind: 'inline', bytes: new Uint8Array(0) }
  const [run] = runs
  if (runs.length === 1 && run!.length === size) return { kind: 'extent', path, offset: offset + run!.at }
  return { kind: 'sparse', path, runs: offset === 0 ? runs : runs.map((one) => ({ ...one, at: one.at + offset })) }
}

/** Returns the node of an entry that is no directory, and no link to another. */
export function nodeOf(entry: LayerEntry, content: () => Content): Node {
  const metadata = metadataOf(entry)
  switch (entry.kind) {
    case 'file':
      return { kind: 'file', ...metadata, size: entry.size, content: content() }
    case 'symlink':
      return { kind: 'symlink', ...metadata, target: entry.link ?? '' }
    case 'char':
    case 'block':
      return { kind: entry.kind, ...metadata, major: entry.device?.[0] ?? 0, minor: entry.device?.[1] ?? 0 }
    default:
      return { kind: 'fifo', ...metadata }
  }
}

export function metadataOf({ mode, uid, gid, mtime, mtimeNs, xattrs }: LayerEntry): Metadata {
  return { mode, uid, gid, mtime, mtimeNs, ...(xattrs === undefined ? {} : { xattrs }) }
}
