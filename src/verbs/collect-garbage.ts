import type { Store } from '../content/store/index.ts'
import {
  type Descriptor,
  type Digest,
  isDigest,
  isIndexType,
  isManifestType,
  parseIndex,
  parseManifest,
} from '../oci/index.ts'
import { originalOf } from './origins.ts'

/** Blobs that some image of the store needs. */
export function blobsOfImages(store: Store): Set<Digest> {
  const needed = new Set<Digest>()
  for (const { manifest } of store.entries()) follow(store, manifest, needed)
  return needed
}

/** Layers that remembered steps need. */
export function layersOfSteps(store: Store): Set<Digest> {
  const needed = new Set<Digest>()
  for (const { key } of store.records.all('steps')) {
    const digest = layerOfStep(store, key)
    if (digest !== undefined) needed.add(digest)
  }
  return needed
}

/** The layer that a remembered step made. */
export function layerOfStep(store: Store, key: string): Digest | undefined {
  try {
    const { diffId } = JSON.parse(store.records.recall('steps', key) ?? '{}') as { diffId?: unknown }
    return isDigest(diffId) ? diffId : undefined
  } catch {
    return undefined
  }
}

/** Removes what neither an image nor a remembered step needs. */
export function collectGarbage(store: Store): { readonly removed: readonly Digest[]; readonly bytes: number } {
  return store.collect(new Set([...blobsOfImages(store), ...layersOfSteps(store)]))
}

function follow(store: Store, blob: Descriptor, needed: Set<Digest>): void {
  if (needed.has(blob.digest)) return
  needed.add(blob.digest)
  const original = originalOf(store, blob.digest)
  if (original !== undefined) for (const { digest } of [original.manifest, original.root]) needed.add(digest)
  if (!store.blobs.has(blob.digest)) return
  if (isIndexType(blob.mediaType)) {
    for (const manifest of parseIndex(store.blobs.read(blob.digest), blob.digest).manifests)
      follow(store, manifest, needed)
  } else if (isManifestType(blob.mediaType)) {
    const { config, layers } = parseManifest(store.blobs.read(blob.digest), blob.digest)
    for (const { digest } of [config, ...layers]) needed.add(digest)
  }
}
