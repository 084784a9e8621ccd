import type { Store } from '../content/store/index.ts'
import {
  type Descriptor,
  type Digest,
  type ImageConfig,
  isAttestation,
  isIndexType,
  isManifestType,
  type Manifest,
  parseImageConfig,
  parseIndex,
  parseManifest,
} from '../oci/index.ts'
import { TareError } from '../support/index.ts'

/** An image's documents in the store. */
export interface ImageDocuments {
  readonly blob: Descriptor
  readonly manifest: Manifest
  readonly config: ImageConfig
}

/** Returns the images below a manifest or an index, as far as their documents exist and are intact. */
export function imagesBelow(store: Store, root: Descriptor): readonly ImageDocuments[] {
  const seen = new Set<Digest>()
  const found: ImageDocuments[] = []
  const visit = (blob: Descriptor): void => {
    if (seen.has(blob.digest) || isAttestation(blob)) return
    seen.add(blob.digest)
    if (isIndexType(blob.mediaType))
      for (const child of soundly(() => parseIndex(store.blobs.read(blob.digest), blob.digest).manifests) ?? [])
        visit(child)
    else if (isManifestType(blob.mediaType)) {
      const manifest = soundly(() => parseManifest(store.blobs.read(blob.digest), blob.digest))
      const config = manifest && soundly(() => parseImageConfig(store.blobs.read(manifest.config.digest), 'the config'))
      if (manifest !== undefined && config?.diffIds.length === manifest.layers.length)
        found.push({ blob, manifest, config })
    }
  }
  visit(root)
  return found
}

/** Returns undefined if a document is missing or damaged. */
function soundly<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof TareError) return undefined
    throw error
  }
}
