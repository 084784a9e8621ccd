import type { LayerEntry } from '../../files/layer/index.ts'
import type { RegularFile } from '../../files/tree/index.ts'
import type { InspectedImage, InspectedLayer } from '../../inspection/index.ts'
import type { Bytes, Reporter } from '../../support/index.ts'
import type { RegistryCall } from '../transports/index.ts'

export interface ContentsOptions extends RegistryCall {
  /** The platform in an index: `linux/arm64`. Default: the only image, or this machine's platform. */
  readonly platform?: string | undefined
  /** Receives the progress of reading layers. */
  readonly report?: Reporter | undefined
  /** Whether files are going to be read too: a layer that must be decompressed for its index is then kept. */
  readonly contents?: boolean | undefined
  /** Another opened image, whose layers' indexes are used where this has the same layers. */
  readonly beside?: OpenedContents | undefined
}

/** An image opened for inspection. Must be closed. */
export interface OpenedContents extends InspectedImage {
  /**
   * Makes sure that the contents of these layers are on disk at their `path`, which for compressed layers they may not be before.
   * Default: all layers.
   */
  unpack(layers?: readonly InspectedLayer[]): Promise<void>
  /**
   * Returns the bytes of a file of these layers, or of their merged tree, decompressing them if needed. Throws `BLOB_CORRUPT` if
   * they have changed.
   */
  read(file: Pick<RegularFile, 'size' | 'content'>): Bytes
  /** Returns the bytes of a file's entry in a layer of the image, 0 being the lowest. */
  readEntry(layer: number, entry: LayerEntry): Bytes
  close(): Promise<void>
}
