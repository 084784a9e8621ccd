import { TareError } from '../support/index.ts'
import { type Digest, parseDigest } from './digest.ts'
import { sortedMembers } from './json.ts'
import { type Family, mediaTypes, typeIn } from './media-types.ts'
import { normalizePlatform, type Platform } from './platform.ts'

/** A reference to a blob. (image-spec, descriptor.md) */
export interface Descriptor {
  readonly mediaType: string
  readonly digest: Digest
  readonly size: number
  readonly platform?: Platform
  readonly annotations?: Readonly<Record<string, string>>
  /** The type of an artifact that is not an image. */
  readonly artifactType?: string
}

/** Parses a descriptor from JSON. Throws `DESCRIPTOR_INVALID`; `what` names it in the message. */
export function parseDescriptor(value: unknown, what: string): Descriptor {
  const raw = value as Record<string, unknown> | null
  const invalid = (why: string) => new TareError('DESCRIPTOR_INVALID', `${what} ${why}`)
  if (typeof raw !== 'object' || raw === null) throw invalid('is not a descriptor')
  // Go reads a missing member as empty.
  const mediaType = raw['mediaType'] ?? ''
  if (typeof mediaType !== 'string') throw invalid('has no valid mediaType')
  if (!Number.isSafeInteger(raw['size']) || (raw['size'] as number) < 0) throw invalid('has no valid size')
  const platform = readPlatform(raw['platform'])
  const annotations = textsOf(raw['annotations'])
  return {
    mediaType,
    digest: parseDigest(raw['digest'], `the digest of ${what}`),
    size: raw['size'] as number,
    ...(platform === undefined ? {} : { platform }),
    ...(annotations === undefined ? {} : { annotations }),
    ...(typeof raw['artifactType'] === 'string' ? { artifactType: raw['artifactType'] } : {}),
  }
}

/** Whether `parseDescriptor` would accept it. */
export function isDescriptor(value: unknown): boolean {
  try {
    parseDescriptor(value, '')
    return true
  } catch (error) {
    if (error instanceof TareError) return false
    throw error
  }
}

/** Returns the members of an object that are strings, or undefined if it is not an object. */
export function textsOf(value: unknown): Readonly<Record<string, string>> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}

/** A platform without an operating system or an architecture is ignored. */
function readPlatform(value: unknown): Platform | undefined {
  const members = textsOf(value) ?? {}
  const { os = '', architecture = '', variant = '', 'os.version': osVersion = '' } = members
  if (os === '' || architecture === '') return undefined
  return normalizePlatform({ os, architecture, variant, ...(osVersion === '' ? {} : { osVersion }) })
}

/** Whether an index entry is an attestation (BuildKit's provenance or SBOM) rather than an image. */
export function isAttestation({ platform, annotations }: Descriptor): boolean {
  return (
    (platform?.os === 'unknown' && platform.architecture === 'unknown') ||
    annotations?.['vnd.docker.reference.type'] !== undefined
  )
}

/** Whether the layer is an uncompressed tar. */
export function isPlainLayer({ mediaType }: Descriptor): boolean {
  return mediaType === mediaTypes.layer || mediaType === mediaTypes.dockerLayer
}

/** Returns the descriptor without members that only an index has. */
export function plainDescriptor({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size }
}

/** Returns the layer's descriptor with the media type of a family; zstd, which has no Docker type, keeps its own. */
export function layerIn(family: Family, { mediaType, digest, size }: Descriptor): Descriptor {
  const gzip = mediaType.endsWith('gzip') ? typeIn(family, mediaTypes.layerGzip) : undefined
  return { mediaType: typeIn(family, mediaType) ?? gzip ?? mediaType, digest, size }
}

/** Returns the JSON form of a descriptor, with members in Go's order. */
export function descriptorJson(descriptor: Descriptor): Record<string, unknown> {
  const { mediaType, digest, size, annotations, platform, artifactType } = descriptor
  return {
    mediaType,
    digest,
    size,
    ...(annotations === undefined ? {} : { annotations: sortedMembers(annotations) }),
    ...(platform === undefined ? {} : { platform: platformJson(platform) }),
    ...(artifactType === undefined ? {} : { artifactType }),
  }
}

function platformJson(platform: Platform): Record<string, unknown> {
  return {
    architecture: platform.architecture,
    os: platform.os,
    ...(platform.osVersion === undefined ? {} : { 'os.version': platform.osVersion }),
    ...(platform.variant === undefined ? {} : { variant: platform.variant }),
  }
}
