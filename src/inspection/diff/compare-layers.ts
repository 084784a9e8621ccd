import type { LayerDifference } from '../../api/index.ts'
import { kindsOfEntries, type LayerTable, tableOf } from '../../files/layer/index.ts'
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
  const [tableA, tableB] = [tableOf(a.index), tableOf(b.index)]
  const [before, after] = [entriesOf(tableA), entriesOf(tableB)]
  if (before.length !== after.length) return 'different'
  const isSame = (i: number, j: number) =>
    sameEntry({ layer: a, table: tableA, i }, { layer: b, table: tableB, i: j }, bytes)
  if (before.every((i, at) => isSame(i, after[at]!))) return 'same'
  if (sumOfNames(tableA, before) !== sumOfNames(tableB, after)) return 'different'
  const nameOf = (table: LayerTable, i: number) => `${table.kind(i)} ${table.path(i)}`
  const byName = new Map(Array.from(after, (i) => [nameOf(tableB, i), i]))
  if (byName.size !== after.length) return 'different'
  const isFound = (i: number) => {
    const other = byName.get(nameOf(tableA, i))
    return other !== undefined && isSame(i, other)
  }
  return before.every(isFound) ? 'other-order' : 'different'
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

const touch = kindsOfEntries.indexOf('touch')

/** Returns the indexes of the entries in the layer itself: `touch` exists only in the index of its builder. */
function entriesOf({ columns: { kind } }: LayerTable): Uint32Array {
  const found = new Uint32Array(kind.length)
  let count = 0
  for (let i = 0; i < kind.length; i++) if (kind[i] !== touch) found[count++] = i
  return found.subarray(0, count)
}

/** A number that the same names have in any order, and hardly any others: without it, a map of all paths would tell. */
function sumOfNames({ prefixes, names, columns: { prefix, nameEnd } }: LayerTable, entries: Uint32Array): number {
  const sums = prefixes.map((text) => hashOf(Buffer.from(text), 0x811c9dc5))
  let sum = 0
  for (let at = 0; at < entries.length; at++) {
    const i = entries[at]!
    sum += hashOf(names, sums[prefix[i]!]!, i === 0 ? 0 : nameEnd[i - 1]!, nameEnd[i]!) >>> 0
  }
  return sum
}

/** FNV-1a, in 32 bits. */
function hashOf(bytes: Uint8Array, start: number, from = 0, to = bytes.length): number {
  let hash = start
  for (let at = from; at < to; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193)
  return hash
}

function sameEntry(a: PlacedEntry, b: PlacedEntry, bytes: ByteComparison): boolean {
  const kind = a.table.kind(a.i)
  if (kind !== b.table.kind(b.i) || !a.table.hasPathOf(a.i, b.table, b.i)) return false
  if (kind === 'remove' || kind === 'hide') return true
  if (a.table.link(a.i) !== b.table.link(b.i)) return false
  const isSame = sameColumns(a, b) || compareMetadata(factsOf(a), factsOf(b)).length === 0
  return isSame && (kind !== 'file' || bytes.same(a, b))
}
