import type { DuplicateFiles } from '../../api/index.ts'
import { ContentReader, contentOf, digestOf } from '../../files/layer/index.ts'
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
  let likely = hashedFiles(flat, files)
  // Few are left when some bits of their digests are compared, and others of those that are left: text is made only of these.
  for (const from of [0, 3]) likely = mayBeRepeated(likely, bitsOfDigests(flat, files, likely, from))
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

/** Returns the files that have content and a known digest. */
function hashedFiles(flat: FlatFilesystem, { count, ids }: VisibleFiles): Uint32Array {
  const found = new Uint32Array(count)
  let length = 0
  const isHashed = flat.tables.every((table) => table.isHashed)
  for (let i = 0; i < count; i++) {
    const id = ids[i]!
    if (flat.sizes[id] === 0) continue
    if (!isHashed) {
      const { table, i: entry } = flat.locate(id)
      if (!table.hasDigest(entry)) continue
    }
    found[length++] = i
  }
  return found.subarray(0, length)
}

// A bit for each number, in half a megabyte: what stays in the processor's cache.
const filterBits = 22

/** Returns some bits of the digest of each file, from a byte on: no text is made, as there may be hundreds of thousands. */
function bitsOfDigests(flat: FlatFilesystem, { ids }: VisibleFiles, files: Uint32Array, from: number): Uint32Array {
  const found = new Uint32Array(files.length)
  let [start, end] = [0, 0]
  let digests: Uint8Array = new Uint8Array(0)
  for (let item = 0; item < files.length; item++) {
    const id = ids[files[item]!]!
    if (id < start || id >= end) {
      const layer = flat.layerOf(id)
      const { count, columns } = flat.tables[layer]!
      start = flat.first[layer]!
      end = start + count
      digests = columns.digest
    }
    const at = (id - start) * 32 + from
    found[item] = (digests[at]! << 14) | (digests[at + 1]! << 6) | (digests[at + 2]! >> 2)
  }
  return found
}

/** Leaves out nearly all items whose number no other has. */
function mayBeRepeated(items: Uint32Array, numbers: Uint32Array): Uint32Array {
  const once = new Uint32Array(2 ** filterBits / 32)
  const again = new Uint32Array(once.length)
  for (let at = 0; at < numbers.length; at++) {
    const number = numbers[at]!
    const bit = 1 << (number & 31)
    if ((once[number >>> 5]! & bit) === 0) once[number >>> 5]! |= bit
    else again[number >>> 5]! |= bit
  }
  const found = new Uint32Array(items.length)
  let length = 0
  for (let at = 0; at < items.length; at++) {
    const number = numbers[at]!
    if ((again[number >>> 5]! & (1 << (number & 31))) !== 0) found[length++] = items[at]!
  }
  return found.subarray(0, length)
}
