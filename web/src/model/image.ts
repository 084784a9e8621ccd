import type { ImageContents } from '../library.ts'
import { joinTrees, type Tree, treeOf } from './tree.ts'

/** An image, with its changes by the paths of a tree that another image may share. */
export interface Image {
  readonly contents: ImageContents
  /** Of each path, its first change; they follow one another. */
  readonly first: Int32Array
  /** Of each path, how many changes it has. */
  readonly changes: Uint16Array
}

/** What the page shows: one image, or two over the same paths. */
export interface Model {
  readonly tree: Tree
  readonly images: readonly [Image] | readonly [Image, Image]
}

export function modelOf(a: ImageContents, b: ImageContents | undefined): Model {
  if (b === undefined) {
    const tree = treeOf(a)
    return { tree, images: [imageOf(a, tree, undefined)] }
  }
  const { tree, at } = joinTrees(treeOf(a), treeOf(b))
  return { tree, images: [imageOf(a, tree, at[0]), imageOf(b, tree, at[1])] }
}

function imageOf(contents: ImageContents, tree: Tree, at: Int32Array | undefined): Image {
  const first = new Int32Array(tree.count)
  const changes = new Uint16Array(tree.count)
  const { path } = contents.changes
  for (let i = 0; i < path.length; i++) {
    const node = at === undefined ? path[i]! : at[path[i]!]!
    if (changes[node] === 0) first[node] = i
    changes[node]! += 1
  }
  return { contents, first, changes }
}

/** Returns the numbers of a path's changes, lowest layer first. */
export function changesOf({ first, changes }: Image, node: number): readonly number[] {
  return Array.from({ length: changes[node]! }, (_, i) => first[node]! + i)
}
