import { closeSync, openSync, readSync } from 'node:fs'
import type { Store } from '../../content/store/index.ts'
import { createLayerFile, decodeIndex, encodeIndex, indexLayer, type LayerIndex } from '../../files/layer/index.ts'
import {
  type Descriptor,
  type Digest,
  goJson,
  hexOf,
  type Manifest,
  manifestJson,
  mediaTypes,
  parseImageConfig,
  type Reference,
} from '../../oci/index.ts'
import { type Bytes, inParallel, TareError, type TransferOutcome } from '../../support/index.ts'
import type { Host } from '../index.ts'

/** An image from elsewhere: its config as it is, and its layers as plain tars. */
export interface ForeignImage {
  readonly configBytes: Uint8Array
  readonly layers: readonly {
    readonly diffId: Digest
    /** About how many bytes it has. */
    readonly expected?: number
    readonly open: () => Promise<Bytes>
    /** Called when it is in the store. */
    readonly kept?: ((outcome: TransferOutcome) => void) | undefined
  }[]
  readonly names: readonly Reference[]
}

export interface IngestLayersOptions {
  readonly signal?: AbortSignal | undefined
  /** How many layers are read side by side. Default: one after the other. */
  readonly atOnce?: number
}

/**
 * Puts an image into the store, every byte checked: layers against their diff IDs, and that each is a sound tar. It has its
 * names, or is kept nameless, only once all is there. Answers its manifest.
 */
export async function ingestImage(
  host: Host,
  image: ForeignImage,
  options: IngestLayersOptions & { readonly nameless: boolean },
): Promise<Descriptor> {
  const { store } = host
  const { diffIds } = parseImageConfig(image.configBytes, 'the config')
  if (diffIds.length !== image.layers.length)
    throw new TareError(
      'CONFIG_INVALID',
      `the image has ${image.layers.length} layers, but its config names ${diffIds.length}`,
    )
  const layers = await ingestLayers(host, image.layers, options)
  const blob = writeStored(store, image.configBytes, layers)
  if (image.names.length > 0 || options.nameless) await store.keep(blob, image.names, host.now())
  return blob
}

/** Writes the documents of an image as it rests in the store. Answers its manifest. */
export function writeStored(store: Store, configBytes: Uint8Array, layers: readonly Descriptor[]): Descriptor {
  const config = store.blobs.write(configBytes)
  const manifest: Manifest = {
    mediaType: mediaTypes.manifest,
    config: { mediaType: mediaTypes.config, digest: config, size: configBytes.length },
    layers,
  }
  const bytes = Buffer.from(goJson(manifestJson(manifest), 2))
  return { mediaType: mediaTypes.manifest, digest: store.blobs.write(bytes), size: bytes.length }
}

/** Pours layers into the store that are not there. Answers how they rest. */
export function ingestLayers(
  host: Host,
  layers: ForeignImage['layers'],
  options: IngestLayersOptions,
): Promise<readonly Descriptor[]> {
  // When one layer fails, the others need not come any more.
  const stop = new AbortController()
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal])
  return inParallel(layers, options.atOnce ?? 1, async ({ diffId, open, expected, kept }) => {
    let outcome: TransferOutcome = 'existing'
    const opened = () => {
      outcome = 'transferred'
      return open()
    }
    try {
      const layer = await ingestLayer(host, diffId, opened, signal, expected)
      kept?.(outcome)
      return layer
    } catch (error) {
      stop.abort(error)
      throw error
    }
  })
}

/** Pours one layer into the store, unless it is there, and indexes it. `diffId` undefined: whatever it turns out to be. */
export async function ingestLayer(
  { store }: Host,
  diffId: Digest | undefined,
  open: () => Promise<Bytes>,
  signal: AbortSignal | undefined,
  expected = 0,
): Promise<Descriptor> {
  const size = diffId === undefined ? undefined : sizeAtRest(store, diffId)
  if (diffId !== undefined && size !== undefined) return { mediaType: mediaTypes.layer, digest: diffId, size }
  const reservation = store.reserve()
  try {
    const poured = await writeAndDigest(reservation.path, await open(), signal, expected)
    if (diffId !== undefined && poured.digest !== diffId)
      throw new TareError(
        'BLOB_CORRUPT',
        `a layer has the digest ${poured.digest}, but the image's config says ${diffId}`,
        { remedy: 'The archive is damaged. Nothing of it was kept.' },
      )
    const index = indexFile(reservation.path, poured)
    refuseSwollen(index)
    reservation.keep(poured.digest)
    store.records.remember('layers', hexOf(poured.digest), encodeIndex(index))
    return { mediaType: mediaTypes.layer, ...poured }
  } catch (error) {
    reservation.discard()
    throw store.explain(error)
  }
}

/** Bytes of a layer that is in the store; undefined where it is not, or is no longer as long as it was: then it is poured again. */
function sizeAtRest(store: Store, diffId: Digest): number | undefined {
  if (!store.blobs.touch(diffId)) return undefined
  const known = store.records.recall('layers', hexOf(diffId))
  const size = store.blobs.size(diffId)
  return known !== undefined && decodeIndex(known)?.size === size ? size : undefined
}

function indexFile(path: string, { digest, size }: { digest: Digest; size: number }) {
  const fd = openSync(path, 'r')
  try {
    return indexLayer(
      { size, read: (into, position) => readSync(fd, into, 0, into.length, position) },
      digest,
      `layer ${digest}`,
    )
  } finally {
    closeSync(fd)
  }
}

/** A map of a few bytes can speak of a file of petabytes, which a build on this image would write out. */
function refuseSwollen({ diffId, size, entries }: LayerIndex): void {
  let swollen = 0
  for (const entry of entries) swollen += entry.size - entry.runs.reduce((sum, { length }) => sum + length, 0)
  if (swollen > Math.max(1024 ** 3, size * 200))
    throw new TareError(
      'ARCHIVE_BOMB',
      `the sparse files of layer ${diffId}, which has ${size} bytes, unpack to ${swollen} bytes or more`,
      { remedy: 'Keep such files out of the image.' },
    )
}

async function writeAndDigest(
  path: string,
  bytes: Bytes,
  signal: AbortSignal | undefined,
  expected: number,
): Promise<{ digest: Digest; size: number }> {
  const file = await createLayerFile(path, expected)
  try {
    for await (const chunk of bytes) {
      signal?.throwIfAborted()
      await file.add(chunk)
    }
    return await file.finish()
  } catch (error) {
    await file.abandon()
    throw error
  }
}
