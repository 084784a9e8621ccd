import type { Source } from '../../content/index.ts'
import {
  type Descriptor,
  flattenIndex,
  isAttestation,
  isImageConfigType,
  isIndexType,
  isManifestType,
  mediaTypes,
  openIndex,
  parseIndex,
  parseManifest,
} from '../../oci/index.ts'
import { type Reporter, TareError } from '../../support/index.ts'
import { readIfThere, readWhole } from '../index.ts'

/** A document of an image, with its bytes. */
export interface RawDocument {
  readonly mediaType: string
  readonly bytes: Buffer
}

/** Whether a registry rejected a manifest because it is OCI's. */
export function isFormatRefused(error: unknown): error is TareError {
  return error instanceof TareError && error.code === 'MANIFEST_REFUSED'
}

/** Returns the manifest or index, its nested indexes, and their manifests, as far as they exist. */
export async function documentsOf(source: Source, root: Descriptor): Promise<readonly RawDocument[]> {
  const what = `the document ${root.digest}`
  const bytes = await readWhole(source, root, what)
  const documents = [{ mediaType: root.mediaType, bytes }]
  if (!isIndexType(root.mediaType)) return documents
  const read = async (blob: Descriptor) => {
    const inner = await readIfThere(source, blob, what)
    if (inner !== undefined) documents.push({ mediaType: blob.mediaType, bytes: inner })
    return inner
  }
  for (const { blob } of await flattenIndex(openIndex(bytes, what), read, what))
    if (isManifestType(blob.mediaType)) await read(blob)
  return documents
}

/** Returns what Docker's kind of manifest cannot represent and would be lost; undefined for nothing. */
export function onlyInOci(documents: readonly RawDocument[]): string | undefined {
  for (const { mediaType, bytes } of documents) {
    const found = isIndexType(mediaType) ? onlyInIndex(bytes) : onlyInManifest(bytes)
    if (found !== undefined) return found
  }
  return undefined
}

function onlyInIndex(bytes: Buffer): string | undefined {
  const index = parseIndex(bytes, 'the index')
  if (index.subject !== undefined) return 'a subject'
  if (index.manifests.some(isAttestation)) return 'attestations'
  return [index, ...index.manifests].some(isNoted) ? 'annotations' : undefined
}

function onlyInManifest(bytes: Buffer): string | undefined {
  const manifest = parseManifest(bytes, 'the manifest')
  const { artifactType, config, layers, subject } = manifest
  if (subject !== undefined) return 'a subject'
  if (artifactType !== undefined || !isImageConfigType(config.mediaType)) return 'an artifact'
  if (layers.some(({ mediaType }) => mediaType === mediaTypes.layerZstd)) return 'layers in zstd'
  return [manifest, config, ...layers].some(isNoted) ? 'annotations' : undefined
}

function isNoted({ annotations = {} }: Pick<Descriptor, 'annotations'>): boolean {
  return Object.keys(annotations).length > 0
}

/** Reports that the registry only accepts Docker's kind. */
export function reportDockers(host: string, report: Reporter | undefined): void {
  const message = `${host} rejects OCI manifests: the image was written in Docker’s format, with a different digest`
  report?.({ type: 'warning', rule: 'ManifestFormat', message })
}

/**
 * Returns the refusal, extended by why Docker's kind is not an option: what would be lost, or that the digest must not change.
 */
export function keptOci(refusal: TareError, why: string): TareError {
  return new TareError(refusal.code, refusal.message, {
    cause: refusal,
    remedy: `It may accept only Docker’s manifest format, which is not used automatically here: ${why}. Try --format docker, or oci-mediatypes=false in a build.`,
  })
}

/** Returns the refusal, saying that Docker's kind was refused as well. */
export function refusedBoth(refusal: TareError): TareError {
  return new TareError(refusal.code, refusal.message, {
    cause: refusal,
    remedy: 'Docker’s manifest format was rejected as well: see the registry’s message.',
  })
}
