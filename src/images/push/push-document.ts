import type { PushedLayer, PushOptions } from '../../api/index.ts'
import { copyImage } from '../../content/index.ts'
import type { Registry } from '../../content/registry/index.ts'
import type { PulledAs, Store, StoreEntry } from '../../content/store/index.ts'
import {
  type Descriptor,
  type Digest,
  formatReference,
  goJson,
  indexJson,
  isIndexType,
  isPlainLayer,
  manifestJson,
  mediaTypes,
  parseIndex,
  parseManifest,
} from '../../oci/index.ts'
import { flow, inParallel, silent, startTransfer, TareError } from '../../support/index.ts'
import type { Host } from '../index.ts'
import { type KnownLocation, locationsOf, pulledAsOf, pulledAsWithin, readImage, repositoryOf } from '../index.ts'
import { isFormatRefused, keptOci, onlyInOci, type RawDocument, refusedBoth, reportDockers } from '../rewrite/index.ts'
import { isOfRegistry, originalsOf } from '../transports/index.ts'
import { type LayerThere, pushLayer } from './push-layer.ts'
import { manifestOf, missingOf, typedConfig } from './pushed-documents.ts'

// Each layer is compressed on all cores; working on several only hides latency.
const layersAtOnce = 3

/** A manifest or an index of the store, as the registry now has it. */
export interface PushedDocument {
  readonly blob: Descriptor
  readonly layers: readonly PushedLayer[]
  /** The digest it was previously pulled or pushed as. */
  readonly was: Digest | undefined
  /** What it is known by under its name there. */
  readonly pulledAs: PulledAs | undefined
}

export type DocumentPush = Pick<
  PushOptions,
  'format' | 'compressionLevel' | 'forceCompression' | 'insecure' | 'signal' | 'report'
> & {
  readonly compression?: PushOptions['compression'] | 'uncompressed'
  readonly preserveDigests?: boolean | undefined
}

/**
 * Pushes a manifest or an index of the store with everything it refers to, but without naming it. `entry` is its entry in the
 * store, or that of its index. If a registry rejects OCI manifests, it gets Docker's, provided that nothing is lost and no format
 * was requested; this is reported.
 */
export async function pushDocument(
  host: Host,
  registry: Registry,
  stored: Descriptor,
  options: DocumentPush,
  entry?: StoreEntry,
): Promise<PushedDocument> {
  const { store } = host
  const known = entry ?? { manifest: stored, pulledAs: pulledAsOf(store, stored.digest) }
  const first = new Push(host, registry, options, known)
  const before = first.pulledAs(stored)
  const was = before?.manifest.digest
  const { blob, push } = await first.document(stored).then(
    (blob) => ({ blob, push: first }),
    (refusal: unknown) => pushAsDockers(first, refusal, stored),
  )
  // A conversion for one registry does not matter to others, which get the image as it was pulled.
  const isForced = push !== first && was !== undefined
  const repository = repositoryOf({ registry: registry.host, repository: registry.repository })
  // An image of an index that was pulled is there without the index.
  const pulledAs =
    before !== undefined && blob.digest === was
      ? { ...before, root: before.manifest, repository }
      : { manifest: blob, root: blob, repository, ...push.newFacts() }
  const isNews = blob.digest !== was ? !isForced : before?.root.digest !== was && isNamedIn(repository, entry)
  if (isNews) await rememberPush(store, stored, pulledAs, entry)
  // How a layer got there is known from the first attempt.
  const layerOf = (layer: LayerThere) => first.layers.find(({ digest }) => digest === layer.digest) ?? layer
  const layers = push.layers.map(layerOf).map(({ diffId, digest, how }) => ({ diffId, digest, how }))
  return { blob, layers, was, pulledAs }
}

function isNamedIn(repository: string, entry: StoreEntry | undefined): boolean {
  return entry?.name !== undefined && repositoryOf(entry.name) === repository
}

/** Retries with Docker's kind of manifest. Rejects with the original refusal if that is not possible or is refused as well. */
async function pushAsDockers(first: Push, refusal: unknown, stored: Descriptor) {
  const { host, registry, options, known } = first
  if (!isFormatRefused(refusal) || options.format !== undefined) throw refusal
  const why = whyNotDockers(first, stored)
  if (why !== undefined) throw keptOci(refusal, why)
  const push = new Push(host, registry, { ...options, format: 'docker' }, known)
  const blob = await push.document(stored).catch((error: unknown) => {
    throw isFormatRefused(error) ? refusedBoth(refusal) : error
  })
  reportDockers(registry.host, options.report)
  return { blob, push }
}

