import type { DuplicateFiles } from '../../api/index.ts'
import { ContentReader, contentOf, digestOf } from '../../files/layer/index.ts'
import type { Digest } from '../../oci/index.ts'
import type { FlatFilesystem } from '../filesystem/flat.ts'
import type { VisibleFiles } from './visible-files.ts'

/** A digest that had to be read, and the entry that has it. */
export interface ReadDigest {
  readonly layer: number
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
  const candidates = indexesOfRepeated(files.ids, (id) => flat.sizeOf(id)).filter((i) => flat.sizeOf(files.ids[i]!) > 0)
  const learnt = readDigests(flat, candidates, files, read)
  const beginningOf = (i: number) => {
    const digest = learnt.get(i)
    return digest === undefined ? beginning(flat, files.ids[i]!) : Number.parseInt(digest.slice(7, 19), 16)
  }
  // Few are left when their first bytes are compared as numbers: text is made only of these.
  const likely = indexesOfRepeated(candidates, beginningOf).map((at) => candidates[at]!)
  const groups = new Map<Digest, number[]>()
  for (const i of likely) {
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

/** Returns where the items are whose number another one has, too. Sorting numbers is much faster than a map of them. */
function indexesOfRepeated(items: readonly number[], numberOf: (item: number) => number): number[] {
  const numbers = Float64Array.from(items, numberOf)
  const sorted = numbers.slice().sort()
  const repeated = new Set<number>()
  for (let i = 1; i < sorted.length; i++) if (sorted[i] === sorted[i - 1]) repeated.add(sorted[i]!)
  const found: number[] = []
  for (let i = 0; i < numbers.length; i++) if (repeated.has(numbers[i]!)) found.push(i)
  return found
}

/** Reads the files whose digests are not known. */
function readDigests(
  flat: FlatFilesystem,
  candidates: readonly number[],
  files: VisibleFiles,
  read: ReadDigest[],
): ReadonlyMap<number, Digest> {
  const learnt = new Map<number, Digest>()
  const reader = new ContentReader()
  try {
    for (const candidate of candidates) {
      const { layer, table, i } = flat.locate(files.ids[candidate]!)
      if (table.hasDigest(i)) continue
      const entry = table.entry(i)
      const digest = digestOf({ ...entry, kind: 'file', content: contentOf(flat.layers[layer]!, entry) }, reader)
      learnt.set(candidate, digest)
      read.push({ layer, i, digest })
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

/** Returns the first six bytes of a digest as a number. */
function beginning(flat: FlatFilesystem, id: number): number {
  const { table, i } = flat.locate(id)
  const { digest } = table.columns
  let number = 0
  for (let at = i * 32; at < i * 32 + 6; at++) number = number * 256 + digest[at]!
  return number
}
