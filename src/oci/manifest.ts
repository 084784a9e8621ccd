import { TareError } from '../support/index.ts'
import { type Descriptor, descriptorJson, isDescriptor, parseDescriptor, textsOf } from './descriptor.ts'
import { kindOfDocument, parseDocument } from './document.ts'
import { sortedMembers } from './json.ts'
import { isIndexType, isManifestType, mediaTypes } from './media-types.ts'

/** An image manifest. (image-spec, manifest.md) */
export interface Manifest {
  readonly mediaType: string
  readonly config: Descriptor
  readonly layers: readonly Descriptor[]
  /** The type of an artifact that is not an image. */
  readonly artifactType?: string
  /** The manifest this one refers to: the image of a signature or an SBOM. */
  readonly subject?: Descriptor
  readonly annotations?: Readonly<Record<string, string>>
}

/** An image index. (image-spec, image-index.md) */
export interface ImageIndex {
  readonly mediaType: string
  readonly manifests: readonly Descriptor[]
  readonly artifactType?: string
  readonly subject?: Descriptor
  readonly annotations?: Readonly<Record<string, string>>
}

/** Parses a manifest. Throws `MANIFEST_INVALID` or `MANIFEST_AMBIGUOUS`; `what` names it in the message. */
export function parseManifest(json: Uint8Array | string, what: string): Manifest {
  const raw = parseDocument(json, what)
  const mediaType = typeof raw['mediaType'] === 'string' ? raw['mediaType'] : mediaTypes.manifest
  if (!isManifestType(mediaType))
    throw new TareError('MANIFEST_INVALID', `${what} is not an image manifest but ${mediaType}`)
  kindOfDocument(raw, what, mediaType)
  // Go writes an empty list as null.
  const layers = raw['layers'] === null ? [] : raw['layers']
  if (!Array.isArray(layers)) throw new TareError('MANIFEST_INVALID', `${what} has no layers`)
  return {
    mediaType,
    config: parseDescriptor(raw['config'], `the config of ${what}`),
    layers: layers.map((layer, i) => parseDescriptor(layer, `layer ${i} of ${what}`)),
    ...aboutOthers(raw),
    ...annotationsOf(raw),
  }
}

/** Parses an index. Throws `MANIFEST_INVALID` or `MANIFEST_AMBIGUOUS`. */
export function parseIndex(json: Uint8Array | string, what: string): ImageIndex {
  const raw = parseDocument(json, what)
  const mediaType = typeof raw['mediaType'] === 'string' ? raw['mediaType'] : mediaTypes.index
  if (!isIndexType(mediaType)) throw new TareError('MANIFEST_INVALID', `${what} is not an image index but ${mediaType}`)
  kindOfDocument(raw, what, mediaType)
  const manifests = raw['manifests'] === null ? [] : raw['manifests']
  if (!Array.isArray(manifests)) throw new TareError('MANIFEST_INVALID', `${what} has no manifests`)
  return {
    mediaType,
    manifests: manifests.map((manifest, i) => parseDescriptor(manifest, `manifest ${i} of ${what}`)),
    ...aboutOthers(raw),
    ...annotationsOf(raw),
  }
}

/** An invalid subject is ignored: it is not needed to read the image. */
function aboutOthers({ artifactType, subject }: Record<string, unknown>): Pick<Manifest, 'artifactType' | 'subject'> {
  return {
    ...(typeof artifactType === 'string' && artifactType !== '' ? { artifactType } : {}),
    ...(isDescriptor(subject) ? { subject: parseDescriptor(subject, 'the subject') } : {}),
  }
}

function annotationsOf(raw: Record<string, unknown>): { annotations?: Readonly<Record<string, string>> } {
  const annotations = textsOf(raw['annotations'])
  return annotations === undefined ? {} : { annotations }
}

/** Returns the manifest's JSON form, with members in BuildKit's order. */
export function manifestJson(manifest: Manifest): Record<string, unknown> {
  return {
    schemaVersion: 2,
    mediaType: manifest.mediaType,
    config: descriptorJson(manifest.config),
    layers: manifest.layers.map(descriptorJson),
    ...(manifest.annotations === undefined ? {} : { annotations: sortedMembers(manifest.annotations) }),
  }
}

export function indexJson(index: ImageIndex): Record<string, unknown> {
  return {
    schemaVersion: 2,
    mediaType: index.mediaType,
    manifests: index.manifests.map(descriptorJson),
    ...(index.annotations === undefined ? {} : { annotations: sortedMembers(index.annotations) }),
  }
}
