import { decompress } from '../../files/compression/index.ts'
import { spool } from '../../files/context/index.ts'
import { type Descriptor, goJson, isPlainLayer, manifestJson, mediaTypes } from '../../oci/index.ts'
import { Gauge, measured, TareError } from '../../support/index.ts'
import type { CompressedImage } from '../index.ts'
import { type Host, Overlay, unpackLimit } from '../index.ts'
import { readFrom } from './read-from.ts'

/** Whether every reader of docker archives supports the layer: uncompressed or gzip. Other types are left alone. */
function isForAll(layer: Descriptor): boolean {
  const { layerGzip, dockerLayerGzip } = mediaTypes
  return isPlainLayer(layer) || layer.mediaType === layerGzip || layer.mediaType === dockerLayerGzip
}

/**
 * Returns the same image with zstd layers as plain tars, each verified, in files that `close` removes; undefined if it has none.
 */
export async function unpackLayers(
  host: Host,
  image: CompressedImage,
  signal: AbortSignal | undefined,
): Promise<{ readonly source: Overlay; readonly root: Descriptor; close(): void } | undefined> {
  const { source, manifest, config } = image
  if (manifest.layers.every(isForAll)) return undefined
  const overlay = new Overlay(source)
  const files = new Set<() => void>()
  const close = () => {
    for (const discard of files) discard()
  }
  const mediaType = manifest.mediaType === mediaTypes.dockerManifest ? mediaTypes.dockerLayer : mediaTypes.layer
  const unpack = async (layer: Descriptor, i: number): Promise<Descriptor> => {
    if (isForAll(layer)) return layer
    const file = host.store.reserve()
    files.add(() => file.discard())
    const gauge = new Gauge()
    const { bytes } = await decompress(await source.open(layer), unpackLimit(host), layer.size)
    await spool(file.path, measured(bytes, gauge), signal)
    const digest = config.diffIds[i]!
    const found = gauge.digest()
    if (found !== digest)
      throw new TareError('BLOB_CORRUPT', `a layer has the digest ${found}, but the image's config says ${digest}`, {
        remedy: 'The image is damaged at its source: push it there again.',
      })
    return overlay.add({ mediaType, digest, size: gauge.size }, async () => readFrom(file.path, 0))
  }
  try {
    const layers: Descriptor[] = []
    for (const [i, layer] of manifest.layers.entries()) layers.push(await unpack(layer, i))
    const bytes = Buffer.from(goJson(manifestJson({ ...manifest, layers }), 2))
    return { source: overlay, root: overlay.addDocument(bytes, manifest.mediaType), close }
  } catch (error) {
    close()
    throw host.store.explain(error)
  }
}
