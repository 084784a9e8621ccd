import { digestOf, sameContent } from '../../../files/layer/index.ts'
import type { Directory, Node } from '../../../files/tree/index.ts'

const capability = 'security.capability'

/**
 * Whether two directories contain the same, apart from times: names, kinds, modes, owners, capabilities, link targets and contents.
 * Yields regularly.
 */
export function* isAlike(one: Directory, other: Directory): Generator<void, boolean> {
  if (one === other) return true
  if (one.children.size !== other.children.size) return false
  for (const [name, node] of one.children) {
    const twin = other.children.get(name)
    if (twin === node) continue
    if (twin === undefined || !isSameNode(node, twin)) return false
    if (node.kind === 'directory' && !(yield* isAlike(node, twin as Directory))) return false
    yield
  }
  return true
}

function isSameNode(a: Node, b: Node): boolean {
  if (a.kind !== b.kind || a.mode !== b.mode || a.uid !== b.uid || a.gid !== b.gid) return false
  if (Buffer.compare(a.xattrs?.get(capability) ?? empty, b.xattrs?.get(capability) ?? empty) !== 0) return false
  if (a.kind === 'file' && b.kind === 'file') return a.size === b.size && sameContent(a, b)
  if (a.kind === 'symlink' && b.kind === 'symlink') return a.target === b.target
  if ((a.kind === 'char' || a.kind === 'block') && (b.kind === 'char' || b.kind === 'block'))
    return a.major === b.major && a.minor === b.minor
  return true
}

const empty = Buffer.alloc(0)

/** Whether every file and symlink below a directory is also somewhere below the other one, under the same name. */
export function* isPartOf(one: Directory, other: Directory): Generator<void, boolean> {
  const there = new Set<string>()
  for (const fact of factsBelow(other)) {
    there.add(fact)
    yield
  }
  for (const fact of factsBelow(one)) {
    if (!there.has(fact)) return false
    yield
  }
  return true
}

function* factsBelow(directory: Directory): Generator<string> {
  for (const [name, node] of directory.children)
    if (node.kind === 'directory') yield* factsBelow(node)
    else if (node.kind === 'file') yield `${name}\0${node.size} ${digestOf(node)}`
    else if (node.kind === 'symlink') yield `${name}\0${node.target}`
}
