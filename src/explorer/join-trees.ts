import { childrenOf, type Tree, treeOf } from './tree.ts'

/** The paths of two images as one tree, and the number there of each path of either. */
export interface JoinedTree {
  readonly tree: Tree
  readonly at: readonly [Int32Array, Int32Array]
}

export function joinTrees(a: Tree, b: Tree): JoinedTree {
  const name: string[] = []
  const depth: number[] = []
  const at = [new Int32Array(a.count), new Int32Array(b.count)] as const
  const join = (own: string, level: number, inA: number, inB: number): void => {
    const path = name.push(own) - 1
    depth.push(level)
    if (inA >= 0) at[0][inA] = path
    if (inB >= 0) at[1][inB] = path
    const below = new Map<string, [number, number]>()
    if (inA >= 0) for (const child of childrenOf(a, inA)) below.set(a.name[child]!, [child, -1])
    let isMixed = false
    if (inB >= 0)
      for (const child of childrenOf(b, inB)) {
        const known = below.get(b.name[child]!)
        if (known !== undefined) known[1] = child
        else {
          below.set(b.name[child]!, [-1, child])
          isMixed = inA >= 0
        }
      }
    const list = [...below]
    if (isMixed) list.sort(([one], [other]) => (one < other ? -1 : 1))
    for (const [child, [x, y]] of list) join(child, level + 1, x, y)
  }
  join('', 0, 0, 0)
  return { tree: treeOf({ name, depth }), at }
}
