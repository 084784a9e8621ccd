import { type Descriptor, descriptorJson, goJson, mediaTypes, plainDescriptor } from '../../oci/index.ts'
import { sha256 } from '../../support/index.ts'

/** A blob or document to be stored. */
export interface Piece {
  readonly blob: Descriptor
  readonly bytes: Buffer
}

/** A manifest that holds statements, after the blobs that it refers to. */
export interface StatementManifest {
  readonly blobs: readonly Piece[]
  readonly manifest: Piece
}

interface StatementBytes {
  readonly predicateType: string
  readonly bytes: Buffer
}

const statementType = 'application/vnd.in-toto+json'
const emptyType = 'application/vnd.oci.empty.v1+json'
const attestationType = 'application/vnd.docker.attestation.manifest.v1+json'
const empty = piece(emptyType, Buffer.from('{}'))

/**
 * Returns the manifest that an index lists beside an image, as BuildKit writes it: with the config of an image for no platform, or
 * as an artifact. (BuildKit, docs/attestations/attestation-storage.md)
 */
export function attestationManifest(
  statements: readonly StatementBytes[],
  subject: Descriptor,
  isArtifact: boolean,
): StatementManifest {
  const layers = statements.map((statement) => layerOf(statement))
  const rootfs = { type: 'layers', diff_ids: layers.map(({ blob }) => blob.digest) }
  const image = { architecture: 'unknown', os: 'unknown', config: {}, rootfs }
  const config = isArtifact ? empty : piece(mediaTypes.config, Buffer.from(goJson(image)))
  const json = {
    ...{ schemaVersion: 2, mediaType: mediaTypes.manifest },
    ...(isArtifact ? { artifactType: attestationType } : {}),
    config: descriptorJson(config.blob),
    layers: layers.map(({ blob }) => descriptorJson(blob)),
    ...(isArtifact ? { subject: descriptorJson(plainDescriptor(subject)) } : {}),
  }
  return { blobs: [config, ...layers], manifest: piece(mediaTypes.manifest, Buffer.from(goJson(json, 2))) }
}

/** Returns the entry of such a manifest in the index. */
export function attestationEntry({ blob }: Piece, subject: Descriptor): Descriptor {
  return {
    ...plainDescriptor(blob),
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: {
      'vnd.docker.reference.digest': subject.digest,
      'vnd.docker.reference.type': 'attestation-manifest',
    },
  }
}

/**
 * Returns a manifest with one statement that refers to the image; `file` is what clients call it that write it to a disk.
 * (image-spec, manifest.md, "Guidelines for Artifact Usage")
 */
export function referrerManifest(
  statement: StatementBytes & { readonly file: string },
  subject: Descriptor,
): StatementManifest {
  const layer = layerOf(statement, { 'org.opencontainers.image.title': statement.file })
  const json = {
    ...{ schemaVersion: 2, mediaType: mediaTypes.manifest, artifactType: statementType },
    config: descriptorJson(empty.blob),
    layers: [descriptorJson(layer.blob)],
    subject: descriptorJson(plainDescriptor(subject)),
    annotations: { 'in-toto.io/predicate-type': statement.predicateType },
  }
  return { blobs: [empty, layer], manifest: piece(mediaTypes.manifest, Buffer.from(goJson(json, 2))) }
}

function layerOf({ predicateType, bytes }: StatementBytes, notes: Readonly<Record<string, string>> = {}): Piece {
  const { blob } = piece(statementType, bytes)
  return { blob: { ...blob, annotations: { 'in-toto.io/predicate-type': predicateType, ...notes } }, bytes }
}

function piece(mediaType: string, bytes: Buffer): Piece {
  return { blob: { mediaType, digest: sha256(bytes), size: bytes.length }, bytes }
}
