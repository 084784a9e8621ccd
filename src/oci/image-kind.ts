import { type Descriptor, isAttestation } from './descriptor.ts'
import type { Manifest } from './manifest.ts'
import { isForeignLayer, mediaTypes } from './media-types.ts'

/** Whether the media type says that a config is that of a container image. Of others, the bytes may still: see `readsAsImageConfig`. */
export function isImageConfigType(mediaType: string): boolean {
  return mediaType === mediaTypes.config || mediaType === mediaTypes.dockerConfig
}

// Docker takes layers of whatever type for tars; what another vendor has made is none.
const tarTypes = /^application\/vnd\.(?:oci\.image\.layer\.(?:nondistributable\.)?v1\.tar|docker\.)/

function isArtifact({ mediaType }: Descriptor): boolean {
  return (/^application\/vnd\./.test(mediaType) && !tarTypes.test(mediaType)) || /\+json$/.test(mediaType)
}

/** What keeps a manifest's layers from being unpacked into a filesystem, to follow the image's name; undefined for nothing. */
export function strangeLayers({ layers }: Manifest): { readonly message: string; readonly remedy: string } | undefined {
  const encrypted = layers.find(({ mediaType }) => /encrypted/.test(mediaType))
  if (encrypted !== undefined)
    return {
      message: `has encrypted layers (${encrypted.mediaType})`,
      remedy:
        'Decrypt the image first, for example with `skopeo copy --decryption-key`. `tare copy` moves it as it is to a registry, a layout or an OCI archive.',
    }
  const foreign = layers.find(({ mediaType }) => isForeignLayer(mediaType))
  if (foreign !== undefined)
    return {
      message: `has layers that its registry does not hand out (${foreign.mediaType})`,
      remedy: 'Only images whose layers the registry distributes can be stored.',
    }
  const artifact = layers.find(isArtifact)
  if (artifact === undefined) return undefined
  return {
    message: `is no container image: its layers are ${artifact.mediaType}`,
    remedy: 'It is an artifact, which `tare copy` moves to a registry, a layout or an OCI archive.',
  }
}

/** What a manifest is that is no container image's. */
export function kindOfArtifact({ artifactType, config }: Manifest): string {
  return artifactType || config.mediaType || 'an artifact without a type'
}

/** Whether an index's entry may be an image to run, and not what is said of one. */
export function isImageEntry(blob: Descriptor): boolean {
  return (
    !isAttestation(blob) && (blob.mediaType === mediaTypes.manifest || blob.mediaType === mediaTypes.dockerManifest)
  )
}
