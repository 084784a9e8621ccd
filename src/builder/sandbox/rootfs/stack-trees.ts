import { mergeLayers } from '../../../files/layer/index.ts'
import { Tree } from '../../../files/tree/index.ts'
import type { Stack } from '../step/index.ts'

/** The filesystem that the lowest `count` layers make. */
export function treeOf(stack: Stack, count: number): Tree {
  if (count === stack.layers.length) return stack.tree()
  return count === 0 ? Tree.empty : mergeLayers(stack.layers.slice(0, count))
}
