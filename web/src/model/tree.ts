import type { ImageContents } from '../library.ts'

/** Paths in columns, each directory directly before what is in it: what is below a path is the range up to its `end`. */
export interface Tree {
  readonly count: number
  readonly name: readonly string[]
  readonly depth: ArrayLike<number>
  /** -1 for the root. */
  readonly parent: Int32Array
  readonly end: Int32Array
}

export function treeOf({ paths }: Pick<ImageContents, 'paths'>): Tree {
  return withRanges(paths.name, paths.depth)
}

function withRanges(name: readonly string[], depth: readonly number[]): Tree {
  const count = name.length
  const parent = new Int32Array(count).fill(-1)
  const end = new Int32Array(count).fill(count)
  const open: number[] = []
  for (let node = 0; node < count; node++) {
    while (open.length > depth[node]!) end[open.pop()!] = node
    if (open.length > 0) parent[node] = open[open.length - 1]!
    open.push(node)
  }
  return { count, name, depth, parent, end }
}

/** The paths of two images as one tree, and the number there of each path of either. */
export interface JoinedTree {
  readonly tree: Tree
  readonly at: readonly [Int32Array, Int32Array]
}

export function joinTrees(a: Tree, b: Tree): JoinedTree {
  const names: string[] = []
  const depths: number[] = []
  const at = [new Int32Array(a.count), new Int32Array(b.count)] as const
  const join = (name: string, depth: number, x: number, y: number): void => {
    const node = names.push(name) - 1
    depths.push(depth)
    if (x >= 0) at[0][x] = node
    if (y >= 0) at[1][y] = node
    const below = new Map<string, [number, number]>()
    if (x >= 0) for (const child of childrenOf(a, x)) below.set(a.name[child]!, [child, -1])
    let isMixed = false
    if (y >= 0)
      for (const child of childrenOf(b, y)) {
        const known = below.get(b.name[child]!)
        if (known !== undefined) known[1] = child
        else {
          below.set(b.name[child]!, [-1, child])
          isMixed = x >= 0
        }
      }
    const list = [...below]
    if (isMixed) list.sort(([one], [other]) => (one < other ? -1 : 1))
    for (const [child, [inA, inB]] of list) join(child, depth + 1, inA, inB)
  }
  join('', 0, 0, 0)
  return { tree: withRanges(names, depths), at }
}

export function* childrenOf({ end }: Tree, node: number): Generator<number> {
  for (let child = node + 1; child < end[node]!; child = end[child]!) yield child
}

/** `/usr/bin`; the root is `/`. */
export function pathOf({ name, parent }: Tree, node: number): string {
  const parts: string[] = []
  for (let at = node; at > 0; at = parent[at]!) parts.push(name[at]!)
  return `/${parts.reverse().join('/')}`
}

/** The path itself and the directories that it is in, the root first. */
export function trailOf({ parent }: Tree, node: number): readonly number[] {
  const trail: number[] = []
  for (let at = node; at >= 0; at = parent[at]!) trail.push(at)
  return trail.reverse()
}

/** Returns the path with that name; undefined if there is none. */
export function findPath(tree: Tree, path: string): number | undefined {
  let node: number | undefined = 0
  for (const part of path.split('/')) {
    if (part === '' || node === undefined) continue
    const parent: number = node
    node = undefined
    for (const child of childrenOf(tree, parent))
      if (tree.name[child] === part) {
        node = child
        break
      }
  }
  return node
}
