import type { ImageContents } from '../api/index.ts'
import { joinTrees } from './join-trees.ts'
import { added, directory, effectsOf, removed } from './marks.ts'
import { type Tree, treeOf } from './tree.ts'

/** An image, with its changes by the paths of a tree that another image may share. */
export interface ExploredImage {
  readonly contents: ImageContents
  readonly tree: Tree
  /** Of each path, its first change, and the one after its last; they follow one another, lowest layer first. */
  readonly first: Uint32Array
  readonly end: Uint32Array
  /** Of each change, its layer from 1, and what it does, as an index in `marks`. */
  readonly layers: Uint32Array
  readonly effects: Uint8Array
}

/** What is explored: one image, or two over the same paths. */
export interface Model {
  readonly tree: Tree
  readonly images: readonly [ExploredImage] | readonly [ExploredImage, ExploredImage]
}

export function modelOf(a: ImageContents, b?: ImageContents): Model {
  const own = treeOf(a.paths)
  if (b === undefined) return { tree: own, images: [imageOf(a, own, undefined)] }
  const { tree, at } = joinTrees(own, treeOf(b.paths))
  return { tree, images: [imageOf(a, tree, at[0]), imageOf(b, tree, at[1])] }
}

function imageOf(contents: ImageContents, tree: Tree, at: Int32Array | undefined): ExploredImage {
  const first = new Uint32Array(tree.count)
  const end = new Uint32Array(tree.count)
  const { path, layer } = contents.changes
  for (let i = 0; i < path.length; i++) {
    const own = at === undefined ? path[i]! : at[path[i]!]!
    if (end[own] === 0) first[own] = i
    end[own] = i + 1
  }
  return { contents, tree, first, end, layers: Uint32Array.from(layer), effects: effectsOf(contents.changes) }
}

/** Returns the numbers of a path's changes, lowest layer first. */
export function changesOf({ first, end }: ExploredImage, path: number): readonly number[] {
  return Array.from({ length: end[path]! - first[path]! }, (_, i) => first[path]! + i)
}

/** What a layer did to files, in numbers. */
export interface LayerTally {
  readonly added: number
  readonly changed: number
  readonly removed: number
}

/** Counts what each layer did; the first is that of layer 1. */
export function tallyLayers({ contents, layers, effects }: ExploredImage): readonly LayerTally[] {
  const tallies = contents.layers.map(() => ({ added: 0, changed: 0, removed: 0 }))
  const { type } = contents.changes
  for (let i = 0; i < layers.length; i++) {
    const tally = tallies[layers[i]! - 1]
    if (tally === undefined || type[i] === directory) continue
    tally[effects[i] === added ? 'added' : effects[i] === removed ? 'removed' : 'changed'] += 1
  }
  return tallies
}
