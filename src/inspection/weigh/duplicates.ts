import type { DuplicateFiles } from '../../api/index.ts'
import { ContentReader, contentOf, digestOf } from '../../files/layer/index.ts'
import type { Digest } from '../../oci/index.ts'
import type { FlatFilesystem } from '../filesystem/flat.ts'
import type { InspectedLayer } from '../image.ts'
import type { VisibleFiles } from './visible-files.ts'

/** A digest that had to be read, and the entry that has it. */
export interface ReadDigest {
  readonly layer: InspectedLayer
  readonly i: number
  readonly digest: Digest
}

/**
 * Finds files with the same content, those that waste most first. Files whose digest is not known are read, but only if another
 * file has the same size; `read` gets what was learnt.
 */
export function findDuplicates(
  flat: FlatFilesystem,
  files: VisibleFiles,
  read: ReadDigest[],
): readonly DuplicateFiles[] {
  const candidates = candidatesOf(flat, files)
  const learnt = readDigests(flat, candidates, files, read)
  const likely = mayBeRepeated(candidates, beginningsOf(flat, files, candidates, learnt, 0))
  const starts = beginningsOf(flat, files, likely, learnt, 0)
  const next = beginningsOf(flat, files, likely, learnt, 2)
  const beginnings = Float64Array.from(starts, (start, at) => start * 2 ** 16 + (next[at]! & 0xffff))
  // Few are left when their first bytes are compared as numbers: text is made only of these.
  const groups = new Map<Digest, number[]>()
  for (const at of indexesOfRepeated(beginnings)) {
    const i = likely[at]!
    const digest = learnt.get(i) ?? digestIn(flat, files.ids[i]!)!
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

/** Returns the files that may have the content of another: if all digests are known, sizes need no comparison. */
function candidatesOf(flat: FlatFilesystem, { count, ids }: VisibleFiles): Uint32Array {
  const filled = new Uint32Array(count)
  let found = 0
  for (let i = 0; i < count; i++) if (flat.sizes[ids[i]!]! > 0) filled[found++] = i
  const all = filled.subarray(0, found)
  if (flat.tables.every((table) => table.isHashed)) return all
  const sizes = new Float64Array(found)
  for (let at = 0; at < found; at++) sizes[at] = flat.sizes[ids[all[at]!]!]!
  return Uint32Array.from(indexesOfRepeated(sizes), (at) => all[at]!)
}

/** Returns where the numbers are that another one equals. Sorting numbers is much faster than a map of them. */
function indexesOfRepeated(numbers: Float64Array): number[] {
  const sorted = numbers.slice().sort()
  const repeated = new Set<number>()
  for (let i = 1; i < sorted.length; i++) if (sorted[i] === sorted[i - 1]) repeated.add(sorted[i]!)
  const found: number[] = []
  if (repeated.size > 0) for (let i = 0; i < numbers.length; i++) if (repeated.has(numbers[i]!)) found.push(i)
  return found
}

// A bit for each beginning of a digest, in half a megabyte: what stays in the processor's cache.
const filterBits = 22

/** Leaves out nearly all items whose digests no other has. */
function mayBeRepeated(items: Uint32Array, beginnings: Uint32Array): Uint32Array {
  const once = new Uint32Array(2 ** filterBits / 32)
  const again = new Uint32Array(once.length)
  const filters = new Uint32Array(items.length)
  for (let at = 0; at < items.length; at++) {
    const filter = beginnings[at]! >>> (32 - filterBits)
    filters[at] = filter
    const bit = 1 << (filter & 31)
    if ((once[filter >>> 5]! & bit) === 0) once[filter >>> 5]! |= bit
    else again[filter >>> 5]! |= bit
  }
  return items.filter((_, at) => (again[filters[at]! >>> 5]! & (1 << (filters[at]! & 31))) !== 0)
}

/** Reads the files whose digests are not known. */
function readDigests(
  flat: FlatFilesystem,
  candidates: Uint32Array,
  files: VisibleFiles,
  read: ReadDigest[],
): ReadonlyMap<number, Digest> {
  const learnt = new Map<number, Digest>()
  if (flat.tables.every((table) => table.isHashed)) return learnt
  const reader = new ContentReader()
  try {
    for (const candidate of candidates) {
      const { layer, table, i } = flat.locate(files.ids[candidate]!)
      if (table.hasDigest(i)) continue
      const entry = table.entry(i)
      const digest = digestOf({ ...entry, kind: 'file', content: contentOf(flat.layers[layer]!, entry) }, reader)
      learnt.set(candidate, digest)
      read.push({ layer: flat.layers[layer]!, i, digest })
    }
  } finally {
    reader.close()
  }
  return learnt
}

function digestIn(flat: FlatFilesystem, id: number): Digest | undefined {
  const { table, i } = flat.locate(id)
  return table.digest(i)
}

/** Returns four bytes of the digest of each file, from a position on: no text is made, as there may be hundreds of thousands. */
function beginningsOf(
  flat: FlatFilesystem,
  { ids }: VisibleFiles,
  candidates: Uint32Array,
  learnt: ReadonlyMap<number, Digest>,
  from: number,
): Uint32Array {
  const found = new Uint32Array(candidates.length)
  for (let item = 0; item < candidates.length; item++) {
    const own = learnt.size === 0 ? undefined : learnt.get(candidates[item]!)
    if (own !== undefined) {
      found[item] = Number.parseInt(own.slice(7 + 2 * from, 15 + 2 * from), 16)
      continue
    }
    const id = ids[candidates[item]!]!
    const layer = flat.layerOf(id)
    const { digest } = flat.tables[layer]!.columns
    const at = (id - flat.first[layer]!) * 32 + from
    found[item] = (digest[at]! << 24) | (digest[at + 1]! << 16) | (digest[at + 2]! << 8) | digest[at + 3]!
  }
  return found
}
