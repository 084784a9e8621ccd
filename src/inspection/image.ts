import type { StoredLayer } from '../files/layer/index.ts'
import type { Descriptor, ImageConfig, Manifest } from '../oci/index.ts'

/** An image that is looked into: its documents, and its layers' indexes with the files that hold the contents. */
export interface InspectedImage {
  /** As the user wrote it. */
  readonly name: string
  /** What the name points at: a manifest, or an index. */
  readonly root: Descriptor
  /** The manifest of the chosen platform. */
  readonly manifest: Manifest
  readonly config: ImageConfig
  /** Lowest first. */
  readonly layers: readonly InspectedLayer[]
}

/** A layer of it. Its `path` may be read at any `at` and `runs` of its index until the image is closed. */
export interface InspectedLayer extends StoredLayer {
  /** As the manifest names it: compressed, where it is. */
  readonly blob: Descriptor
  /** The instruction that made it, as the history says. Unknown where the history does not fit the layers. */
  readonly createdBy?: string
  /** RFC 3339. */
  readonly created?: string
}
