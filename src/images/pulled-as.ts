import { type PulledAs, readPulledAs, type Store, type StoreEntry } from '../content/store/index.ts'
import { type Descriptor, type Digest, hexOf, isIndexType, plainDescriptor } from '../oci/index.ts'
import { imagesBelow } from './image-documents.ts'
import { repositoryOf } from './known-locations.ts'

/**
 * Returns what others know a stored image, or an image of a stored index, by. If the same image was pulled from several
 * repositories, its name says more: see `pulledAsOfEntry`.
 */
export function pulledAsOf(store: Store, stored: Digest): PulledAs | undefined {
  const entries = store.entries()
  const own = entries.flatMap(
    (entry) => (entry.manifest.digest === stored ? pulledAsOfEntry(store, entry) : undefined) ?? [],
  )
  const best = own.find(({ claims = [] }) => claims.length === 0)
  if (best !== undefined) return best
  for (const { manifest, pulledAs } of entries) {
    if (pulledAs === undefined || !isIndexType(manifest.mediaType)) continue
    const child = imagesBelow(store, manifest).find(({ blob }) => blob.digest === stored)
    const found = child && childPulledAs(store, pulledAs, child.manifest.config.digest)
    if (found !== undefined) return found
  }
  return recordedPulledAs(store, stored)
}

/** Returns what others know this image by under this name. */
export function pulledAsOfEntry(store: Store, { manifest, name, pulledAs }: StoreEntry): PulledAs | undefined {
  if (pulledAs !== undefined) return pulledAs.part === true ? undefined : pulledAs
  const old = recordedPulledAs(store, manifest.digest)
  // If the same image came from two repositories, earlier versions remembered only the last one.
  const isElsewhere = old?.repository !== undefined && name !== undefined && old.repository !== repositoryOf(name)
  return isElsewhere ? undefined : old
}

/** Returns what others know a document by: the entry's own, or an image of its index. */
export function pulledAsWithin(store: Store, entry: StoreEntry, stored: Descriptor): PulledAs | undefined {
  const { manifest, pulledAs } = entry
  if (stored.digest === manifest.digest) return pulledAsOfEntry(store, entry)
  const [image] = pulledAs === undefined || isIndexType(stored.mediaType) ? [] : imagesBelow(store, stored)
  if (pulledAs === undefined || image === undefined) return pulledAsOf(store, stored.digest)
  return childPulledAs(store, pulledAs, image.manifest.config.digest)
}

/** For an index that was pulled, returns the same for its image with this config. */
function childPulledAs(store: Store, pulledAs: PulledAs, config: Digest): PulledAs | undefined {
  const image = imagesBelow(store, pulledAs.manifest).find(({ manifest }) => manifest.config.digest === config)
  if (image === undefined) return undefined
  const { part: _, ...rest } = pulledAs
  return { ...rest, manifest: plainDescriptor(image.blob) }
}

/** As recorded by earlier versions: by the manifest in the store. */
export function recordedPulledAs(store: Store, stored: Digest): PulledAs | undefined {
  return readPulledAs(store.records.recall('originals', hexOf(stored)))
}

/** Returns the digest others know an image by: its registry's, otherwise the store's own. */
export function shownDigest(store: Store, entry: StoreEntry): Digest {
  return pulledAsOfEntry(store, entry)?.root.digest ?? entry.manifest.digest
}
