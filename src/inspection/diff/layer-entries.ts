import { contentOf, type LayerTable } from '../../files/layer/index.ts'
import type { RegularFile } from '../../files/tree/index.ts'
import type { InspectedLayer } from '../image.ts'

// (tar(5): blocks, and two of zeros at the end)
const blockSize = 512
const endOfArchive = 1024

/** An entry of a layer, as needed for a comparison. */
export interface PlacedEntry {
  readonly layer: InspectedLayer
  readonly table: LayerTable
  readonly i: number
}

/** Whether it is the same entry. */
export function isSameEntry(a: PlacedEntry, b: PlacedEntry): boolean {
  return a.i === b.i && a.layer.index.diffId === b.layer.index.diffId
}

/**
 * Returns the nanoseconds of its time, as far as the layer itself has them: the index of whoever built it has more, but a single
 * plain header cannot store them.
 */
export function nanosecondsOf({ layer, table, i }: PlacedEntry): number {
  const { mtimeNs, at, dataAt } = table.columns
  if (mtimeNs[i] === 0) return 0
  let end = table.isPlain(i) ? dataAt[i]! : (table.entry(i).runs[0]?.at ?? -1)
  for (let next = i + 1; end < 0 && next < table.count; next++) end = at[next]!
  if (end < 0) end = layer.index.size - endOfArchive
  return end - at[i]! <= blockSize ? 0 : mtimeNs[i]!
}

/** Returns the file of an entry, for reading. */
export function fileOf({ layer, table, i }: PlacedEntry): RegularFile {
  const entry = table.entry(i)
  return { ...entry, kind: 'file', content: { ...contentOf(layer, entry), digest: entry.digest } }
}

/** Whether the columns describe both completely, and are equal; excludes contents and names. */
export function sameColumns(a: PlacedEntry, b: PlacedEntry): boolean {
  const [x, y] = [a.table.columns, b.table.columns]
  return (
    a.table.isPlain(a.i) &&
    b.table.isPlain(b.i) &&
    x.mode[a.i] === y.mode[b.i] &&
    x.uid[a.i] === y.uid[b.i] &&
    x.gid[a.i] === y.gid[b.i] &&
    x.mtime[a.i] === y.mtime[b.i] &&
    (x.mtimeNs[a.i] === y.mtimeNs[b.i] || nanosecondsOf(a) === nanosecondsOf(b))
  )
}
