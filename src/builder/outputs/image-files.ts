import { ContentReader, contentOf, type LayerEntry, pieces, type StoredLayer } from '../../files/layer/index.ts'
import { FlatFilesystem } from '../../inspection/index.ts'
import type { Bytes } from '../../support/index.ts'
import type { BuiltImage, OutputWork } from './types.ts'

type Extent = ReturnType<typeof contentOf> & { readonly kind: 'extent' }

const windowSize = 1 << 20

/** The files of an image whose layers are in the store. Must be closed. */
export class ImageFiles {
  readonly flat: FlatFilesystem
  private readonly layers: readonly StoredLayer[]
  private readonly reader = new ContentReader()
  private window = { path: '', at: 0, bytes: Buffer.alloc(0) }

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
    const stored = this.layers[layer]!
    const content = contentOf(stored, entry)
    if (content.kind !== 'extent' || entry.size > windowSize / 8) return pieces(content, entry.size, this.reader)
    return [this.small(stored, content, entry.size)]
  }

  /** Small files mostly follow each other in a layer: many of them are read at once. */
  private small({ index, offset: start = 0 }: StoredLayer, content: Extent, size: number): Uint8Array {
    let { window } = this
    const isIn = window.path === content.path && content.offset >= window.at
    if (!isIn || content.offset + size > window.at + window.bytes.length) {
      const length = Math.min(windowSize, start + index.size - content.offset)
      const bytes = window.bytes.length === length ? window.bytes : Buffer.allocUnsafe(length)
      window = { path: content.path, at: content.offset, bytes }
      this.reader.read(content, bytes, 0)
      this.window = window
    }
    return window.bytes.subarray(content.offset - window.at, content.offset - window.at + size)
  }

  async *readEntry(layer: number, entry: LayerEntry): Bytes {
    for (const piece of this.pieces(layer, entry)) yield Buffer.from(piece)
  }

  close(): void {
    this.reader.close()
  }
}
