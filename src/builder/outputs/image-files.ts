import { createHash } from 'node:crypto'
import {
  ContentReader,
  contentOf,
  type LayerEntry,
  type LayerTable,
  pieces,
  type StoredLayer,
} from '../../files/layer/index.ts'
import { FlatFilesystem } from '../../inspection/index.ts'
import type { Digest } from '../../oci/index.ts'
import { type Bytes, writeWhole } from '../../support/index.ts'
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

  /** Writes the bytes of the layer's entry `i`, a file, to `fd`. Small ones come from what was read ahead, without a copy. */
  copyTo(fd: number, layer: number, table: LayerTable, i: number): void {
    const { path, offset = 0 } = this.layers[layer]!
    const { size, dataAt } = table.columns
    const length = size[i]!
    if (length === 0) return
    const near = dataAt[i]! < 0 ? undefined : this.reader.near(path, offset + dataAt[i]!, length)
    if (near !== undefined) writeWhole(fd, near.bytes, near.at, near.at + length)
    else for (const piece of this.pieces(layer, table.entry(i))) writeWhole(fd, piece)
  }

  /** Returns the bytes of a file piece by piece; each piece is valid until the next one is requested. */
  pieces(layer: number, entry: LayerEntry): Iterable<Uint8Array> {
    return pieces(contentOf(this.layers[layer]!, entry), entry.size, this.reader)
  }

  /** Yields the SHA-256 of each file. That of most is in the index of their layer. */
  *digests(): Generator<readonly [path: string, digest: Digest]> {
    const { flat } = this
    const read = new Map<number, Digest>()
    for (const [path, id] of flat.walk()) {
      if (typeof id === 'object') continue
      const { layer, table, i } = flat.locate(id)
      const entry = table.entry(i)
      if (entry.kind !== 'file') continue
      const digest = entry.digest ?? read.get(id) ?? this.hash(layer, entry)
      if (flat.linked.has(id)) read.set(id, digest)
      yield [path, digest]
    }
  }

  private hash(layer: number, entry: LayerEntry): Digest {
    const hash = createHash('sha256')
    for (const piece of this.pieces(layer, entry)) hash.update(piece)
    return `sha256:${hash.digest('hex')}`
  }

  async *readEntry(layer: number, entry: LayerEntry): Bytes {
    for (const piece of this.pieces(layer, entry)) yield Buffer.from(piece)
  }

  close(): void {
    this.reader.close()
  }
}
