import type { Store } from '../../content/store/index.ts'
import { decodeIndex, encodeWith, tableOf, writeFlow } from '../../files/layer/index.ts'
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

/** An image from elsewhere: its config verbatim, and its layers as plain tars. */
export interface ForeignImage {
  readonly configBytes: Uint8Array
  readonly layers: readonly {
    readonly diffId: Digest
    /** Approximate size in bytes. */
    readonly expected?: number
    readonly open: () => Promise<Bytes>
    /** Called when the layer is in the store. */
    readonly kept?: ((outcome: TransferOutcome) => void) | undefined
  }[]
  readonly names: readonly Reference[]
}

export interface IngestLayersOptions {
  readonly signal?: AbortSignal | undefined
  /** How many layers are read in parallel. Default: 1. */
  readonly atOnce?: number
}

/**
 * Adds an image to the store after verifying that each layer matches its diff ID and is a valid tar. Only a complete image is
 * named, or stored without a name. Returns its manifest.
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

/** Writes the documents of an image whose layers are stored. Returns its manifest. */
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

/** Adds missing layers to the store. Returns their descriptors. */
export function ingestLayers(
  host: Host,
  layers: ForeignImage['layers'],
  options: IngestLayersOptions,
): Promise<readonly Descriptor[]> {
  // If one layer fails, the others are cancelled.
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

/** Adds a layer to the store if it is missing, and indexes it. With `diffId` undefined, any content is accepted. */
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
    const { path } = reservation
    const what = diffId === undefined ? 'the layer' : `layer ${diffId}`
    const check = (digest: Digest) => refuseOther(digest, diffId)
    const index = await writeFlow(await open(), { path, what, expected, digests: false, check, signal })
    reservation.keep(index.diffId)
    store.records.remember('layers', hexOf(index.diffId), encodeWith(index, tableOf(index)))
    return { mediaType: mediaTypes.layer, digest: index.diffId, size: index.size }
  } catch (error) {
    reservation.discard()
    throw store.explain(error)
  }
}

/** Returns the size of a stored layer; undefined if it is missing or has been truncated, so that it is stored again. */
function sizeAtRest(store: Store, diffId: Digest): number | undefined {
  if (!store.blobs.touch(diffId)) return undefined
  const known = store.records.recallBytes('layers', hexOf(diffId))
  const size = store.blobs.size(diffId)
  return known !== undefined && decodeIndex(known)?.size === size ? size : undefined
}

function refuseOther(digest: Digest, diffId: Digest | undefined): void {
  if (diffId === undefined || digest === diffId) return
  throw new TareError('BLOB_CORRUPT', `a layer has the digest ${digest}, but the image's config says ${diffId}`, {
    remedy: 'The archive is damaged. Nothing was kept.',
  })
}
