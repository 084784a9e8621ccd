import { type Entry, type PulledAs, readPulledAs, type Store } from '../content/store/index.ts'
import { type Descriptor, type Digest, hexOf, isIndexType } from '../oci/index.ts'
import { imagesBelow } from './image-documents.ts'
import { repositoryOf } from './known-locations.ts'

/**
 * What others know an image of the store by, or an image of an index that is there. The same image may have been pulled
 * from several places, and then its name says more: see `pulledAsOfEntry`.
 */
export function pulledAsOf(store: Store, resting: Digest): PulledAs | undefined {
  const entries = store.entries()
  const own = entries.flatMap(
    (entry) => (entry.manifest.digest === resting ? pulledAsOfEntry(store, entry) : undefined) ?? [],
  )
  const best = own.find(({ claims = [] }) => claims.length === 0)
  if (best !== undefined) return best
  for (const { manifest, pulledAs } of entries) {
    if (pulledAs === undefined || !isIndexType(manifest.mediaType)) continue
    const child = imagesBelow(store, manifest).find(({ blob }) => blob.digest === resting)
    const found = child && childPulledAs(store, pulledAs, child.manifest.config.digest)
    if (found !== undefined) return found
  }
  return recordedPulledAs(store, resting)
}

/** What others know this image by under this name. */
export function pulledAsOfEntry(store: Store, { manifest, name, pulledAs }: Entry): PulledAs | undefined {
  if (pulledAs !== undefined) return pulledAs.part === true ? undefined : pulledAs
  const old = recordedPulledAs(store, manifest.digest)
  // Of the same image from two places, earlier versions remembered only the place seen last.
  const isElsewhere = old?.repository !== undefined && name !== undefined && old.repository !== repositoryOf(name)
  return isElsewhere ? undefined : old
}

/** What others know a document by: what the entry stands for, or an image of its index. */
export function pulledAsWithin(store: Store, entry: Entry, resting: Descriptor): PulledAs | undefined {
  const { manifest, pulledAs } = entry
  if (resting.digest === manifest.digest) return pulledAsOfEntry(store, entry)
  const [image] = pulledAs === undefined || isIndexType(resting.mediaType) ? [] : imagesBelow(store, resting)
  if (pulledAs === undefined || image === undefined) return pulledAsOf(store, resting.digest)
  return childPulledAs(store, pulledAs, image.manifest.config.digest)
}

/** Of an index that was pulled, the same for the image in it that has this config. */
function childPulledAs(store: Store, pulledAs: PulledAs, config: Digest): PulledAs | undefined {
  const image = imagesBelow(store, pulledAs.manifest).find(({ manifest }) => manifest.config.digest === config)
  if (image === undefined) return undefined
  const { part: _, ...rest } = pulledAs
  return { ...rest, manifest: plainDescriptor(image.blob) }
}

/** As earlier versions left it: by the manifest in the store. */
export function recordedPulledAs(store: Store, resting: Digest): PulledAs | undefined {
  return readPulledAs(store.records.recall('originals', hexOf(resting)))
}

/** The digest that others know an image by: its registry's, else the store's own. */
export function shownDigest(store: Store, entry: Entry): Digest {
  return pulledAsOfEntry(store, entry)?.root.digest ?? entry.manifest.digest
}

/** Without what a place says of it besides. */
export function plainDescriptor({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size }
}
