import { copyImage, type Source } from '../../content/index.ts'
import type { PulledAs } from '../../content/store/index.ts'
import { decompress, expectGzip } from '../../files/compression/index.ts'
import {
  type Descriptor,
  type Digest,
  flattenIndex,
  formatPlatform,
  goJson,
  indexJson,
  isAttestation,
  isManifestType,
  mediaTypes,
  openIndex,
  plainDescriptor,
  type Reference,
  textsOf,
} from '../../oci/index.ts'
import {
  type Bytes,
  type Reporter,
  silent,
  startTransfer,
  TareError,
  type Transfer,
  type TransferOutcome,
} from '../../support/index.ts'
import {
  type CompressedImage,
  type Host,
  isChecked,
  readCompressed,
  readWhole,
  rememberLocation,
  unpackLimit,
} from '../index.ts'
import { ingestLayers, writeStored } from './ingest-image.ts'

export interface IngestOptions {
  readonly names: readonly Reference[]
  /** The source repository with its registry, from which a push may fetch it again. */
  readonly repository?: string | undefined
  readonly report?: Reporter | undefined
  readonly signal?: AbortSignal | undefined
}

// The same as skopeo.
export const layersAtOnce = 6

/** An image from elsewhere, and what others know it by. */
export interface IngestedImage {
  readonly stored: Descriptor
  readonly pulledAs: PulledAs | undefined
}

/**
 * Adds an image to the store. Each layer is decompressed, verified against both digests and indexed while it arrives. Its
 * original form is recorded in its entry, for later pushes.
 */
export async function ingestCompressed(
  host: Host,
  image: CompressedImage,
  options: IngestOptions,
): Promise<IngestedImage> {
  const { store } = host
  const { names, repository } = options
  const { layers, claims } = await ingestChecked(host, image, options)
  const stored = writeStored(store, image.configBytes, layers)
  // An archive of plain layers may contain the very manifest that is stored.
  const isSame = stored.digest === image.blob.digest && repository === undefined
  const pulledAs: PulledAs | undefined = isSame
    ? undefined
    : { manifest: plainDescriptor(image.blob), root: plainDescriptor(image.root), repository, claims }
  if (names.length > 0) await store.keep(stored, names, host.now(), { pulledAs })
  return { stored, pulledAs }
}

/**
 * Adds the image's layers and its original documents to the store. `claims` are compressed layers that were not decompressed and
 * verified, because the store already had the layer.
 */
export async function ingestChecked(
  host: Host,
  image: CompressedImage,
  { signal, report = silent, repository }: Omit<IngestOptions, 'names'>,
): Promise<{ readonly layers: readonly Descriptor[]; readonly claims: readonly Digest[] }> {
  const { source, manifest, config } = image
  const { store } = host
  const limit = unpackLimit(host)
  const unpacked = new Set<number>()
  const wanted = manifest.layers.map((layer, i) => {
    const transfer = startTransfer(layer.digest, layer.size, report, 'downloading')
    return {
      diffId: config.diffIds[i]!,
      expected: layer.size * 2,
      open: () => openPlain(source, layer, transfer, limit),
      kept: (outcome: TransferOutcome) => {
        if (outcome === 'transferred') unpacked.add(i)
        transfer.done(outcome)
      },
    }
  })
  for (const bytes of image.documents) store.blobs.write(bytes)
  const keep = () => ingestLayers(host, wanted, { signal, atOnce: layersAtOnce })
  const layers = await keep().catch((error: unknown) => {
    // A corrupt mirror costs another attempt, not the image.
    if (signal?.aborted || !isDamage(error) || source.distrust?.(error) !== true) throw error
    return keep()
  })
  const isKnown = ({ digest }: Descriptor, i: number) => unpacked.has(i) || isChecked(store, config.diffIds[i]!, digest)
  const claims = manifest.layers.filter((layer, i) => !isKnown(layer, i)).map(({ digest }) => digest)
  if (repository !== undefined)
    for (const [i, layer] of manifest.layers.entries())
      rememberLocation(store, config.diffIds[i]!, layer, repository, { checked: isKnown(layer, i) })
  return { layers, claims }
}

