import { hasWildcard } from '../../dockerfile/values/index.ts'
import { nodeAt, partsOf, type Tree } from '../../files/tree/index.ts'

/** The part of a tree that a build reads: some entries with all below them, and the folders and links on the way to them. */
export class NeededPaths {
  private readonly whole = new Set<string>()
  private readonly onTheWay = new Set<string>()

  /** Whether an entry is needed. */
  includes(path: string): boolean {
    if (this.whole.has('') || this.onTheWay.has(path) || this.whole.has(path)) return true
    for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1))
      if (this.whole.has(path.slice(0, at))) return true
    return false
  }

  /** Adds what a path names, through all symlinks. */
  add(tree: Tree, path: string): void {
    const wanted = path.split('/').reverse()
    const resolved: string[] = []
    // As often as a path is resolved in trees at all: it has been before.
    for (let steps = 0; wanted.length > 0 && steps < 100_000; steps++) {
      const part = wanted.pop()!
      if (part === '' || part === '.') continue
      if (part === '..') {
        resolved.pop()
        continue
      }
      const here = [...resolved, part]
      const node = nodeAt(tree.root, here)
      if (here.length > 0) this.onTheWay.add(here.join('/'))
      if (node?.kind !== 'symlink') {
        resolved.push(part)
        continue
      }
      if (node.target.startsWith('/')) resolved.length = 0
      for (const step of node.target.split('/').reverse()) wanted.push(step)
    }
    this.whole.add(resolved.join('/'))
  }

  /** Adds everything that a pattern may match without following links, from the part before its first wildcard. */
  addPattern(tree: Tree, base: string, pattern: string): void {
    const parts = partsOf(pattern)
    const wild = parts.findIndex(hasWildcard)
    const start = [tree.resolve(base), ...(wild < 0 ? parts : parts.slice(0, wild))].filter((part) => part !== '')
    this.add(tree, base)
    this.whole.delete(tree.resolve(base))
    const names = start.join('/').split('/')
    for (let end = 1; end < names.length; end++) this.onTheWay.add(names.slice(0, end).join('/'))
    this.whole.add(start.join('/'))
  }
}
