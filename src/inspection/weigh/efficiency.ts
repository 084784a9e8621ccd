import type { LayerEntry } from '../../files/layer/index.ts'
import { withLayer } from '../../files/layer/index.ts'
import { type Directory, Tree } from '../../files/tree/index.ts'
import type { InspectedLayer } from '../image.ts'

/** What dive says of an image: a share from 0 to 1, and bytes. */
export interface Efficiency {
  readonly score: number
  readonly wasted: number
}

/**
 * dive's efficiency: over all paths, the least that one takes in any layer, of what it takes in all of them. A whiteout takes
 * what a directory held that it removes, and nothing for a file. A directory counts only where its layer has nothing below it.
 * (dive, filetree/efficiency.go)
 */
export function efficiencyOf(layers: readonly InspectedLayer[]): Efficiency {
  const paths = new Map<string, { least: number; sum: number; times: number }>()
  let below = Tree.empty
  for (const layer of layers) {
    for (const [path, size] of leavesOf(layer.index.entries, below)) {
      const known = paths.get(path)
      if (known === undefined) paths.set(path, { least: size, sum: size, times: 1 })
      else {
        known.least = Math.min(known.least, size)
        known.sum += size
        known.times += 1
      }
    }
    below = withLayer(below, layer)
  }
  let least = 0
  let sum = 0
  let wasted = 0
  for (const one of paths.values()) {
    least += one.least
    sum += one.sum
    if (one.times > 1) wasted += one.sum
  }
  return { score: sum === 0 ? 1 : least / sum, wasted }
}

function* leavesOf(entries: readonly LayerEntry[], below: Tree): Generator<readonly [path: string, size: number]> {
  const parents = new Set<string>()
  for (const { path, kind } of entries) if (kind !== 'hide' && kind !== 'touch') parents.add(parentOf(path))
  for (const entry of entries) {
    if (entry.kind === 'hide' || entry.kind === 'touch') continue
    if (entry.kind === 'directory' && parents.has(entry.path)) continue
    yield [entry.path, entry.kind === 'remove' ? removedSize(below, entry.path) : entry.size]
  }
}

function removedSize(below: Tree, path: string): number {
  const node = below.get(path)
  return node?.kind === 'directory' ? sizeBelow(node) : 0
}

function sizeBelow(directory: Directory): number {
  let sum = 0
  for (const node of directory.children.values()) {
    if (node.kind === 'directory') sum += sizeBelow(node)
    else if (node.kind === 'file') sum += node.size
  }
  return sum
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf('/')
  return slash < 0 ? '' : path.slice(0, slash)
}