/** Whether the error says that bytes were corrupt. */
export function isDamage(error: unknown): boolean {
  return error instanceof TareError && /^(?:BLOB|ARCHIVE|LAYER|TAR)_/.test(error.code)
}

/** The result of adding an index. */
export interface IngestedIndex extends IngestedImage {
  /** Images that cannot be stored, and why. */
  readonly skipped: readonly { readonly platform: string; readonly why: string }[]
}

/**
 * Adds all images of an index to the store, under a new index. Entries without a platform (attestations) are kept verbatim, so
 * that a push can restore the original index. `source` provides the index `root`.
 */
export async function ingestIndex(
  host: Host,
  source: Source,
  root: Descriptor,
  name: string,
  options: IngestOptions,
): Promise<IngestedIndex> {
  const { store } = host
  const { signal } = options
  const manifests: Descriptor[] = []
  const skipped: { platform: string; why: string }[] = []
  const failures: unknown[] = []
  const claims: Digest[] = []

  const read = async (blob: Descriptor): Promise<Buffer> => {
    const bytes = await readWhole(source, blob, `the index of ${name}`)
    store.blobs.write(bytes)
    return bytes
  }
  const keepBeside = async (child: Descriptor): Promise<void> => {
    try {
      await copyImage(source, child, store, undefined, { signal })
    } catch (error) {
      // Mirrors often lack attestations. They belong to no platform, so they are not missed.
      if (!(error instanceof TareError) || error.code !== 'BLOB_MISSING') throw error
    }
  }
  // An index may list an image for several platforms.
  const taken = new Map<Digest, Required<Pick<Descriptor, 'platform'>> & Descriptor>()
  const keep = async (child: Descriptor) => {
    const image = await readCompressed(source, child, name, root)
    const { stored, pulledAs } = await ingestCompressed(host, image, { ...options, names: [] })
    for (const claim of pulledAs?.claims ?? []) claims.push(claim)
    return { platform: image.config.platform, ...stored }
  }
  const take = async (child: Descriptor): Promise<void> => {
    try {
      const kept = taken.get(child.digest) ?? (await keep(child))
      taken.set(child.digest, kept)
      const notes = child.annotations === undefined ? {} : { annotations: child.annotations }
      manifests.push({ ...kept, platform: child.platform ?? kept.platform, ...notes })
    } catch (error) {
      if (!(error instanceof TareError) || error.code !== 'MANIFEST_UNSUPPORTED') throw error
      failures.push(error)
      const platform = child.platform === undefined ? child.digest : formatPlatform(child.platform)
      skipped.push({ platform, why: error.message })
    }
  }

  const index = openIndex(await read(root), `the index of ${name}`)
  const annotations = textsOf(index.document['annotations'])
  for (const { blob } of await flattenIndex(index, read, `the index of ${name}`)) {
    if (isAttestation(blob)) await keepBeside(blob)
    else if (isManifestType(blob.mediaType)) await take(blob)
  }
  if (manifests.length === 0)
    throw failures[0] ?? new TareError('MANIFEST_UNSUPPORTED', `the index of ${name} lists no container image`)
  const json = indexJson({ mediaType: mediaTypes.index, manifests, ...(annotations && { annotations }) })
  const bytes = Buffer.from(goJson(json, 2))
  const stored = { mediaType: mediaTypes.index, digest: store.blobs.write(bytes), size: bytes.length }
  const plain = plainDescriptor(root)
  const pulledAs: PulledAs | undefined =
    stored.digest === root.digest && options.repository === undefined
      ? undefined
      : { manifest: plain, root: plain, repository: options.repository, claims }
  if (options.names.length > 0) await store.keep(stored, options.names, host.now(), { pulledAs })
  return { stored, pulledAs, skipped }
}

/** Returns the decompressed bytes of a layer, and reports its progress. */
export async function openPlain(
  source: Pick<Source, 'open'>,
  layer: Descriptor,
  transfer: Transfer,
  limit: number | undefined,
): Promise<Bytes> {
  expectGzip()
  const bytes = transfer.watch(await source.open(layer), 'downloading', layer.size)
  return (await decompress(bytes, limit, layer.size)).bytes
}
