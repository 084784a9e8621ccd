import { TareError } from '../support/index.ts'
import { type Descriptor, isAttestation } from './descriptor.ts'
import type { Digest } from './digest.ts'
import { type IndexEntry, type OpenIndex, openIndex } from './index-entries.ts'
import { isIndexType } from './media-types.ts'

/** How many levels of indexes may be nested. Digests rule out cycles, but no legitimate image nests this deep. */
export const deepestIndex = 8

// Far more than any legitimate index holds; each entry may have to be read.
const mostEntries = 10_000

/**
 * Lists what an index and its nested indexes refer to besides indexes, in order. Each index is visited once, however often it is referenced. `read`
 * returns undefined for an index that should be skipped. Rejects with `MANIFEST_INVALID` beyond eight levels or 10,000 entries.
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
          throw new TareError('MANIFEST_INVALID', `${what} lists more than ${mostEntries} images`)
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

/** Throws `MANIFEST_INVALID` if an index is nested too deeply. */
export function refuseTower(depth: number, what: string): void {
  if (depth < deepestIndex) return
  throw new TareError('MANIFEST_INVALID', `${what} nests indexes deeper than ${deepestIndex}`)
}
