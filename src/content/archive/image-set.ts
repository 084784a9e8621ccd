import {
  choosePlatform,
  type Descriptor,
  type Digest,
  documentLimit,
  formatPlatform,
  formatReference,
  type ImageConfig,
  isImageConfigType,
  isImageEntry,
  isIndexType,
  isManifestType,
  type Manifest,
  type Platform,
  parseImageConfig,
  parseIndex,
  parseManifest,
  type Reference,
  readsAsImageConfig,
} from '../../oci/index.ts'
import { type Bytes, collect, flow, TareError } from '../../support/index.ts'
import { verified } from '../index.ts'

/** An image as the docker formats save it. */
export interface SavedImage {
  readonly names: readonly Reference[]
  readonly manifestBlob: Descriptor
  readonly manifest: Manifest
  readonly config: ImageConfig
}

/** A top-level manifest or index, with its names. */
export interface Root {
  readonly blob: Descriptor
  readonly names: readonly Reference[]
  /** Further values for `ref.name` in a layout. */
  readonly labels?: readonly string[]
}

/** Collects what goes into an archive before it is written. Each blob is opened once; documents are kept in memory. */
export class ImageSet {
  private readonly blobs = new Map<Digest, { blob: Descriptor; open: () => Promise<Bytes> }>()
  private readonly documents = new Map<Digest, Buffer>()
  private readonly names = new Map<string, { name: Reference; blob: Descriptor }>()
  private readonly labels = new Map<string, Descriptor>()

  has(digest: Digest): boolean {
    return this.blobs.has(digest)
  }

  put(blob: Descriptor, open: () => Promise<Bytes>): void {
    if (!this.blobs.has(blob.digest)) this.blobs.set(blob.digest, { blob, open })
  }

  tag(name: Reference, blob: Descriptor): void {
    this.names.set(formatReference(name), { name, blob })
  }

  label(text: string, blob: Descriptor): void {
    this.labels.set(text, blob)
  }

  resolve(name: Reference): Descriptor | undefined {
    return this.names.get(formatReference(name))?.blob
  }

  /** Returns a blob's bytes, verified while being read. */
  async open(blob: Descriptor): Promise<Bytes> {
    const document = this.documents.get(blob.digest)
    if (document !== undefined) return flow(document)
    return verified(await this.find(blob).open(), blob)
  }

  /** Lists named manifests and indexes in the order they were named, then unnamed ones that no index refers to. */
  async roots(): Promise<readonly Root[]> {
    const named = new Map<Digest, { blob: Descriptor; names: Reference[]; labels: string[] }>()
    const rootOf = (blob: Descriptor) => {
      const root = named.get(blob.digest) ?? { blob, names: [], labels: [] }
      named.set(blob.digest, root)
      return root
    }
    for (const { name, blob } of this.names.values()) rootOf(blob).names.push(name)
    for (const [text, blob] of this.labels) rootOf(blob).labels.push(text)
    const children = new Set<Digest>()
    for (const { blob } of this.blobs.values())
      if (isIndexType(blob.mediaType)) for (const child of await this.index(blob)) children.add(child.digest)
    const nameless = [...this.blobs.values()]
      .map(({ blob }) => blob)
      .filter((blob) => isIndexType(blob.mediaType) || isManifestType(blob.mediaType))
      .filter((blob) => !named.has(blob.digest) && !children.has(blob.digest))
    return [...named.values(), ...nameless.map((blob) => ({ blob, names: [] }))]
  }

  /** Returns the image of a root: itself, or the one for `platform` in an index. */
  async image(root: Root, platform: Platform | undefined): Promise<SavedImage> {
    const manifestBlob = isIndexType(root.blob.mediaType) ? await this.choose(root, platform) : root.blob
    const manifest = await this.manifest(manifestBlob)
    const config = parseImageConfig(await this.document(manifest.config), `the config ${manifest.config.digest}`)
    return { names: root.names, manifestBlob, manifest, config }
  }

  async index(blob: Descriptor): Promise<readonly Descriptor[]> {
    return parseIndex(await this.document(blob), `the index ${blob.digest}`).manifests
  }

  async manifest(blob: Descriptor): Promise<Manifest> {
    return parseManifest(await this.document(blob), `the manifest ${blob.digest}`)
  }

  async document(blob: Descriptor): Promise<Buffer> {
    const known = this.documents.get(blob.digest)
    if (known !== undefined) return known
    if (blob.size > documentLimit)
      throw new TareError('MANIFEST_INVALID', `the document ${blob.digest} is larger than ${documentLimit} bytes`)
    const bytes = await collect(await this.open(blob), documentLimit)
    this.documents.set(blob.digest, bytes)
    return bytes
  }

  private async choose(root: Root, platform: Platform | undefined): Promise<Descriptor> {
    const offers: { blob: Descriptor; platform: Platform }[] = []
    for (const blob of await this.index(root.blob)) {
      if (!isImageEntry(blob) || !this.has(blob.digest)) continue
      const platform = blob.platform ?? (await this.platformOf(blob))
      if (platform !== undefined) offers.push({ blob, platform })
    }
    const only = offers.length === 1 ? offers[0] : undefined
    const best = platform === undefined ? only : choosePlatform(platform, offers, (offer) => offer.platform)?.offer
    if (best !== undefined) return best.blob
    const name = root.names[0] === undefined ? root.blob.digest : formatReference(root.names[0])
    const there = offers.map((offer) => formatPlatform(offer.platform)).join(', ') || 'none'
    throw new TareError(
      'ARCHIVE_PLATFORM',
      platform === undefined
        ? `${name} is an image for several platforms, and a docker archive can hold only one of them`
        : `${name} has no image for ${formatPlatform(platform)}`,
      { remedy: `Choose a platform (available: ${there}), or save all of them with --format oci.` },
    )
  }

  private async platformOf(blob: Descriptor): Promise<Platform | undefined> {
    const { config, layers } = await this.manifest(blob)
    const isTyped = isImageConfigType(config.mediaType)
    if (!isTyped && config.size > documentLimit) return undefined
    const bytes = await this.document(config)
    if (!isTyped && !readsAsImageConfig(bytes, layers.length)) return undefined
    return parseImageConfig(bytes, `the config ${config.digest}`).platform
  }

  private find(blob: Descriptor): { open: () => Promise<Bytes> } {
    const found = this.blobs.get(blob.digest)
    if (found !== undefined) return found
    throw new TareError('BLOB_MISSING', `the image is incomplete: its blob ${blob.digest} is missing`, {
      remedy: 'Build or load the image again.',
    })
  }
}
