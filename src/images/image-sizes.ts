import { Snapshots } from '../content/layers/index.ts'
import type { Store } from '../content/store/index.ts'
import { contentSize } from '../files/layer/index.ts'
import { familiarName, type Reference } from '../oci/index.ts'
import type { StoredImage } from './stored-image.ts'

/** The time of an image that does not say: Go's zero, which docker prints as well. */
export const noTime = '0001-01-01T00:00:00Z'

/** Bytes of the files in the image's layers, as docker counts an image's size. */
export function imageSize(store: Store, image: StoredImage): number {
  return layerSizes(store, image).reduce((sum, size) => sum + size, 0)
}

/** Bytes of the files in each layer; of one that is still in a registry, its compressed bytes, since nobody knows more. */
export function layerSizes(store: Store, { config, manifest }: StoredImage): readonly number[] {
  const snapshots = new Snapshots(store)
  return config.diffIds.map((diffId, i) => {
    if (store.blobs.has(diffId)) return contentSize(snapshots.index(diffId))
    const blob = manifest.layers[i]
    return blob === undefined || blob.digest === diffId ? 0 : blob.size
  })
}

export function nameList(names: readonly Reference[]): string[] {
  return names.map(familiarName)
}
