import type { Source } from '../../content/index.ts'
import {
  attestedDigest,
  type Descriptor,
  type Digest,
  descriptorJson,
  type Family,
  formatPlatform,
  goJson,
  type ImageConfig,
  type IndexEntry,
  isAttestation,
  isImageConfigType,
  isImageEntry,
  isIndexType,
  mediaTypes,
  openIndex,
  type Platform,
  parseDocument,
  parseImageConfig,
  parseManifest,
  repointed,
  rewritten,
  sortedMembers,
  typeIn,
  writeIndex,
} from '../../oci/index.ts'
import { TareError } from '../../support/index.ts'
import { type CompressedImage, readCompressed, readImageConfig, readWhole } from '../index.ts'
import { entriesOfIndex } from '../rewrite/index.ts'
import type { Workshop } from './workshop.ts'

export type Json = Readonly<Record<string, unknown>>

type Annotations = Readonly<Record<string, string>>

/** The image of one platform. */
export interface ImageToEdit {
  readonly image: CompressedImage
  /** Its config as it is, so that unknown members stay. */
  readonly config: Json
  /** Its annotations where it comes from: the store does not keep those of pulled images. */
  readonly annotations: Annotations
  /** What its index says of it, in the index's own annotations and in those of its entry. */
  readonly around: Annotations
  /** Whether it is one of several. */
  readonly isPart: boolean
  /** The media types that the result's manifest has. */
  readonly family: Family
}

type Changes = Readonly<Record<string, string | undefined>>

/** What becomes of it. What is not given stays. */
export interface Edited {
  readonly config?: Json
  readonly layers?: readonly Descriptor[]
  /** Replaces those of the same name, also in the index where that has them; undefined removes one. */
  readonly annotations?: Changes | undefined
}

export type Edit = (image: ImageToEdit, workshop: Workshop) => Promise<Edited>

/** The result: its manifest or index, and the images in it. */
export interface EditedDocuments {
  readonly root: Descriptor
  readonly images: readonly { readonly platform: Platform; readonly id: Digest }[]
}

/** Edits the image, or each image of the index. Attestations of what has changed are dropped, since they describe something else. */
export async function editDocuments(
  { source, root }: { readonly source: Source; readonly root: Descriptor },
  workshop: Workshop,
  edit: Edit,
  annotationsAt: (blob: Descriptor) => Readonly<Record<string, string>> | undefined,
): Promise<EditedDocuments> {
  const editing = new Editing(source, root, workshop, edit, annotationsAt)
  return { root: await editing.document(), images: editing.images }
}

interface One {
  readonly blob: Descriptor
  readonly before: ImageConfig
  readonly after: ImageConfig
  readonly changes: Changes
}

class Editing {
  readonly images: { platform: Platform; id: Digest }[] = []
  private readonly source: Source
  private readonly root: Descriptor
  private readonly workshop: Workshop
  private readonly edit: Edit
  private readonly annotationsAt: (blob: Descriptor) => Readonly<Record<string, string>> | undefined
  private readonly done = new Map<Digest, Promise<One | undefined>>()

  constructor(
    source: Source,
    root: Descriptor,
    workshop: Workshop,
    edit: Edit,
    annotationsAt: Editing['annotationsAt'],
  ) {
    this.source = source
    this.root = root
    this.workshop = workshop
    this.edit = edit
    this.annotationsAt = annotationsAt
  }

  private get name(): string {
    return this.workshop.options.image
  }

  async document(): Promise<Descriptor> {
    if (isIndexType(this.root.mediaType)) return this.index()
    return (await this.image(this.root, false))!.blob
  }

  private async index(): Promise<Descriptor> {
    const bytes = await readWhole(this.source, this.root, `the index of ${this.name}`)
    const index = openIndex(bytes, `the index of ${this.name}`)
    const entries = await entriesOfIndex(this.source, index, this.name)
    const isPart = entries.filter(({ blob }) => isImageEntry(blob)).length > 1
    const edited = new Map<Digest, Descriptor>()
    const changed: IndexEntry[] = []
    const own = (index.document['annotations'] ?? {}) as Annotations
    let changes: Changes = {}
    for (const entry of entries) {
      if (isAttestation(entry.blob)) continue
      const one = isImageEntry(entry.blob) ? await this.once(entry.blob, isPart, [bytes], own) : undefined
      if (one !== undefined) edited.set(entry.blob.digest, one.blob)
      changes = { ...changes, ...one?.changes }
      changed.push(one === undefined ? entry : entryOf(entry, one))
    }
    if (edited.size === 0)
      throw new TareError('MANIFEST_UNSUPPORTED', `the index of ${this.name} lists no container image`)
    const kept = this.attestations(entries, edited)
    const isDocker =
      !this.workshop.inStore &&
      index.mediaType === mediaTypes.dockerList &&
      changed.every(({ blob }) => blob.mediaType === mediaTypes.dockerManifest)
    const mediaType = isDocker ? mediaTypes.dockerList : mediaTypes.index
    const document = { ...index.document, ...changedIn(own, changes) }
    const all = { document, mediaType, entries: [...changed, ...kept] }
    return this.workshop.addDocument(writeIndex(all), mediaType)
  }

