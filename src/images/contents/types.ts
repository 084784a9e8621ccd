import type { LayerEntry } from '../../files/layer/index.ts'
import type { RegularFile } from '../../files/tree/index.ts'
import type { InspectedImage, InspectedLayer } from '../../inspection/index.ts'
import type { Bytes, Reporter } from '../../support/index.ts'
import type { RegistryCall } from '../transports/index.ts'

export interface ContentsOptions extends RegistryCall {
  /** `linux/arm64`, of an index. Default: the only image, or this machine's platform. */
  readonly platform?: string | undefined
  /** Hears which layers are read, and how far they are. */
  readonly report?: Reporter | undefined
  /** Files are going to be read as well: a compressed layer that has to be unpacked for its index is then kept at once. */
  readonly contents?: boolean | undefined
}

/** An image to look into. Close it. */
export interface OpenedContents extends InspectedImage {
  /**
   * Has the files of these layers on disk, where their `path` says: until then a compressed layer may not be. Default: all layers.
   */
  unpack(layers?: readonly InspectedLayer[]): Promise<void>
  /** The bytes of a file of these layers, or of their merged tree; what has to be unpacked for that is. Throws `BLOB_CORRUPT` where they are not what they were. */
  read(file: Pick<RegularFile, 'size' | 'content'>): Bytes
  /** The bytes of a file's entry in a layer of the image: 0 for the lowest. */
  readEntry(layer: number, entry: LayerEntry): Bytes
  close(): Promise<void>
}
