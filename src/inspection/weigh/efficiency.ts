import { type Columns, digestKnown, kindsOfEntries, type LayerTable } from '../../files/layer/index.ts'
import type { FlatFilesystem } from '../filesystem/flat.ts'
import type { FlatNode } from '../filesystem/flat-directory.ts'

/** What dive says about an image: a share from 0 to 1, and bytes. */
export interface Efficiency {
  readonly score: number
  readonly wasted: number
}

interface PathSizes {
  least: number
  sum: number
  times: number
}

/**
 * Computes dive's efficiency: the least that each path takes in any layer, summed, divided by what it takes in all of them. A
 * whiteout takes what a directory held that it removes, and nothing for a file. A directory counts only if its layer has nothing
 * below it. (dive, filetree/efficiency.go)
 */
export class EfficiencyCount {
  private readonly paths = new Map<string, PathSizes>()
  /** What paths begin with in several layers. Any other path is in one layer, and takes the least that it takes at all. */
  private readonly shared: ReadonlySet<string>
  private once = 0

  constructor(tables: readonly LayerTable[]) {
    const layers = new Map<string, number>()
    for (const { prefixes } of tables) for (const prefix of prefixes) layers.set(prefix, (layers.get(prefix) ?? 0) + 1)
    this.shared = new Set([...layers].flatMap(([prefix, count]) => (count > 1 ? [prefix] : [])))
  }

  /** Counts a layer's paths. `below` has the layers below it. */
  add(table: LayerTable, below: FlatFilesystem): void {
    const isShared = Uint8Array.from(table.prefixes, (text) => (this.shared.has(text) ? 1 : 0))
    this.once += sizeOnce(table, isShared)
    const indexes = notOnce(table, isShared)
    if (indexes.length === 0) return
    const parents = parentsOf(table)
    for (const i of indexes) {
      const what = table.kind(i)
      if (what === 'hide' || what === 'touch') continue
      const path = table.path(i)
      if (what === 'directory' && parents.has(`${path}/`)) continue
      this.count(path, what === 'remove' ? removedSize(below, path) : table.columns.size[i]!)
    }
  }

  result(): Efficiency {
    let least = this.once
    let sum = this.once
    let wasted = 0
    for (const one of this.paths.values()) {
      least += one.least
      sum += one.sum
      if (one.times > 1) wasted += one.sum
    }
    return { score: sum === 0 ? 1 : least / sum, wasted }
  }

  private count(path: string, size: number): void {
    const known = this.paths.get(path)
    if (known === undefined) {
      this.paths.set(path, { least: size, sum: size, times: 1 })
      return
    }
    known.least = Math.min(known.least, size)
    known.sum += size
    known.times += 1
  }
}

const hide = kindsOfEntries.indexOf('hide')
const touch = kindsOfEntries.indexOf('touch')

/** Returns the size of a layer's files whose directories no other layer has. */
function sizeOnce({ columns: { size, kind, prefix } }: LayerTable, isShared: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < kind.length; i++)
    sum += isShared[prefix[i]!] === 0 && (kind[i]! & ~digestKnown) === 0 ? size[i]! : 0
  return sum
}

/** Returns the indexes of all other entries. */
function notOnce(table: LayerTable, isShared: Uint8Array): Uint32Array {
  const found = new Uint32Array(table.count)
  return found.subarray(0, listOthers(table.columns, isShared, found))
}

/** No more is in this loop than has to be: what follows it, or happens rarely, would make V8 compile it again for each layer. */
function listOthers({ kind, prefix }: Columns, isShared: Uint8Array, found: Uint32Array): number {
  let count = 0
  for (let i = 0; i < kind.length; i++) {
    found[count] = i
    count += isShared[prefix[i]!] === 0 && (kind[i]! & ~digestKnown) === 0 ? 0 : 1
  }
  return count
}

/** Returns the directories that entries of the layer are below, each with a slash at its end. */
function parentsOf(table: LayerTable): ReadonlySet<string> {
  const isUsed = usedPrefixes(table)
  const parents = new Set<string>()
  for (const [number, text] of table.prefixes.entries()) {
    if (isUsed[number] === 0) continue
    for (let above = text; above !== '' && !parents.has(above); ) {
      parents.add(above)
      above = above.slice(0, above.lastIndexOf('/', above.length - 2) + 1)
    }
  }
  return parents
}

function usedPrefixes({ prefixes, columns: { kind, prefix } }: LayerTable): Uint8Array {
  const isUsed = new Uint8Array(prefixes.length)
  for (let i = 0; i < kind.length; i++) {
    const code = kind[i]! & ~digestKnown
    if (code !== hide && code !== touch) isUsed[prefix[i]!] = 1
  }
  return isUsed
}

function removedSize(below: FlatFilesystem, path: string): number {
  const { node } = below.find(path, { follow: false })
  return typeof node === 'object' ? sizeBelow(below, node) : 0
}

function sizeBelow(flat: FlatFilesystem, node: FlatNode): number {
  if (typeof node === 'number') return flat.sizeOf(node)
  let sum = 0
  node.forEachNode((child) => {
    sum += sizeBelow(flat, child)
  })
  return sum
}
