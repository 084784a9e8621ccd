import type { ImageContents } from '../api/index.ts'

/** Paths in columns, each directory directly before what is in it: what is below a path is the range up to its `end`. */
export interface Tree {
  readonly count: number
  readonly name: readonly string[]
  /** 0 for the root. */
  readonly depth: readonly number[]
  /** -1 for the root. */
  readonly parent: Int32Array
  readonly end: Int32Array
}

export function treeOf({ name, depth }: ImageContents['paths']): Tree {
  const count = name.length
  const parent = new Int32Array(count).fill(-1)
  const end = new Int32Array(count).fill(count)
  const open: number[] = []
  for (let path = 0; path < count; path++) {
    while (open.length > depth[path]!) end[open.pop()!] = path
    if (open.length > 0) parent[path] = open[open.length - 1]!
    open.push(path)
  }
  return { count, name, depth, parent, end }
}

export function* childrenOf({ end }: Tree, path: number): Generator<number> {
  for (let child = path + 1; child < end[path]!; child = end[child]!) yield child
}

/** Returns a path as text: `/usr/bin`; `/` for the root. */
export function pathOf({ name, parent }: Tree, path: number): string {
  const names: string[] = []
  for (let at = path; at > 0; at = parent[at]!) names.push(name[at]!)
  return `/${names.reverse().join('/')}`
}

const known = new WeakMap<Tree, readonly string[]>()

/** Returns all paths as text, the root being empty. Kept, because searches want them with every letter. */
export function pathsOf(tree: Tree): readonly string[] {
  const found = known.get(tree)
  if (found !== undefined) return found
  const paths = ['']
  for (let path = 1; path < tree.count; path++) paths.push(`${paths[tree.parent[path]!]!}/${tree.name[path]!}`)
  known.set(tree, paths)
  return paths
}

/** The path itself and the directories that it is in, the root first. */
export function trailOf({ parent }: Tree, path: number): readonly number[] {
  const trail: number[] = []
  for (let at = path; at >= 0; at = parent[at]!) trail.push(at)
  return trail.reverse()
}

/** Returns the path with that name; undefined if there is none. */
export function findPath(tree: Tree, path: string): number | undefined {
  let found: number | undefined = 0
  for (const name of path.split('/')) {
    if (name === '' || found === undefined) continue
    found = [...childrenOf(tree, found)].find((child) => tree.name[child] === name)
  }
  return found
}
