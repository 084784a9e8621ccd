import type { DuplicateFiles } from '../../api/index.ts'
import { type Columns, ContentReader, contentOf, digestKnown, digestOf } from '../../files/layer/index.ts'
import type { Digest } from '../../oci/index.ts'
import type { FlatFilesystem } from '../filesystem/flat.ts'
import type { InspectedLayer } from '../image.ts'
import type { VisibleFiles } from './visible-files.ts'

/**
 * Finds files with the same content, those that waste most first. Files whose digest is not known are read, but only if another
 * file has the same size; the tables have it from then on, and `learnt` gets their layers.
 */
export function findDuplicates(
  flat: FlatFilesystem,
  files: VisibleFiles,
  learnt: Set<InspectedLayer>,
): readonly DuplicateFiles[] {
  if (!flat.tables.every((table) => table.isHashed)) readDigests(flat, files, learnt)
  const likely = mayBeRepeated(flat, files)
  const groups = new Map<Digest, number[]>()
  for (const i of likely) {
    const { table, i: entry } = flat.locate(files.ids[i]!)
    const digest = table.digest(entry)!
    const group = groups.get(digest)
    if (group === undefined) groups.set(digest, [i])
    else group.push(i)
  }
  return [...groups]
    .filter(([, group]) => group.length > 1)
    .map(([digest, group]) => ({
      ...{ digest, size: flat.sizeOf(files.ids[group[0]!]!) },
      paths: group.map((i) => files.path(i)),
    }))
    .sort((a, b) => b.size * (b.paths.length - 1) - a.size * (a.paths.length - 1))
}

/** Reads files whose digests are not known, and whose size another file has. */
function readDigests(flat: FlatFilesystem, files: VisibleFiles, learnt: Set<InspectedLayer>): void {
  const reader = new ContentReader()
  try {
    for (const candidate of filesOfRepeatedSizes(flat, files)) {
      const { layer, table, i } = flat.locate(files.ids[candidate]!)
      if (table.hasDigest(i)) continue
      const entry = table.entry(i)
      const digest = digestOf({ ...entry, kind: 'file', content: contentOf(flat.layers[layer]!, entry) }, reader)
      table.keepDigest(i, digest)
      learnt.add(flat.layers[layer]!)
    }
  } finally {
    reader.close()
  }
}

/** Sorting numbers is much faster than a map of them. */
function filesOfRepeatedSizes(flat: FlatFilesystem, { count, ids }: VisibleFiles): readonly number[] {
  const sizes = new Float64Array(count)
  for (let i = 0; i < count; i++) sizes[i] = flat.sizes[ids[i]!]!
  const sorted = sizes.slice().sort()
  const repeated = new Set<number>()
  for (let i = 1; i < count; i++) if (sorted[i] === sorted[i - 1] && sorted[i] !== 0) repeated.add(sorted[i]!)
  const found: number[] = []
  for (let i = 0; i < count; i++) if (repeated.has(sizes[i]!)) found.push(i)
  return found
}

// A bit for each number, in half a megabyte: what stays in the processor's cache.
const filterBits = 22
// Where in a digest they are taken from, at first and then.
const [firstByte, nextByte] = [0, 3]

/**
 * Returns the files whose digests may not be the only ones: few are left when some bits of them are compared, and others of those that
 * are left. Text is made only of these, as there may be hundreds of thousands.
 */
function mayBeRepeated(flat: FlatFilesystem, { count, ids, isVisible }: VisibleFiles): Uint32Array {
  let isLikely = isVisible
  for (const from of [firstByte, nextByte]) {
    const bits = new RepeatedBits()
    const found = new Uint8Array(isLikely.length)
    for (const [layer, { columns }] of flat.tables.entries())
      markDigests(columns, from, isLikely, flat.first[layer]!, bits)
    for (const [layer, { columns }] of flat.tables.entries())
      findRepeated(columns, from, isLikely, flat.first[layer]!, bits.again, found)
    isLikely = found
  }
  const likely = new Uint32Array(count)
  return likely.subarray(0, listLikely(ids, count, isLikely, likely))
}

/** Which numbers occur, and which occur again. */
class RepeatedBits {
  readonly once = new Uint32Array(2 ** filterBits / 32)
  readonly again = new Uint32Array(this.once.length)
}

/** Marks the digests of those files of a layer that are likely and have content and a digest. */
function markDigests(
  { kind, size, digest }: Columns,
  from: number,
  isLikely: Uint8Array,
  first: number,
  { once, again }: RepeatedBits,
): void {
  for (let i = 0; i < kind.length; i++) {
    if (isLikely[first + i] === 0 || kind[i] !== digestKnown || size[i] === 0) continue
    const number = bitsAt(digest, i * 32 + from)
    const bit = 1 << (number & 31)
    const word = once[number >>> 5]!
    again[number >>> 5]! |= word & bit
    once[number >>> 5] = word | bit
  }
}

function findRepeated(
  { kind, size, digest }: Columns,
  from: number,
  isLikely: Uint8Array,
  first: number,
  again: Uint32Array,
  found: Uint8Array,
): void {
  for (let i = 0; i < kind.length; i++) {
    if (isLikely[first + i] === 0 || kind[i] !== digestKnown || size[i] === 0) continue
    const number = bitsAt(digest, i * 32 + from)
    found[first + i] = (again[number >>> 5]! >>> (number & 31)) & 1
  }
}

function bitsAt(digest: Uint8Array, at: number): number {
  return (digest[at]! << 14) | (digest[at + 1]! << 6) | (digest[at + 2]! >> 2)
}

function listLikely(ids: Uint32Array, count: number, isLikely: Uint8Array, likely: Uint32Array): number {
  let length = 0
  for (let i = 0; i < count; i++) {
    likely[length] = i
    length += isLikely[ids[i]!]!
  }
  return length
}
