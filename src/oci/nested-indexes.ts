import { TareError } from '../support/index.ts'
import { type Descriptor, isAttestation } from './descriptor.ts'
import type { Digest } from './digest.ts'
import { type IndexEntry, type OpenIndex, openIndex } from './index-entries.ts'
import { isIndexType } from './media-types.ts'

/** How many indexes may stand one in the other. Digests make a circle impossible; a tower of them is nobody's honest image. */
export const deepestIndex = 8

// Several times what any honest index holds; each may have to be read.
const mostEntries = 10_000

/**
 * What an index and the indexes in it name besides indexes, in their order. Each index is walked once, however often it is
 * named: one that lists a child twelve times over seven levels is no more work than seven. `read` returns undefined for an
 * index that is to be passed over. Rejects with `MANIFEST_INVALID` for more than eight levels, and for more than 10,000 entries.
 */
export async function flattenIndex(
  index: OpenIndex,
  read: (blob: Descriptor) => Promise<Uint8Array | undefined>,
  what: string,
): Promise<readonly IndexEntry[]> {
  const entries: IndexEntry[] = []
  const walked = new Set<Digest>()
  const visit = async (at: OpenIndex, depth: number): Promise<void> => {
    refuseTower(depth, what)
    for (const entry of at.entries) {
      const { blob } = entry
      if (!isIndexType(blob.mediaType) || isAttestation(blob)) {
        if (entries.length === mostEntries)
          throw new TareError('MANIFEST_INVALID', `${what} names more than ${mostEntries} images`)
        entries.push(entry)
      } else if (!walked.has(blob.digest)) {
        walked.add(blob.digest)
        const bytes = await read(blob)
        if (bytes !== undefined) await visit(openIndex(bytes, `an index of ${what}`), depth + 1)
      }
    }
  }
  await visit(index, 0)
  return entries
}

/** Throws `MANIFEST_INVALID` for an index with `depth` others above it that is one too many. */
export function refuseTower(depth: number, what: string): void {
  if (depth < deepestIndex) return
  throw new TareError('MANIFEST_INVALID', `${what} has indexes nested deeper than ${deepestIndex}`)
}
