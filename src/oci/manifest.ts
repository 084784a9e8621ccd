import { TareError } from '../support/index.ts'
import { type Descriptor, descriptorJson, parseDescriptor } from './descriptor.ts'
import { sortedMembers } from './json.ts'
import { isIndexType, isManifestType, mediaTypes } from './media-types.ts'

/** (image-spec, manifest.md) */
export interface Manifest {
  readonly mediaType: string
  readonly config: Descriptor
  readonly layers: readonly Descriptor[]
  readonly annotations?: Readonly<Record<string, string>>
}

/** (image-spec, image-index.md) */
export interface ImageIndex {
  readonly mediaType: string
  readonly manifests: readonly Descriptor[]
  readonly annotations?: Readonly<Record<string, string>>
}

/** The most that a manifest, an index or a config may weigh, in bytes: they are read whole. */
export const documentLimit = 8 << 20

/** Reads a manifest's JSON. Throws `MANIFEST_INVALID`; `what` names it in the message. */
export function parseManifest(json: Uint8Array | string, what: string): Manifest {
  const raw = parseDocument(json, what)
  const mediaType = typeof raw['mediaType'] === 'string' ? raw['mediaType'] : mediaTypes.manifest
  if (!isManifestType(mediaType))
    throw new TareError('MANIFEST_INVALID', `${what} is not an image manifest but ${mediaType}`)
  if (!Array.isArray(raw['layers'])) throw new TareError('MANIFEST_INVALID', `${what} has no layers`)
  return {
    mediaType,
    config: parseDescriptor(raw['config'], `the config of ${what}`),
    layers: raw['layers'].map((layer, i) => parseDescriptor(layer, `layer ${i} of ${what}`)),
    ...annotationsOf(raw),
  }
}

/** Reads an index's JSON. Throws `MANIFEST_INVALID`. */
export function parseIndex(json: Uint8Array | string, what: string): ImageIndex {
  const raw = parseDocument(json, what)
  const mediaType = typeof raw['mediaType'] === 'string' ? raw['mediaType'] : mediaTypes.index
  if (!isIndexType(mediaType)) throw new TareError('MANIFEST_INVALID', `${what} is not an image index but ${mediaType}`)
  if (!Array.isArray(raw['manifests'])) throw new TareError('MANIFEST_INVALID', `${what} has no manifests`)
  return {
    mediaType,
    manifests: raw['manifests'].map((manifest, i) => parseDescriptor(manifest, `manifest ${i} of ${what}`)),
    ...annotationsOf(raw),
  }
}

/** Parses a JSON object. Throws `MANIFEST_INVALID` for anything else. */
export function parseDocument(json: Uint8Array | string, what: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(
      typeof json === 'string' ? json : Buffer.from(json.buffer, json.byteOffset, json.length).toString('utf8'),
    )
  } catch (cause) {
    throw new TareError('MANIFEST_INVALID', `${what} is not JSON: ${(cause as Error).message}`, { cause })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TareError('MANIFEST_INVALID', `${what} is not a JSON object`)
  return value as Record<string, unknown>
}

function annotationsOf(raw: Record<string, unknown>): { annotations?: Record<string, string> } {
  const annotations = raw['annotations']
  return typeof annotations === 'object' && annotations !== null
    ? { annotations: annotations as Record<string, string> }
    : {}
}

/** A manifest as BuildKit prints it: two blanks of indent, keys in Go's order. */
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
