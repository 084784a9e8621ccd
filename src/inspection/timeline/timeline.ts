import { FlatFilesystem } from '../filesystem/flat.ts'
import type { FlatDirectory, FlatNode } from '../filesystem/flat-directory.ts'
import type { InspectedLayer } from '../image.ts'

/** No entry: nothing is there. */
export const absent = -2

/** What a layer made of a path: entries of the image by their numbers, as in FlatFilesystem; -1 for a directory without one. */
export interface PathChange {
  readonly layer: number
  readonly before: number
  readonly now: number
}

/** A path that any layer has. */
export interface TimedPath {
  children: ReadonlyMap<string, TimedPath>
  /** By layer. */
  readonly changes: PathChange[]
  /** What is there, in the layers so far. */
  now: number
  directory: FlatDirectory | undefined
  before: number
  touchedBy: number
}

/** Every path of an image with what each layer did to it. */
export interface Timeline {
  readonly flat: FlatFilesystem
  readonly root: TimedPath
}

/**
 * Follows the paths of an image through its layers. `before` is called with each layer, and what is below it. Throws
 * `LAYER_INVALID` if they contradict each other.
 */
export function followPaths(
  layers: readonly InspectedLayer[],
  before?: (layer: number, below: FlatFilesystem) => void,
): Timeline {
  const root = newPath()
  const paths = new Map<FlatDirectory, TimedPath>()
  const touched: TimedPath[] = []
  let layer = 0

  const touch = (path: TimedPath, now: number): void => {
    if (path.touchedBy !== layer) {
      path.touchedBy = layer
      path.before = path.now
      touched.push(path)
    }
    path.now = now
  }
  const removeBelow = (path: TimedPath): void => {
    for (const child of path.children.values()) {
      if (child.now === absent) continue
      touch(child, absent)
      child.directory = undefined
      removeBelow(child)
    }
  }
  const set = (parent: FlatDirectory, name: string, node: FlatNode | undefined): void => {
    const above = paths.get(parent)!
    let path = above.children.get(name)
    if (path === undefined) {
      path = newPath()
      if (above.children === none) above.children = new Map()
      ;(above.children as Map<string, TimedPath>).set(name, path)
    }
    const directory = typeof node === 'object' ? node : undefined
    if (path.directory !== directory) {
      // Another directory is an empty one.
      if (path.directory !== undefined) removeBelow(path)
      path.directory = directory
      if (directory !== undefined) paths.set(directory, path)
    }
    touch(path, node === undefined ? absent : typeof node === 'object' ? node.id : node)
  }

  const flat = new FlatFilesystem(layers, { set })
  paths.set(flat.root, root)
  root.directory = flat.root
  root.now = flat.root.id
  for (; layer < layers.length; layer++) {
    before?.(layer, flat)
    flat.add(layer)
    for (const path of touched)
      if (path.before !== path.now) path.changes.push({ layer, before: path.before, now: path.now })
    touched.length = 0
  }
  return { flat, root }
}

// Most paths are files.
const none: ReadonlyMap<string, TimedPath> = new Map()

// One shape for all: there may be hundreds of thousands.
function newPath(): TimedPath {
  return { children: none, changes: [], now: absent, directory: undefined, before: absent, touchedBy: -1 }
}
