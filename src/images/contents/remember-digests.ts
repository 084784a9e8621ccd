import { encodeWith, type LayerTable, tableOf } from '../../files/layer/index.ts'
import type { InspectedLayer } from '../../inspection/index.ts'
import { type Digest, hexOf } from '../../oci/index.ts'
import { TareError } from '../../support/index.ts'
import type { Host } from '../index.ts'

/** The digest of a layer's entry, computed from the layer in the store. */
export interface FoundDigest {
  readonly layer: InspectedLayer
  readonly i: number
  readonly digest: Digest
}

/** Stores digests in the layers' indexes, so that these files need not be read again. Failing to do so only costs time. */
export function rememberDigests({ store }: Host, found: Iterable<FoundDigest>): void {
  const tables = new Map<InspectedLayer, LayerTable>()
  for (const { layer, i, digest } of found) {
    const table = tables.get(layer) ?? tableOf(layer.index)
    tables.set(layer, table)
    table.keepDigest(i, digest)
  }
  for (const [{ index }, table] of tables) {
    try {
      // Digests from a damaged layer are not stored.
      if (!store.blobs.touch(index.diffId)) continue
      store.records.remember('layers', hexOf(index.diffId), encodeWith(index, table))
    } catch (error) {
      if (!(error instanceof TareError)) throw error
    }
  }
}
