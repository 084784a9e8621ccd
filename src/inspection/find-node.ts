import type { Node, Tree } from '../files/tree/index.ts'
import { TareError } from '../support/index.ts'

/** Returns the node at a path, following symlinks; undefined also if they lead in a circle, as an image may have them. */
export function findNode(tree: Tree, path: string): Node | undefined {
  try {
    return tree.find(path)
  } catch (error) {
    if (error instanceof TareError && error.code === 'SYMLINK_LOOP') return undefined
    throw error
  }
}
