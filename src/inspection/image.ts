import type { StoredLayer } from '../files/layer/index.ts'
import type { Descriptor, ImageConfig, Manifest } from '../oci/index.ts'

/** An image to be inspected: its documents, and its layers' indexes with the files that hold the contents. */
export interface InspectedImage {
  /** As the user wrote it. */
  readonly name: string
  /** What the name points to: a manifest, or an index. */
  readonly root: Descriptor
  /** The manifest of the chosen platform. */
  readonly manifest: Manifest
  readonly config: ImageConfig
  /** Lowest first. */
  readonly layers: readonly InspectedLayer[]
}

/** One of its layers. Until the image is closed, `path` may be read at any `at` and `runs` of the index. */
export interface InspectedLayer extends StoredLayer {
  /** Its descriptor in the manifest, compressed if it is. */
  readonly blob: Descriptor
  /** The instruction that made it, according to the history. Undefined if the history does not match the layers. */
  readonly createdBy?: string
  /** RFC 3339. */
  readonly created?: string
}
