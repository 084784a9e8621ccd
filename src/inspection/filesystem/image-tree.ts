import { contentOf, metadataOf, nodeOf } from '../../files/layer/index.ts'
import { type Directory, type Node, plainDirectory, Tree } from '../../files/tree/index.ts'
import type { InspectedLayer } from '../image.ts'
import { FlatFilesystem } from './flat.ts'
import { FlatDirectory, type FlatNode } from './flat-directory.ts'

/**
 * Returns the filesystem of an image as a tree like that of `mergeLayers`, whose nodes are made when they are asked for: of
 * hundreds of thousands, most never are.
 */
export function treeOf(flat: FlatFilesystem): Tree {
  const nodes = new Nodes(flat)
  return new Tree(nodes.of(flat.root) as Directory)
}

/** The same for layers that are not flattened yet. Throws `LAYER_INVALID` if they contradict each other. */
export function treeOfLayers(layers: readonly InspectedLayer[]): Tree {
  return treeOf(FlatFilesystem.of(layers))
}

/** Returns the directories in a directory, without making nodes of its files where they have not been made. */
export function* directoriesIn({ children }: Directory): Generator<readonly [name: string, directory: Directory]> {
  if (children instanceof LazyChildren) {
    yield* children.directories()
    return
  }
  for (const [name, node] of children) if (node.kind === 'directory') yield [name, node]
}

/** Returns the names that end so of files in a directory. */
export function filesEndingWith({ children }: Directory, ending: string): readonly string[] {
  if (children instanceof LazyChildren) return children.filesEndingWith(ending)
  return [...children].flatMap(([name, node]) => (node.kind !== 'directory' && name.endsWith(ending) ? [name] : []))
}

/** A file under several names is one node. */
class Nodes {
  private readonly flat: FlatFilesystem
  private readonly made = new Map<FlatNode, Node>()

  constructor(flat: FlatFilesystem) {
    this.flat = flat
  }

  of(node: FlatNode): Node {
    let made = this.made.get(node)
    if (made === undefined) {
      made = node instanceof FlatDirectory ? this.directory(node) : this.file(node)
      this.made.set(node, made)
    }
    return made
  }

  private directory(node: FlatDirectory): Directory {
    const children = new LazyChildren(node, this)
    if (node.id < 0) return { kind: 'directory', ...plainDirectory(0), children }
    return { kind: 'directory', ...metadataOf(this.flat.entry(node.id)), children }
  }

  private file(id: number): Node {
    const { layer, table, i } = this.flat.locate(id)
    const entry = table.entry(i)
    return nodeOf(entry, () => ({ ...contentOf(this.flat.layers[layer]!, entry), digest: entry.digest }))
  }
}

class LazyChildren implements ReadonlyMap<string, Node> {
  private readonly directory: FlatDirectory
  private readonly nodes: Nodes

  constructor(directory: FlatDirectory, nodes: Nodes) {
    this.directory = directory
    this.nodes = nodes
  }

  get size(): number {
    return this.directory.size
  }

  get(name: string): Node | undefined {
    const node = this.directory.children.get(name)
    return node === undefined ? undefined : this.nodes.of(node)
  }

  has(name: string): boolean {
    return this.directory.children.has(name)
  }

  keys(): MapIterator<string> {
    return this.directory.children.keys()
  }

  *values(): MapIterator<Node> {
    for (const node of this.directory.children.values()) yield this.nodes.of(node)
  }

  *entries(): MapIterator<[string, Node]> {
    for (const [name, node] of this.directory.children) yield [name, this.nodes.of(node)]
  }

  [Symbol.iterator](): MapIterator<[string, Node]> {
    return this.entries()
  }

  forEach(visit: (node: Node, name: string, all: ReadonlyMap<string, Node>) => void): void {
    for (const [name, node] of this) visit(node, name, this)
  }

  filesEndingWith(ending: string): readonly string[] {
    const { run } = this.directory
    const names: string[] = []
    if (run === undefined) {
      for (const [name, node] of this.directory.children)
        if (typeof node === 'number' && name.endsWith(ending)) names.push(name)
    } else
      for (let i = run.from; i < run.to; i++) if (run.table.doesNameEndWith(i, ending)) names.push(run.table.name(i))
    return names
  }

  *directories(): Generator<readonly [string, Directory]> {
    if (this.directory.run !== undefined) return
    for (const [name, node] of this.directory.children)
      if (typeof node === 'object') yield [name, this.nodes.of(node) as Directory]
  }
}
