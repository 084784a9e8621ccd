import { TareError } from '../../support/index.ts'
import type { Directory, Node } from './node.ts'

/** Splits a path below a root into names: `.` and empty parts are dropped, `..` never goes above the root. */
export function partsOf(path: string): string[] {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue
    if (part === '..') parts.pop()
    else parts.push(part)
  }
  return parts
}

/** Returns the node at a path without following symlinks. */
export function nodeAt(root: Directory, parts: readonly string[]): Node | undefined {
  let node: Node | undefined = root
  for (const part of parts) {
    if (node?.kind !== 'directory') return undefined
    node = node.children.get(part)
  }
  return node
}

// Linux follows 40 (path_resolution(7)); this is more generous.
const linkLimit = 255

/**
 * Follows all symlinks of the path, including the last, and never leaves the root: absolute targets start at the root, and `..`
 * stops there. Parts that do not exist are kept, so the result is where the path would be created. `follows` may exempt symlinks.
 * Throws `SYMLINK_LOOP`.
 */
export function resolveParts(root: Directory, path: string, follows?: (link: Node) => boolean): string[] {
  const wanted = path.split('/').reverse()
  const resolved: string[] = []
  const trail: (Node | undefined)[] = [root]
  let links = 0
  while (wanted.length > 0) {
    const part = wanted.pop()!
    if (part === '' || part === '.') continue
    if (part === '..') {
      if (resolved.pop() !== undefined) trail.pop()
      continue
    }
    const parent = trail[trail.length - 1]
    const node = parent?.kind === 'directory' ? parent.children.get(part) : undefined
    if (node?.kind !== 'symlink' || follows?.(node) === false) {
      resolved.push(part)
      trail.push(node)
      continue
    }
    if (++links > linkLimit)
      throw new TareError('SYMLINK_LOOP', `too many levels of symbolic links in ${JSON.stringify(path)}`)
    if (node.target.startsWith('/')) {
      resolved.length = 0
      trail.length = 1
    }
    for (const step of node.target.split('/').reverse()) wanted.push(step)
  }
  return resolved
}
