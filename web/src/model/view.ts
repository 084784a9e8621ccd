import type { Image } from './image.ts'
import type { Tree } from './tree.ts'

/** Which part of an image: all of it; what its layers up to one make; or what one of them did. Layers count from 1. */
export type Scope =
  | { readonly kind: 'all' }
  | { readonly kind: 'through'; readonly layer: number }
  | { readonly kind: 'only'; readonly layer: number }

export const states = { absent: 0, same: 1, added: 2, changed: 3, removed: 4 } as const

/** What a part of an image shows of each path. */
export interface View {
  readonly image: Image
  readonly scope: Scope
  /** One of `states`. */
  readonly state: Uint8Array
  /** The change that made it what it is; -1 if it is not there. */
  readonly change: Int32Array
  /** Bytes of a path and all below it. A file with several names counts at the first. */
  readonly total: Float64Array
  /** Files below a path, and itself if it is one. */
  readonly files: Uint32Array
  /** Of a directory, the file in it that weighs most; else the path itself. */
  readonly heaviest: Int32Array
}

const removal = 3
const directory = 1
const stateOfChange = [states.added, states.changed, states.changed, states.removed]

/** `compared`: the states that a comparison with another image gives to paths that are there. */
export function viewOf(tree: Tree, image: Image, scope: Scope, compared?: Uint8Array): View {
  const { first, changes, contents } = image
  const { layer, change: kind, type, size, linked } = contents.changes
  const { count } = tree
  const state = new Uint8Array(count)
  const change = new Int32Array(count).fill(-1)
  const total = new Float64Array(count)
  const files = new Uint32Array(count)
  const own = new Float64Array(count)
  const heaviest = new Int32Array(count)
  const seen = new Set<number>()
  const limit = scope.kind === 'all' ? Number.POSITIVE_INFINITY : scope.layer
  for (let node = 0; node < count; node++) {
    heaviest[node] = node
    const start = first[node]!
    let last = -1
    for (let i = start; i < start + changes[node]! && layer[i]! <= limit; i++) last = i
    if (last < 0) continue
    const isOfLayer = layer[last] === limit
    if (scope.kind === 'only' && !isOfLayer) continue
    if (kind[last] === removal && !isOfLayer) continue
    // A directory that a layer only mentions.
    if (scope.kind === 'only' && type[last] === directory && kind[last] === 2) continue
    const removed = kind[last] === removal
    state[node] = isOfLayer
      ? type[last] === directory && kind[last] === 2
        ? states.same
        : stateOfChange[kind[last]!]!
      : (compared?.[node] ?? states.same)
    change[node] = last
    if (type[last] === directory || (removed && scope.kind !== 'only')) continue
    files[node] = 1
    if (linked[last]! > 0) {
      if (seen.has(linked[last]!)) continue
      seen.add(linked[last]!)
    }
    own[node] = size[last]!
    total[node] = size[last]!
  }
  if (count > 0 && state[0] === states.absent) state[0] = states.same
  for (let node = count - 1; node > 0; node--) {
    const parent = tree.parent[node]!
    total[parent]! += total[node]!
    files[parent]! += files[node]!
    // The directories that hold what a layer changed.
    if (state[node] !== states.absent && state[parent] === states.absent) state[parent] = states.same
    if (own[heaviest[node]!]! > own[heaviest[parent]!]! || heaviest[parent] === parent)
      heaviest[parent] = heaviest[node]!
  }
  return { image, scope, state, change, total, files, heaviest }
}

/** Whether a path shows as a directory. */
export function isDirectory({ change, image }: View, tree: Tree, node: number): boolean {
  const at = change[node]!
  return at < 0 ? tree.end[node]! > node + 1 || node === 0 : image.contents.changes.type[at] === directory
}

/** The layer that made a path what it is; 0 for none. */
export function layerOf({ change, image }: View, node: number): number {
  const at = change[node]!
  return at < 0 ? 0 : image.contents.changes.layer[at]!
}

/** What a layer did, in numbers. */
export interface LayerTally {
  readonly added: number
  readonly changed: number
  readonly removed: number
}

/** Counts what each layer did to files; the first is that of layer 1. */
export function tallyLayers({ contents }: Image): readonly LayerTally[] {
  const tallies = contents.layers.map(() => ({ added: 0, changed: 0, removed: 0 }))
  const { layer, change, type } = contents.changes
  for (let i = 0; i < layer.length; i++) {
    const tally = tallies[layer[i]! - 1]
    if (tally === undefined || type[i] === directory) continue
    tally[change[i] === 0 ? 'added' : change[i] === removal ? 'removed' : 'changed'] += 1
  }
  return tallies
}
