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

/** The documents of one image in the store. */
export interface ImageDocuments {
  readonly blob: Descriptor
  readonly manifest: Manifest
  readonly config: ImageConfig
}

/** The images that a manifest or an index leads to, as far as their documents are here and sound. */
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

/** The value, or undefined where a document is missing or damaged. */
function soundly<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof TareError) return undefined
    throw error
  }
}
