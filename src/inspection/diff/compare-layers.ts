import type { LayerDifference } from '../../api/index.ts'
import { tableOf } from '../../files/layer/index.ts'
import type { InspectedLayer } from '../image.ts'
import { compareMetadata, factsOf } from './compare-metadata.ts'
import { type PlacedEntry, sameColumns } from './layer-entries.ts'
import type { ByteComparison } from './same-bytes.ts'

/** A layer and its number in its image, from 1. */
export interface NumberedLayer {
  readonly number: number
  readonly layer: InspectedLayer
}

export interface LayerPair {
  readonly a?: NumberedLayer
  readonly b?: NumberedLayer
}

/** Pairs layers: equal ones at both ends, and those in between in order. */
export function pairLayers(a: readonly NumberedLayer[], b: readonly NumberedLayer[]): readonly LayerPair[] {
  const isSame = (x: NumberedLayer | undefined, y: NumberedLayer | undefined) =>
    x !== undefined && y !== undefined && x.layer.index.diffId === y.layer.index.diffId
  let head = 0
  while (isSame(a[head], b[head])) head += 1
  let tail = 0
  while (tail < Math.min(a.length, b.length) - head && isSame(a.at(-1 - tail), b.at(-1 - tail))) tail += 1
  const pair = (x: NumberedLayer | undefined, y: NumberedLayer | undefined): LayerPair => ({
    ...(x === undefined ? {} : { a: x }),
    ...(y === undefined ? {} : { b: y }),
  })
  const between = Math.max(a.length, b.length) - head - tail
  return [
    ...a.slice(0, head).map((x, i) => pair(x, b[i])),
    ...Array.from({ length: between }, (_, i) =>
      pair(a.slice(head, a.length - tail)[i], b.slice(head, b.length - tail)[i]),
    ),
    ...a.slice(a.length - tail).map((x, i) => pair(x, b[b.length - tail + i])),
  ]
}

/** Tells whether two layers with different bytes agree in everything about their files. */
export function sameFiles(
  a: InspectedLayer,
  b: InspectedLayer,
  bytes: ByteComparison,
): 'same' | 'other-order' | 'different' {
  const before = entriesOf(a)
  const after = entriesOf(b)
  if (before.length !== after.length) return 'different'
  const isSame = (x: PlacedEntry, y: PlacedEntry | undefined) => y !== undefined && sameEntry(x, y, bytes)
  if (before.every((entry, i) => isSame(entry, after[i]))) return 'same'
  const nameOf = ({ table, i }: PlacedEntry) => `${table.kind(i)} ${table.path(i)}`
  const byName = new Map(after.map((entry) => [nameOf(entry), entry]))
  if (byName.size !== after.length) return 'different'
  return before.every((entry) => isSame(entry, byName.get(nameOf(entry)))) ? 'other-order' : 'different'
}

/** Returns the difference of a pair with different digests whose files are equal, or of which one side is missing. */
export function layerDifference({ a, b }: LayerPair, kind: LayerDifference['kind'], detail: string): LayerDifference {
  return {
    kind,
    ...(a === undefined ? {} : { a: a.number, digestA: a.layer.index.diffId }),
    ...(b === undefined ? {} : { b: b.number, digestB: b.layer.index.diffId }),
    detail,
  }
}

/** Returns the entries in the layer itself: `touch` exists only in the index of its builder. */
function entriesOf(layer: InspectedLayer): readonly PlacedEntry[] {
  const table = tableOf(layer.index)
  return Array.from({ length: table.count }, (_, i) => ({ layer, table, i })).filter(
    ({ i }) => table.kind(i) !== 'touch',
  )
}

function sameEntry(a: PlacedEntry, b: PlacedEntry, bytes: ByteComparison): boolean {
  const kind = a.table.kind(a.i)
  if (kind !== b.table.kind(b.i) || a.table.path(a.i) !== b.table.path(b.i)) return false
  if (kind === 'remove' || kind === 'hide') return true
  if (a.table.link(a.i) !== b.table.link(b.i)) return false
  const isSame = sameColumns(a, b) || compareMetadata(factsOf(a), factsOf(b)).length === 0
  return isSame && (kind !== 'file' || bytes.same(a, b))
}
