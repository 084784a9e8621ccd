import { Snapshots } from '../content/layers/index.ts'
import type { Store } from '../content/store/index.ts'
import { familiarName, type Reference } from '../oci/index.ts'
import type { StoredImage } from './stored-image.ts'

/** The creation time of an image that has none: Go's zero time, which docker prints as well. */
export const noTime = '0001-01-01T00:00:00Z'

/** Returns the total size of the files in the image's layers, which is docker's image size. */
export function imageSize(store: Store, image: Pick<StoredImage, 'config' | 'manifest'>): number {
  return layerSizes(store, image).reduce((sum, size) => sum + size, 0)
}

/**
 * Returns the size of the files in each layer; for a layer still in a registry its compressed size, since nothing else is known.
 */
export function layerSizes(
  store: Store,
  { config, manifest }: Pick<StoredImage, 'config' | 'manifest'>,
): readonly number[] {
  const snapshots = new Snapshots(store)
  return config.diffIds.map((diffId, i) => {
    if (store.blobs.has(diffId)) return snapshots.contentSize(diffId)
    const blob = manifest.layers[i]
    return blob === undefined || blob.digest === diffId ? 0 : blob.size
  })
}

export function nameList(names: readonly Reference[]): string[] {
  return names.map(familiarName)
}
