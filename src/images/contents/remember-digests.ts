import { encodeWith, tableOf } from '../../files/layer/index.ts'
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
export function rememberDigests({ store }: Host, found: readonly FoundDigest[]): void {
  const layers = new Map<InspectedLayer, FoundDigest[]>()
  for (const one of found) {
    const known = layers.get(one.layer)
    if (known === undefined) layers.set(one.layer, [one])
    else known.push(one)
  }
  for (const [{ index }, digests] of layers) {
    try {
      // Digests from a damaged layer are not stored.
      if (!store.blobs.touch(index.diffId)) continue
      const table = tableOf(index)
      for (const { i, digest } of digests) table.keepDigest(i, digest)
      store.records.remember('layers', hexOf(index.diffId), encodeWith(index, table))
    } catch (error) {
      if (!(error instanceof TareError)) throw error
    }
  }
}