function whyNotDockers(push: Push, stored: Descriptor): string | undefined {
  const { preserveDigests, compression } = push.options
  if (preserveDigests === true) return 'the digest must not change'
  if (compression === 'zstd') return 'the image has layers in zstd'
  const { store } = push.host
  const children = isIndexType(stored.mediaType)
    ? parseIndex(store.blobs.read(stored.digest), stored.digest).manifests
    : []
  const documents: RawDocument[] = []
  for (const blob of [stored, ...children]) {
    const original = push.pulledAs(blob)?.manifest
    const { digest, mediaType } = original !== undefined && store.blobs.has(original.digest) ? original : blob
    if (store.blobs.has(digest)) documents.push({ mediaType, bytes: store.blobs.read(digest) })
  }
  const lost = onlyInOci(documents)
  return lost === undefined ? undefined : `the image has ${lost}`
}

/** Records what the image was pushed as: under the intended name, and wherever nothing was known yet. */
async function rememberPush(store: Store, stored: Descriptor, pulledAs: PulledAs, meant?: StoreEntry): Promise<void> {
  const isMeant = ({ name }: StoreEntry) =>
    name !== undefined && meant?.name !== undefined && formatReference(name) === formatReference(meant.name)
  const isSure = (pulledAs.claims ?? []).length === 0
  const isToKnow = (entry: StoreEntry) =>
    entry.manifest.digest === stored.digest && (isMeant(entry) || (isSure && entry.pulledAs === undefined))
  if (store.entries().some(isToKnow))
    await store.change((entries) => entries.map((entry) => (isToKnow(entry) ? { ...entry, pulledAs } : entry)))
}

class Push {
  readonly layers: LayerThere[] = []
  readonly host: Host
  readonly registry: Registry
  readonly options: DocumentPush
  readonly known: StoreEntry
  private readonly silent = new Set<string>()
  private empty: Promise<boolean> | undefined

  constructor(host: Host, registry: Registry, options: DocumentPush, known: StoreEntry) {
    this.host = host
    this.registry = registry
    this.options = options
    this.known = known
  }

  /** Returns what others know a document by, given the pushed image or its index. */
  pulledAs(stored: Descriptor): PulledAs | undefined {
    return pulledAsWithin(this.host.store, this.known, stored)
  }

  /** Returns what has been learnt about the pushed layers. */
  newFacts(): Pick<PulledAs, 'claims' | 'ours'> {
    const digests = (layers: readonly LayerThere[]) => [...new Set(layers.map(({ digest }) => digest))]
    return {
      claims: digests(this.layers.filter(({ checked }) => !checked)),
      ours: digests(this.layers.filter(({ ours }) => ours)),
    }
  }

  /** Pushes a document. Returns its descriptor in the registry. */
  async document(stored: Descriptor): Promise<Descriptor> {
    return isIndexType(stored.mediaType) ? this.index(stored) : this.image(stored)
  }

  private async index(stored: Descriptor): Promise<Descriptor> {
    const { store } = this.host
    const { annotations, manifests } = parseIndex(store.blobs.read(stored.digest), `index ${stored.digest}`)
    const pushed: Descriptor[] = []
    for (const manifest of manifests) {
      if (!store.blobs.has(manifest.digest))
        throw new TareError('BLOB_MISSING', `${manifest.digest}, of the index ${stored.digest}, is not in the store`)
      const { mediaType, digest, size } = await this.document(manifest)
      pushed.push({ ...manifest, mediaType, digest, size })
    }
    const original = await this.originalIndex(stored, pushed)
    if (original !== undefined) return this.put(original.bytes, original.mediaType)
    const { format } = this.options
    const isDockers = ({ mediaType }: Descriptor) => mediaType === mediaTypes.dockerManifest
    const docker = format === undefined ? annotations === undefined && pushed.every(isDockers) : format === 'docker'
    const mediaType = docker ? mediaTypes.dockerList : mediaTypes.index
    const notes = annotations === undefined || docker ? {} : { annotations }
    const bytes = Buffer.from(goJson(indexJson({ mediaType, manifests: pushed, ...notes }), 2))
    return this.put(bytes, mediaType)
  }

