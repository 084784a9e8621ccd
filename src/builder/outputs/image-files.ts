import { ContentReader, contentOf, type LayerEntry, pieces, type StoredLayer } from '../../files/layer/index.ts'
import { FlatFilesystem } from '../../inspection/index.ts'
import type { Bytes } from '../../support/index.ts'
import type { BuiltImage, OutputWork } from './types.ts'

/** The files of an image whose layers are in the store. Must be closed. */
export class ImageFiles {
  readonly flat: FlatFilesystem
  private readonly layers: readonly StoredLayer[]
  private readonly reader = new ContentReader({ ahead: 1 << 20 })

  private constructor(layers: readonly StoredLayer[]) {
    this.layers = layers
    this.flat = FlatFilesystem.of(layers)
  }

  /** Fetches layers that are still in a registry. */
  static async open({ snapshots }: OutputWork, { snapshot }: BuiltImage): Promise<ImageFiles> {
    await snapshot.fetch?.()
    return new ImageFiles(snapshot.layers.map(({ diffId }) => snapshots.storedLayer(diffId)))
  }

  /** Returns the bytes of a file piece by piece; each piece is valid until the next one is requested. */
  pieces(layer: number, entry: LayerEntry): Iterable<Uint8Array> {
    return pieces(contentOf(this.layers[layer]!, entry), entry.size, this.reader)
  }

  async *readEntry(layer: number, entry: LayerEntry): Bytes {
    for (const piece of this.pieces(layer, entry)) yield Buffer.from(piece)
  }

  close(): void {
    this.reader.close()
  }
}