  private attestations(entries: readonly IndexEntry[], edited: ReadonlyMap<Digest, Descriptor>): readonly IndexEntry[] {
    const all = entries.filter(({ blob }) => isAttestation(blob))
    const isTrue = ({ blob }: IndexEntry) => {
      const image = edited.get(attestedDigest(blob) ?? ('' as Digest))
      return image === undefined || image.digest === attestedDigest(blob)
    }
    const kept = all.filter(isTrue)
    if (kept.length < all.length)
      this.workshop.options.report?.({
        type: 'warning',
        rule: 'AttestationsDropped',
        message: `the attestations of ${this.name} are not copied, because they describe the image before the change`,
      })
    return kept
  }

  private once(
    blob: Descriptor,
    isPart: boolean,
    above: readonly Buffer[],
    own: Annotations,
  ): Promise<One | undefined> {
    const around = { ...own, ...blob.annotations }
    const known = this.done.get(blob.digest) ?? this.image(blob, isPart, above, around)
    this.done.set(blob.digest, known)
    return known
  }

  /** Returns undefined for what is no container image. */
  private async image(
    blob: Descriptor,
    isPart: boolean,
    above: readonly Buffer[] = [],
    around: Annotations = {},
  ): Promise<One | undefined> {
    const { workshop, source, name } = this
    if (isPart) {
      const manifest = parseManifest(await readWhole(source, blob, `an image of ${name}`), `an image of ${name}`)
      if ((await readImageConfig(source, manifest)) === undefined) return undefined
    }
    const image = await readCompressed(source, blob, name, this.root, above)
    const raw = parseDocument(image.documents.at(-1)!, `the manifest of ${name}`)
    const annotations = this.annotationsAt(blob) ?? image.manifest.annotations ?? {}
    const own: Family = image.manifest.mediaType === mediaTypes.dockerManifest ? 'docker' : 'oci'
    const family = workshop.inStore ? 'oci' : own
    const config = parseDocument(image.configBytes, `the config of ${name}`)
    const edited = await this.edit({ image, config, annotations, around, isPart, family }, workshop)
    if (workshop.inStore && workshop.from.kind === 'registry') workshop.builtOnRemote(workshop.from, image)
    const configBytes = edited.config === undefined ? image.configBytes : Buffer.from(goJson(edited.config))
    const after = parseImageConfig(configBytes, `the config of ${name}`)
    const added = Object.entries(edited.annotations ?? {})
    const notes = Object.fromEntries(
      Object.entries({ ...annotations, ...edited.annotations }).filter(([, value]) => value !== undefined),
    )
    // Docker's manifests have no annotations.
    const kind = added.some(([, value]) => value !== undefined) ? 'oci' : family
    const configType = kind === 'docker' ? mediaTypes.dockerConfig : mediaTypes.config
    const stored = workshop.addDocument(
      configBytes,
      isImageConfigType(image.manifest.config.mediaType) ? configType : image.manifest.config.mediaType,
    )
    const rawLayers = (raw['layers'] ?? []) as Json[]
    const layers = (edited.layers ?? workshop.layersOf(image)).map((layer) => {
      const known = rawLayers.find(({ digest }) => digest === layer.digest)
      const mediaType = typeIn(kind, layer.mediaType) ?? layer.mediaType
      return known === undefined ? descriptorJson({ ...layer, mediaType }) : { ...known, mediaType }
    })
    const mediaType = kind === 'docker' ? mediaTypes.dockerManifest : mediaTypes.manifest
    const head = { schemaVersion: 2, mediaType, config: descriptorJson(stored), layers }
    const rest = workshop.inStore ? {} : raw
    const all = Object.keys(notes).length === 0 ? undefined : sortedMembers(notes)
    const tail = all !== undefined || added.length > 0 ? { annotations: all } : {}
    const manifest = Buffer.from(goJson({ ...head, ...rest, ...head, ...tail }, 2))
    this.images.push({ platform: after.platform, id: stored.digest })
    return {
      blob: workshop.addDocument(manifest, mediaType),
      before: image.config,
      after,
      changes: edited.annotations ?? {},
    }
  }
}

/** The entry of an edited image, which may be for another platform now. */
function entryOf(entry: IndexEntry, { blob, before, after, changes }: One): IndexEntry {
  const moved = rewritten(repointed(entry, blob), changedIn(entry.blob.annotations ?? {}, changes))
  if (formatPlatform(before.platform) === formatPlatform(after.platform)) return moved
  return rewritten(moved, { platform: descriptorJson({ ...blob, platform: after.platform })['platform'] })
}

/** Returns the annotations as a member, if some of them are to change. */
function changedIn(annotations: Annotations, changes: Changes): { readonly annotations?: Changes | undefined } {
  const here = Object.entries(changes).filter(([key]) => Object.hasOwn(annotations, key))
  if (here.length === 0) return {}
  const left = Object.entries({ ...annotations, ...Object.fromEntries(here) }).filter(
    ([, value]) => value !== undefined,
  )
  return { annotations: left.length === 0 ? undefined : Object.fromEntries(left) }
}
