import type { Store, StoreEntry } from '../../content/store/index.ts'
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
  repointed,
  writeIndex,
} from '../../oci/index.ts'
import type { Host } from '../index.ts'
import { claimsOf, pulledAsOfEntry, readImage, repositoriesWith, type StoredImage } from '../index.ts'
import type { FetchCall, MissingLayers } from './missing-layers.ts'

/**
 * Fetches the layers of a stored image that are still in registries; for an index, those of all its images, or of `only` one.
 * Returns the resulting document, which takes over the names. Rejects with `LAYER_UNREACHABLE`.
 */
export async function completeImage(host: Host, root: Descriptor, call: FetchCall, only?: Digest): Promise<Descriptor> {
  const { store } = host
  const completion = new Completion(host, call, only)
  try {
    const whole = await completion.document(root)
    if (whole.digest === root.digest) return root
    await store.change((entries) =>
      entries.map((entry) => (entry.manifest.digest === root.digest ? completed(store, entry, whole) : entry)),
    )
    return whole
  } finally {
    completion.close()
  }
}

/** The same for the image of one platform, which is then read again. */
export async function completeStored(host: Host, image: StoredImage, call: FetchCall): Promise<StoredImage> {
  const root = await completeImage(host, image.root, call, image.blob.digest)
  return root.digest === image.root.digest ? image : readImage(host.store, root, host.platform)
}

/** Returns the entry for an image whose layers are now stored, so that its claims have been verified. */
function completed(store: Store, entry: StoreEntry, whole: Descriptor): StoreEntry {
  const pulledAs = entry.pulledAs ?? pulledAsOfEntry(store, entry)
  const basedOn = entry.basedOn?.map((base) => ({ ...base, claims: claimsOf(store, base) }))
  return {
    ...entry,
    manifest: { ...entry.manifest, ...whole },
    ...(pulledAs === undefined ? {} : { pulledAs }),
    ...(basedOn === undefined ? {} : { basedOn }),
  }
}

class Completion {
  private readonly host: Host
  private layers: MissingLayers | undefined
  private readonly call: FetchCall
  private readonly only: Digest | undefined
  private release: (() => void) | undefined

  constructor(host: Host, call: FetchCall, only: Digest | undefined) {
    this.host = host
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
    return this.keep(writeIndex({ ...index, entries }), index.mediaType)
  }

  private async image(blob: Descriptor): Promise<Descriptor> {
    const { manifest, config } = readImage(this.host.store, blob)
    if (manifest.layers.every(({ digest }, i) => digest === config.diffIds[i] && !this.isElsewhere(digest))) return blob
    // Only when needed: a complete image can be used without network access, and from a read-only store.
    this.release ??= this.host.store.lease()
    const { MissingLayers } = await import('./missing-layers.ts')
    this.layers ??= new MissingLayers(this.host, this.call)
    const layers = await this.layers.bring(
      manifest.layers.map((layer, i) => ({ diffId: config.diffIds[i]!, blob: layer })),
    )
    const types = { mediaType: mediaTypes.manifest, config: { ...manifest.config, mediaType: mediaTypes.config } }
    return this.keep(Buffer.from(goJson(manifestJson({ ...manifest, ...types, layers }), 2)), mediaTypes.manifest)
  }

  /** An uncompressed layer's media type does not tell whether it is in the store. */
  private isElsewhere(digest: Digest): boolean {
    const { store } = this.host
    return !store.blobs.has(digest) && repositoriesWith(store, digest, digest).length > 0
  }

  close(): void {
    this.layers?.close()
    this.release?.()
  }

  private keep(bytes: Buffer, mediaType: string): Descriptor {
    return { mediaType, digest: this.host.store.blobs.write(bytes), size: bytes.length }
  }
}
