import type { Store } from '../content/store/index.ts'
import {
  type Descriptor,
  type Digest,
  isAttestation,
  isDigest,
  isIndexType,
  isManifestType,
  isPlainLayer,
  parseImageConfig,
  parseIndex,
  parseManifest,
} from '../oci/index.ts'
import { TareError } from '../support/index.ts'
import { imagesBelow } from './image-documents.ts'
import { recordedPulledAs } from './pulled-as.ts'
import { blobsOfBases } from './remembered-bases.ts'

/** Returns the blobs that images of the store need. */
export function blobsOfImages(store: Store): Set<Digest> {
  const search: Search = { store, needed: new Set(), followed: new Set(), originals: new Set() }
  for (const { manifest, pulledAs, basedOn = [] } of store.entries()) {
    follow(search, manifest)
    for (const known of [...(pulledAs === undefined ? [] : [pulledAs]), ...basedOn])
      for (const blob of [known.manifest, known.root]) followOriginal(search, blob)
    for (const base of basedOn)
      for (const image of imagesBelow(store, base.manifest)) search.needed.add(image.manifest.config.digest)
  }
  return search.needed
}

/** Returns the layers that cached steps need. */
export function layersOfSteps(store: Store): Set<Digest> {
  const needed = new Set<Digest>()
  for (const { key } of store.records.all('steps')) {
    const digest = layerOfStep(store, key)
    if (digest !== undefined) needed.add(digest)
  }
  return needed
}

/** Returns the layer that a cached step made. */
export function layerOfStep(store: Store, key: string): Digest | undefined {
  try {
    const { diffId } = JSON.parse(store.records.recall('steps', key) ?? '{}') as { diffId?: unknown }
    return isDigest(diffId) ? diffId : undefined
  } catch {
    return undefined
  }
}

/** Forgets a cached step, and what it was made of. */
export function forgetStep({ records }: Store, key: string): void {
  for (const kind of ['steps', 'recipes'] as const) records.forget(kind, key)
}

/** Returns the layers that were unpacked to inspect an image that is not in the store. */
export function inspectedLayers(store: Store): readonly Digest[] {
  return store.records
    .all('inspected')
    .flatMap(({ key }) => (isDigest(`sha256:${key}`) ? [`sha256:${key}` as const] : []))
}

/** Removes what neither an image nor the build cache needs; the cache is steps, bases and inspected layers. */
export function collectGarbage(store: Store): { readonly removed: readonly Digest[]; readonly bytes: number } {
  return store.collect(
    new Set([...blobsOfImages(store), ...layersOfSteps(store), ...blobsOfBases(store), ...inspectedLayers(store)]),
  )
}

function diffIdsOf(store: Store, config: Descriptor): readonly Digest[] {
  try {
    return store.blobs.has(config.digest)
      ? parseImageConfig(store.blobs.read(config.digest), config.digest).diffIds
      : []
  } catch (error) {
    // An artifact's config has none.
    if (error instanceof TareError) return []
    throw error
  }
}

/** The blobs found to be needed, and the documents already visited. */
interface Search {
  readonly store: Store
  readonly needed: Set<Digest>
  readonly followed: Set<Digest>
  readonly originals: Set<Digest>
}

/**
 * Keeps an image's original documents: its index, and what the index lists besides images. Its compressed layers are not in
 * the store.
 */
function followOriginal(search: Search, blob: Descriptor): void {
  const { store, needed, originals } = search
  if (originals.has(blob.digest)) return
  originals.add(blob.digest)
  needed.add(blob.digest)
  if (!isIndexType(blob.mediaType) || !store.blobs.has(blob.digest)) return
  for (const child of parseIndex(store.blobs.read(blob.digest), blob.digest).manifests) {
    if (isAttestation(child)) follow(search, child)
    else followOriginal(search, child)
  }
}

function follow(search: Search, blob: Descriptor): void {
  const { store, needed, followed } = search
  needed.add(blob.digest)
  if (followed.has(blob.digest)) return
  followed.add(blob.digest)
  const original = recordedPulledAs(store, blob.digest)
  if (original !== undefined)
    for (const document of [original.manifest, original.root]) followOriginal(search, document)
  if (!store.blobs.has(blob.digest)) return
  if (isIndexType(blob.mediaType)) {
    for (const manifest of parseIndex(store.blobs.read(blob.digest), blob.digest).manifests) follow(search, manifest)
  } else if (isManifestType(blob.mediaType)) {
    const { config, layers } = parseManifest(store.blobs.read(blob.digest), blob.digest)
    for (const { digest } of [config, ...layers]) needed.add(digest)
    // The store may hold some of the layers it refers to in compressed form.
    if (!layers.every(isPlainLayer)) for (const diffId of diffIdsOf(store, config)) needed.add(diffId)
  }
}
