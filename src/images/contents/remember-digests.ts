import { encodeWith, tableOf } from '../../files/layer/index.ts'
import type { InspectedLayer } from '../../inspection/index.ts'
import { hexOf } from '../../oci/index.ts'
import { TareError } from '../../support/index.ts'
import type { Host } from '../index.ts'

/**
 * Stores the indexes of layers in whose files something was learnt: their digests, or which have the same bytes. These files need not
 * be read again. Failing to do so only costs time.
 */
export function rememberDigests({ store }: Host, learnt: Iterable<InspectedLayer>): void {
  const indexes = new Map([...learnt].map(({ index }) => [index.diffId, index]))
  try {
    // What comes of a damaged layer is not stored: its files may have been compared with any of the others.
    for (const diffId of indexes.keys()) if (!store.blobs.touch(diffId)) return
    for (const [diffId, index] of indexes)
      store.records.remember('layers', hexOf(diffId), encodeWith(index, tableOf(index)))
  } catch (error) {
    if (!(error instanceof TareError)) throw error
  }
}
