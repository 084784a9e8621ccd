import { type Descriptor, isAttestation } from './descriptor.ts'
import type { Manifest } from './manifest.ts'
import { isForeignLayer, mediaTypes } from './media-types.ts'

/** Whether a media type denotes the config of a container image. A config of another type may still be one: see `readsAsImageConfig`. */
export function isImageConfigType(mediaType: string): boolean {
  return mediaType === mediaTypes.config || mediaType === mediaTypes.dockerConfig
}

// Docker treats layers of any type as tars, but other vendors' types are not.
const tarTypes = /^application\/vnd\.(?:oci\.image\.layer\.(?:nondistributable\.)?v1\.tar|docker\.)/

function isArtifact({ mediaType }: Descriptor): boolean {
  return (/^application\/vnd\./.test(mediaType) && !tarTypes.test(mediaType)) || /\+json$/.test(mediaType)
}

/** Returns why a manifest's layers cannot be unpacked into a filesystem, phrased to follow the image's name; undefined if they can. */
export function strangeLayers({ layers }: Manifest): { readonly message: string; readonly remedy: string } | undefined {
  const encrypted = layers.find(({ mediaType }) => /encrypted/.test(mediaType))
  if (encrypted !== undefined)
    return {
      message: `has encrypted layers (${encrypted.mediaType})`,
      remedy:
        'Decrypt the image first, for example with `skopeo copy --decryption-key`. `tare copy` copies it unchanged to a registry, a layout or an OCI archive.',
    }
  const foreign = layers.find(({ mediaType }) => isForeignLayer(mediaType))
  if (foreign !== undefined)
    return {
      message: `has non-distributable layers (${foreign.mediaType})`,
      remedy: 'Only images whose layers the registry distributes can be stored.',
    }
  const artifact = layers.find(isArtifact)
  if (artifact === undefined) return undefined
  return {
    message: `is not a container image: its layers are ${artifact.mediaType}`,
    remedy: 'It is an artifact, which `tare copy` can copy to a registry, a layout or an OCI archive.',
  }
}

/** Names the kind of artifact a manifest describes, for messages. */
export function kindOfArtifact({ artifactType, config }: Manifest): string {
  return artifactType || config.mediaType || 'an artifact without a type'
}

/** Whether an index entry may be a runnable image, as opposed to an attestation. */
export function isImageEntry(blob: Descriptor): boolean {
  return (
    !isAttestation(blob) && (blob.mediaType === mediaTypes.manifest || blob.mediaType === mediaTypes.dockerManifest)
  )
}
