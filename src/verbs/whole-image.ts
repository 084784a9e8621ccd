import type { Registry } from '../content/registry/index.ts'
import {
  type Descriptor,
  type Digest,
  goJson,
  isAttestation,
  isIndexType,
  isManifestType,
  manifestJson,
  mediaTypes,
  openIndex,
  parseReference,
  repointed,
  writeIndex,
} from '../oci/index.ts'
import { type Bytes, type Reporter, silent, TareError } from '../support/index.ts'
import { type Host, unpackLimit } from './host.ts'
import { keepLayer, keepLayers } from './keep-image.ts'
import { isDamage, layersAtOnce, openPlain } from './keep-packed.ts'
import { originalOf, originsOf, rememberOriginal } from './origins.ts'
import { openSource } from './remote-image.ts'
import { readImage, type StoredImage } from './stored-image.ts'

export interface FetchCall {
  readonly report?: Reporter | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Brings the layers into the store that an image there still has in registries; of an index, those of all its images, or of
 * `only` one. What then names them as they rest takes over the old one's names, and is answered. Rejects with `LAYER_UNREACHABLE`.
 */
export async function wholeImage(host: Host, root: Descriptor, call: FetchCall, only?: Digest): Promise<Descriptor> {
  const { store } = host
  const completion = new Completion(host, call, only)
  try {
    const whole = await completion.document(root)
    if (whole.digest === root.digest) return root
    await store.change((entries) =>
      entries.map((entry) =>
        entry.manifest.digest === root.digest ? { ...entry, manifest: { ...entry.manifest, ...whole } } : entry,
      ),
    )
    return whole
  } finally {
    completion.close()
  }
}

/** The same for the image of one platform, which is read again. */
export async function wholeOf(host: Host, image: StoredImage, call: FetchCall): Promise<StoredImage> {
  const root = await wholeImage(host, image.root, call, image.blob.digest)
  return root.digest === image.root.digest ? image : readImage(host.store, root, host.platform)
}

/** Brings one layer into the store, which `blob` names as a registry has it. Answers how it rests. */
export async function fetchLayer(host: Host, diffId: Digest, blob: Descriptor, call: FetchCall): Promise<Descriptor> {
  const layers = new LayersElsewhere(host, call)
  try {
    return await layers.read(() => keepLayer(host, diffId, () => layers.open(diffId, blob), call.signal, blob.size * 2))
  } finally {
    layers.close()
  }
}

class Completion {
  private readonly host: Host
  private readonly layers: LayersElsewhere
  private readonly call: FetchCall
  private readonly only: Digest | undefined
  private release: (() => void) | undefined

  constructor(host: Host, call: FetchCall, only: Digest | undefined) {
    this.host = host
    this.layers = new LayersElsewhere(host, call)
    this.call = call
    this.only = only
  }

  async document(blob: Descriptor): Promise<Descriptor> {
    if (!this.host.store.blobs.has(blob.digest) || isAttestation(blob)) return blob
    if (isIndexType(blob.mediaType)) return this.index(blob)
    const isWanted = this.only === undefined || this.only === blob.digest
    return isWanted && isManifestType(blob.mediaType) ? this.image(blob) : blob
  }

  private async index(blob: Descriptor): Promise<Descriptor> {
    const what = `index ${blob.digest}`
    const index = openIndex(this.host.store.blobs.read(blob.digest), what)
    const entries = [...index.entries]
    for (const [i, entry] of entries.entries()) {
      const whole = await this.document(entry.blob)
      if (whole.digest !== entry.blob.digest) entries[i] = repointed(entry, whole)
    }
    if (entries.every((entry, i) => entry === index.entries[i])) return blob
    return this.keep(blob, writeIndex({ ...index, entries }), index.mediaType)
  }

  private async image(blob: Descriptor): Promise<Descriptor> {
    const { manifest, config } = readImage(this.host.store, blob)
    if (manifest.layers.every(({ digest }, i) => digest === config.diffIds[i])) return blob
    // Not before: an image that is whole can be had from a store that cannot be written.
    this.release ??= this.host.store.lease()
    const wanted = manifest.layers.map((layer, i) => {
      const diffId = config.diffIds[i]!
      return { diffId, expected: layer.size * 2, open: () => this.layers.open(diffId, layer) }
    })
    const options = { signal: this.call.signal, atOnce: layersAtOnce }
    const layers = await this.layers.read(() => keepLayers(this.host, wanted, options))
    const types = { mediaType: mediaTypes.manifest, config: { ...manifest.config, mediaType: mediaTypes.config } }
    return this.keep(blob, Buffer.from(goJson(manifestJson({ ...manifest, ...types, layers }), 2)), mediaTypes.manifest)
  }

  close(): void {
    this.layers.close()
    this.release?.()
  }

  private keep(blob: Descriptor, bytes: Buffer, mediaType: string): Descriptor {
    const { store } = this.host
    const whole = { mediaType, digest: store.blobs.write(bytes), size: bytes.length }
    const original = originalOf(store, blob.digest)
    if (original !== undefined) rememberOriginal(store, whole.digest, original)
    return whole
  }
}

/** Layers where they were seen last. */
class LayersElsewhere {
  private readonly host: Host
  private readonly call: FetchCall
  private readonly opened = new Map<string, Promise<Registry>>()

  constructor(host: Host, call: FetchCall) {
    this.host = host
    this.call = call
  }

  /** Reads, and once more where it was a mirror that gave wrong bytes. */
  async read<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      const damage = error instanceof TareError && error.code === 'LAYER_UNREACHABLE' ? error.cause : error
      if (this.call.signal?.aborted || !isDamage(damage) || !(await this.distrust(damage))) throw error
      return work()
    }
  }

  /** The plain bytes of a layer. */
  async open(diffId: Digest, blob: Descriptor): Promise<Bytes> {
    const { store } = this.host
    const { report = silent, signal } = this.call
    const places = originsOf(store, diffId).flatMap((origin) =>
      origin.blob.digest === blob.digest ? origin.places : [],
    )
    let failure: TareError | undefined
    for (const place of places) {
      try {
        const registry = await this.registry(place, blob)
        return await openPlain(registry, blob, report, unpackLimit(this.host))
      } catch (error) {
        if (signal?.aborted || !(error instanceof TareError)) throw error
        failure ??= error
      }
    }
    throw new TareError(
      'LAYER_UNREACHABLE',
      `layer ${blob.digest} is not in the store, and cannot be fetched: ${failure?.message ?? 'no registry is known to have it'}`,
      { cause: failure, remedy: failure?.remedy ?? 'Pull or build the image again.' },
    )
  }

  private async distrust(error: unknown): Promise<boolean> {
    const registries = await Promise.all(this.opened.values())
    return registries.filter((registry) => registry.distrust(error)).length > 0
  }

  private registry(place: string, { digest }: Descriptor): Promise<Registry> {
    let registry = this.opened.get(place)
    if (registry === undefined) {
      registry = openSource(this.host, { ...parseReference(place), digest }, { signal: this.call.signal })
      this.opened.set(place, registry)
    }
    return registry
  }

  close(): void {
    for (const opened of this.opened.values())
      opened.then(
        (registry) => registry.close(),
        () => {},
      )
  }
}
