import { sortNames } from '../../support/index.ts'
import type { Directory, Metadata, Node, RegularFile } from './node.ts'

/**
 * A difference between two trees, in layer order.
 * - `put`: the node is new or changed, or is a directory containing something that is.
 * - `touch`: a directory of which only the time changed. Not part of a layer, but of the tree.
 * - `remove`: the node is gone.
 */
export type Difference =
  | { readonly kind: 'put'; readonly path: string; readonly node: Node }
  | { readonly kind: 'touch'; readonly path: string; readonly node: Directory }
  | { readonly kind: 'remove'; readonly path: string }

/** Whether two files have the same content; called only if size and time agree. */
export type SameContent = (a: RegularFile, b: RegularFile) => boolean

/**
 * Returns the changes from `before` to `after`, by the rules of containerd's overlay differ, which Docker's image store uses: a
 * directory has changed if its mode, owner or capabilities have, never because of its time; other nodes also by size, time (to
 * the nanosecond) and content. (containerd trusts equal size and time if they have nanoseconds; here content decides.)
 * Depth-first, names sorted by their bytes.
 */
export function compareTrees(before: Directory, after: Directory, sameContent: SameContent): Difference[] {
  const found: Difference[] = []
  compareDirectories(before, after, '', sameContent, found)
  return found
}

/** Adds the differences below a directory to `found`; returns whether any of them belongs in a layer. */
function compareDirectories(
  before: Directory | undefined,
  after: Directory,
  prefix: string,
  sameContent: SameContent,
  found: Difference[],
): boolean {
  if (before === after) return false
  const names = [...after.children.keys()]
  if (before !== undefined) for (const name of before.children.keys()) if (!after.children.has(name)) names.push(name)
  let told = false
  for (const name of sortNames(names)) {
    const old = before?.children.get(name)
    const node = after.children.get(name)
    if (old === node) continue
    if (node?.kind === 'directory') {
      if (compareDirectory(old, node, prefix, name, sameContent, found)) told = true
      continue
    }
    if (node !== undefined && old !== undefined && sameNode(old, node, sameContent)) continue
    found.push(
      node === undefined ? { kind: 'remove', path: prefix + name } : new NodeDifference('put', prefix, name, node),
    )
    told = true
  }
  return told
}

function compareDirectory(
  old: Node | undefined,
  node: Directory,
  prefix: string,
  name: string,
  sameContent: SameContent,
  found: Difference[],
): boolean {
  const was = old?.kind === 'directory' ? old : undefined
  const place = found.length
  found.push(new NodeDifference('put', prefix, name, node))
  const told = compareDirectories(was, node, `${prefix}${name}/`, sameContent, found)
  if (was === undefined || told || !sameMetadata(was, node)) return true
  if (was.mtime !== node.mtime || was.mtimeNs !== node.mtimeNs)
    found[place] = new NodeDifference('touch', prefix, name, node)
  else found.splice(place, 1)
  return false
}

/** There may be hundreds of thousands, so the path is put together when it is needed. */
class NodeDifference<Kind extends 'put' | 'touch', Its extends Node> {
  readonly kind: Kind
  readonly node: Its
  private readonly prefix: string
  private readonly name: string

  constructor(kind: Kind, prefix: string, name: string, node: Its) {
    this.kind = kind
    this.prefix = prefix
    this.name = name
    this.node = node
  }

  get path(): string {
    return this.prefix + this.name
  }
}

function sameMetadata(a: Metadata, b: Metadata): boolean {
  return a.mode === b.mode && a.uid === b.uid && a.gid === b.gid && sameCapabilities(a, b)
}

function sameCapabilities(a: Metadata, b: Metadata): boolean {
  const x = a.xattrs?.get('security.capability')
  const y = b.xattrs?.get('security.capability')
  return x === y || (x !== undefined && y !== undefined && Buffer.compare(x, y) === 0)
}

function sameNode(a: Node, b: Node, sameContent: SameContent): boolean {
  if (a.kind !== b.kind || !sameMetadata(a, b) || a.mtime !== b.mtime || a.mtimeNs !== b.mtimeNs) return false
  if (a.kind === 'file' && b.kind === 'file') return a.size === b.size && sameContent(a, b)
  if (a.kind === 'symlink' && b.kind === 'symlink') return a.target === b.target
  if ((a.kind === 'char' || a.kind === 'block') && (b.kind === 'char' || b.kind === 'block'))
    return a.major === b.major && a.minor === b.minor
  return true
}
