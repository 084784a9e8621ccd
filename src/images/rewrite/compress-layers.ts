import type { Source } from '../../content/index.ts'
import { compress } from '../../files/compression/index.ts'
import { spool } from '../../files/context/index.ts'
import { type Descriptor, goJson, isPlainLayer, manifestJson, mediaTypes, parseManifest } from '../../oci/index.ts'
import { Gauge, measured } from '../../support/index.ts'
import type { Host } from '../index.ts'
import { Overlay, readWhole } from '../index.ts'
import { readFrom } from './read-from.ts'

/** Returns the same image with its plain layers compressed, in files that `close` removes. */
export async function compressLayers(
  { store }: Host,
  source: Source,
  root: Descriptor,
  options: {
    readonly compression: 'gzip' | 'zstd'
    readonly level?: number | undefined
    readonly signal?: AbortSignal | undefined
  },
): Promise<{ readonly source: Source; readonly root: Descriptor; close(): void }> {
  const manifest = parseManifest(await readWhole(source, root, 'the manifest'), `the manifest ${root.digest}`)
  const { compression } = options
  const overlay = new Overlay(source)
  const files = new Set<() => void>()
  const close = () => {
    for (const discard of files) discard()
  }
  const squeeze = async (layer: Descriptor): Promise<Descriptor> => {
    if (!isPlainLayer(layer)) return layer
    const file = store.reserve()
    files.add(() => file.discard())
    const packed = new Gauge()
    await spool(
      file.path,
      measured(compress(await source.open(layer), compression, options.level), packed),
      options.signal,
    )
    const gzip = layer.mediaType === mediaTypes.layer ? mediaTypes.layerGzip : mediaTypes.dockerLayerGzip
    const mediaType = compression === 'zstd' ? mediaTypes.layerZstd : gzip
    const blob = { mediaType, digest: packed.digest(), size: packed.size }
    return overlay.add(blob, async () => readFrom(file.path, 0))
  }
  try {
    const layers: Descriptor[] = []
    for (const layer of manifest.layers) layers.push(await squeeze(layer))
    const bytes = Buffer.from(goJson(manifestJson({ ...manifest, layers }), 2))
    return { source: overlay, root: overlay.addDocument(bytes, manifest.mediaType), close }
  } catch (error) {
    close()
    throw store.explain(error)
  }
}
