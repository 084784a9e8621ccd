import { decodeName, TareError } from '../../support/index.ts'
import { readWhole } from '../layer/index.ts'
import type { Tree } from '../tree/index.ts'
import { type BuildContext, textLimit } from './context.ts'

export interface TreeContextOptions {
  readonly timed?: boolean
  readonly madeAt?: () => Promise<number | undefined>
  /** Called once the tree's contents are no longer needed. */
  readonly close?: () => void
}

/** Returns a tree as a context without ignored files. */
export function treeContext(
  name: string,
  tree: Tree,
  { timed = false, madeAt, close }: TreeContextOptions = {},
): BuildContext {
  return {
    name,
    tree,
    timed,
    readText: (path) => textIn(tree, path),
    ignoredBy: () => undefined,
    ...(madeAt === undefined ? {} : { madeAt }),
    close: close ?? (() => {}),
  }
}

function textIn(tree: Tree, path: string): string | undefined {
  const node = tree.find(path)
  if (node === undefined) return undefined
  if (node.kind !== 'file') throw new TareError('CONTEXT_UNREADABLE', `${path} is not a file`)
  if (node.size > textLimit)
    throw new TareError('CONTEXT_UNREADABLE', `${path} is too large for a text file (${node.size} bytes)`)
  return decodeName(readWhole(node, textLimit))
}
