import type { Source } from '../../content/index.ts'
import {
  attestedDigest,
  attestingTo,
  type Descriptor,
  type Digest,
  type Family,
  goJson,
  type IndexEntry,
  isAttestation,
  isImageConfigType,
  isIndexType,
  isManifestType,
  mediaTypes,
  openIndex,
  parseDocument,
  parseManifest,
  refuseTower,
  repointed,
  typeIn,
  writeIndex,
} from '../../oci/index.ts'
import { TareError } from '../../support/index.ts'
import { type OnItsWay, Overlay, readImageConfig, readWhole } from '../index.ts'

export type ImageFormat = Family

/** Returns the image with manifests of the other family; the same one if it already has them. Rejects with `FORMAT_UNABLE`. */
export async function convertFormat(source: Source, root: Descriptor, format: ImageFormat): Promise<OnItsWay> {
  const overlay = new Overlay(source)
  const changed = await new Conversion(overlay, source, format).document(root)
  if (changed.digest === root.digest) return { source, root }
  return { source: overlay, root: changed, changed: `--format ${format} asks for other media types` }
}

type Json = Record<string, unknown>

class Conversion {
  private readonly overlay: Overlay
  private readonly source: Source
  private readonly format: ImageFormat
  private readonly done = new Map<Digest, Descriptor>()

  constructor(overlay: Overlay, source: Source, format: ImageFormat) {
    this.overlay = overlay
    this.source = source
    this.format = format
  }

  async document(blob: Descriptor, depth = 0): Promise<Descriptor> {
    const known = this.done.get(blob.digest)
    if (known !== undefined) return known
    const converted = isIndexType(blob.mediaType)
      ? await this.index(blob, depth)
      : isManifestType(blob.mediaType)
        ? await this.manifest(blob)
        : blob
    this.done.set(blob.digest, converted)
    return converted
  }

  private async index(blob: Descriptor, depth: number): Promise<Descriptor> {
    const what = `the index ${blob.digest}`
    refuseTower(depth, what)
    const index = openIndex(await readWhole(this.source, blob, what), what)
    const now = new Map<Digest, Descriptor>()
    for (const { blob: child } of index.entries)
      if (!isAttestation(child)) now.set(child.digest, await this.document(child, depth + 1))
    const entries = index.entries.map((entry): IndexEntry => {
      const attested = attestedDigest(entry.blob)
      const image = attested === undefined ? undefined : now.get(attested)
      if (image !== undefined) return image.digest === attested ? entry : attestingTo(entry, image.digest)
      const child = now.get(entry.blob.digest)
      return child === undefined || child.digest === entry.blob.digest ? entry : repointed(entry, child)
    })
    const mediaType = this.typeOf(index.mediaType)
    if (mediaType === index.mediaType && entries.every((entry, i) => entry === index.entries[i])) return blob
    const document: Json = { ...index.document }
    // Docker's lists have none.
    if (this.format === 'docker') delete document['annotations']
    return this.overlay.addDocument(writeIndex({ document, mediaType, entries }), mediaType)
  }

  private async manifest(blob: Descriptor): Promise<Descriptor> {
    const what = `the manifest ${blob.digest}`
    const bytes = await readWhole(this.source, blob, what)
    const manifest = parseManifest(bytes, what)
    const { mediaType, config, layers } = manifest
    if (this.typeOf(mediaType) === mediaType) return blob
    // Artifacts (charts, signatures) have no equivalent in the other family.
    if ((await readImageConfig(this.source, manifest)) === undefined) return blob
    const json: Json = parseDocument(bytes, what)
    const typed = (value: unknown, type: string) =>
      this.withoutNotes({ ...(value as Json), mediaType: this.typeOf(type) })
    const rawLayers = json['layers'] as Json[]
    const converted = this.withoutNotes({
      ...{ schemaVersion: 2, mediaType: this.typeOf(mediaType) },
      config: typed(json['config'], isImageConfigType(config.mediaType) ? config.mediaType : mediaTypes.config),
      layers: layers.map((layer, i) => typed(rawLayers[i], layer.mediaType)),
      ...('annotations' in json ? { annotations: json['annotations'] } : {}),
    })
    return this.overlay.addDocument(Buffer.from(goJson(converted, 2)), converted['mediaType'] as string)
  }

  private withoutNotes(json: Json): Json {
    if (this.format === 'oci') return json
    const { annotations: _, ...rest } = json
    return rest
  }

  private typeOf(mediaType: string): string {
    const type = typeIn(this.format, mediaType)
    if (type !== undefined) return type
    throw new TareError(
      'FORMAT_UNABLE',
      `an image with ${mediaType} cannot be converted to the format ${this.format}`,
      {
        remedy: this.format === 'docker' ? 'Docker’s own format knows gzip only: use --format oci.' : undefined,
      },
    )
  }
}