  /** Returns the index it was pulled as, if every image of it is unchanged and the rest is available. */
  private async originalIndex(
    stored: Descriptor,
    pushed: readonly Descriptor[],
  ): Promise<{ readonly bytes: Buffer; readonly mediaType: string } | undefined> {
    const { host, registry } = this
    const { signal, insecure, format } = this.options
    const original = this.pulledAs(stored)
    if (original === undefined || !host.store.blobs.has(original.manifest.digest)) return undefined
    const { mediaType } = original.manifest
    if (format !== undefined && (mediaType === mediaTypes.dockerList) !== (format === 'docker')) return undefined
    const bytes = host.store.blobs.read(original.manifest.digest)
    const there = new Set(pushed.map(({ digest }) => digest))
    const source = await originalsOf(host, original.repository, { signal, insecure })
    try {
      const wanted = parseIndex(bytes, `the index ${original.manifest.digest}`).manifests
      const { complete, rest } = missingOf(host, wanted, there)
      if (!complete) return undefined
      for (const child of rest) await copyImage(source, child, registry, undefined, { signal })
      return { bytes, mediaType }
    } catch (error) {
      // Parts of the original index are no longer available: a new index is needed.
      if (error instanceof TareError && !isFormatRefused(error) && !isOfRegistry(error, registry)) return undefined
      throw error
    } finally {
      source.close()
    }
  }

  private async image(stored: Descriptor): Promise<Descriptor> {
    const { host, registry, options } = this
    const { store } = host
    const { manifest: storedLayer, config: facts } = readImage(store, stored)
    const original = this.original(stored, facts.diffIds)
    const wanted =
      original === undefined ? undefined : parseManifest(original.bytes, `manifest ${original.blob.digest}`)
    const { signal, insecure, compression = 'gzip', compressionLevel: level } = options
    const docker = (options.format ?? (wanted?.mediaType === mediaTypes.dockerManifest ? 'docker' : 'oci')) === 'docker'
    const layers = await inParallel(storedLayer.layers, layersAtOnce, async (blob, i) => {
      const diffId = facts.diffIds[i]!
      const transfer = startTransfer(diffId, blob.size, options.report ?? silent, 'uploading')
      const done = await pushLayer(host, { diffId, blob }, wanted?.layers[i], {
        ...{ registry, docker, compression, level, signal, insecure, silent: this.silent, transfer },
        mayKeep: (location) => this.mayKeep(location),
        isEmpty: () => this.isEmpty(),
      })
      transfer.done(done.how === 'existing' ? 'existing' : done.how === 'uploaded' ? 'transferred' : done.how)
      return done
    })
    for (const layer of layers) this.layers.push(layer)
    const config = wanted?.config ?? typedConfig(storedLayer.config, docker)
    await registry.put(config, async () => flow(store.blobs.read(config.digest)))
    const same = wanted?.layers.every(({ digest }, i) => digest === layers[i]!.digest)
    if (original !== undefined && same) return this.put(original.bytes, original.blob.mediaType)
    const manifest = manifestOf(storedLayer, config, layers, docker)
    return this.put(Buffer.from(goJson(manifestJson(manifest), 2)), manifest.mediaType)
  }

  private isEmpty(): Promise<boolean> {
    this.empty ??= this.registry.isEmpty()
    return this.empty
  }

  /** Layers compressed by others are kept; our own only if they were compressed as requested now. */
  private mayKeep({ blob, ours }: KnownLocation): boolean {
    const { compression, forceCompression, format } = this.options
    const zstd = blob.mediaType === mediaTypes.layerZstd
    if (zstd && format === 'docker') return false
    if (compression === undefined || (!ours && forceCompression !== true)) return true
    return compression === (zstd ? 'zstd' : isPlainLayer(blob) ? 'uncompressed' : 'gzip')
  }

  /** Returns the manifest that the image was pulled or pushed as, unless it has to change. */
  private original(
    stored: Descriptor,
    diffIds: readonly Digest[],
  ): { readonly blob: Descriptor; readonly bytes: Buffer } | undefined {
    const { store } = this.host
    const blob = this.pulledAs(stored)?.manifest
    const { format } = this.options
    if (blob === undefined || !store.blobs.has(blob.digest)) return undefined
    if (format !== undefined && (blob.mediaType === mediaTypes.dockerManifest) !== (format === 'docker'))
      return undefined
    const bytes = store.blobs.read(blob.digest)
    const stays = parseManifest(bytes, `manifest ${blob.digest}`).layers.every(({ digest }, i) =>
      locationsOf(store, diffIds[i]!).some((location) => location.blob.digest === digest && this.mayKeep(location)),
    )
    return stays ? { blob, bytes } : undefined
  }

  private async put(bytes: Buffer, mediaType: string): Promise<Descriptor> {
    const blob = { mediaType, digest: this.host.store.blobs.write(bytes), size: bytes.length }
    await this.registry.put(blob, async () => flow(bytes))
    return blob
  }
}
