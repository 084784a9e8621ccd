import { readTar } from '../../../files/tar/index.ts'
import { unpackLimit } from '../../../images/index.ts'
import { ingestLayer } from '../../../images/ingest/index.ts'
import type { Digest } from '../../../oci/index.ts'
import { type Bytes, TareError } from '../../../support/index.ts'
import type { RemoteLayer } from '../results/result.ts'
import type { ResultTools } from '../results/result-way.ts'

/**
 * Stores layers from the archive of an image, in which docker has called them by their digests since version 25. Others are skipped,
 * and what follows the last one is not read. Rejects with `ENGINE_INVALID` if one is missing.
 */
export async function takeLayers(
  open: () => Promise<Bytes>,
  layers: readonly RemoteLayer[],
  { host, expected, signal }: ResultTools,
): Promise<readonly RemoteLayer[]> {
  const { blobs } = host.store
  const sizes = new Map<Digest, number>()
  for (const { diffId } of layers) if (blobs.touch(diffId)) sizes.set(diffId, blobs.size(diffId)!)
  const wanted = new Set(layers.map(({ diffId }) => diffId))
  if (sizes.size < wanted.size) {
    let left = unpackLimit(host) ?? Number.POSITIVE_INFINITY
    for await (const { path, size, body } of readTar(await open())) {
      const diffId: Digest = `sha256:${/^blobs\/sha256\/([0-9a-f]{64})$/.exec(path)?.[1] ?? ''}`
      if (!wanted.has(diffId) || sizes.has(diffId)) continue
      left -= size
      if (left < 0) throw new TareError('ARCHIVE_BOMB', `the layers from ${expected.engine} are larger than the limit`)
      sizes.set(diffId, (await ingestLayer(host, diffId, async () => body, signal, size)).size)
      if (sizes.size === wanted.size) break
    }
  }
  return layers.map((layer) => {
    const size = sizes.get(layer.diffId)
    if (size !== undefined) return { ...layer, size }
    throw new TareError('ENGINE_INVALID', `the engine ${expected.engine} did not hand over the layer ${layer.diffId}`)
  })
}
