import type { BuildAnnotation, BuiltOutput } from '../../api/index.ts'
import type { Store } from '../../content/store/index.ts'
import {
  type Descriptor,
  goJson,
  indexJson,
  manifestJson,
  mediaTypes,
  type Platform,
  parseManifest,
} from '../../oci/index.ts'
import { type Document, document } from '../assemble/index.ts'
import { notesOf } from './annotations.ts'
import type { BuiltImage } from './types.ts'

/** The documents of an output in the store. */
export interface StoredDocuments {
  /** The manifest of a single platform, or the index of several. */
  readonly root: Descriptor
  readonly manifests: readonly (Descriptor & { readonly platform: Platform })[]
  /** Annotations of the index, if there is or will be one. */
  readonly notes: Readonly<Record<string, string>> | undefined
}

/** Writes the images' documents with these annotations to the store, where nothing names them. */
export function storeDocuments(
  store: Store,
  images: readonly BuiltImage[],
  annotations: readonly BuildAnnotation[],
): StoredDocuments {
  const manifests = images.map(({ manifest, platform }) => {
    const noted = annotated(manifest, notesOf(annotations, 'manifest', platform))
    store.blobs.write(noted.bytes)
    const notes = notesOf(annotations, 'manifest-descriptor', platform)
    return { ...noted.blob, platform, ...(notes === undefined ? {} : { annotations: notes }) }
  })
  const notes = notesOf(annotations, 'index')
  if (manifests.length === 1) {
    const { mediaType, digest, size } = manifests[0]!
    return { root: { mediaType, digest, size }, manifests, notes }
  }
  const index = indexOf(manifests, notes)
  store.blobs.write(index.bytes)
  return { root: index.blob, manifests, notes }
}

/** Returns the manifest or index that a build made: the store's if it is kept there, otherwise what it would be. */
export function resultOf(store: Store, images: readonly BuiltImage[], outputs: readonly BuiltOutput[]): Descriptor {
  const kept = outputs.find(({ kind }) => kind === 'image')
  if (kept?.digest !== undefined) return { digest: kept.digest, mediaType: kept.mediaType!, size: kept.size! }
  return storeDocuments(store, images, []).root
}

/** Returns the index of these manifests. */
export function indexOf(
  manifests: readonly Descriptor[],
  annotations: Readonly<Record<string, string>> | undefined,
  mediaType: string = mediaTypes.index,
): Document {
  const index = { mediaType, manifests, ...(annotations === undefined ? {} : { annotations }) }
  return document(mediaType, goJson(indexJson(index), 2))
}

function annotated(manifest: Document, notes: Readonly<Record<string, string>> | undefined): Document {
  if (notes === undefined) return manifest
  const parsed = parseManifest(manifest.bytes, 'the manifest')
  const annotations = { ...parsed.annotations, ...notes }
  return document(manifest.blob.mediaType, goJson(manifestJson({ ...parsed, annotations }), 2))
}
