import { digestKnown, type LayerEntry, type LayerTable, tableOf } from '../../files/layer/index.ts'
import type { InspectedLayer } from '../image.ts'

/** All entries of an image's layers by one number, counted from the lowest layer. */
export class FlatEntries {
  readonly layers: readonly InspectedLayer[]
  readonly tables: readonly LayerTable[]
  /** The number of entries that all layers have. */
  readonly entryCount: number
  /** By the number of an entry: its kind's index in `kindsOfEntries`, and its size. */
  readonly kinds: Uint8Array
  readonly sizes: Float64Array
  /** The number of each layer's first entry. */
  readonly first: readonly number[]
  /** The layer of the entry that was asked for last. */
  private located = 0

  constructor(layers: readonly Pick<InspectedLayer, 'index'>[]) {
    this.layers = layers as readonly InspectedLayer[]
    this.tables = layers.map(({ index }) => tableOf(index))
    const first: number[] = []
    let sum = 0
    for (const { count } of this.tables) {
      first.push(sum)
      sum += count
    }
    this.first = first
    this.entryCount = sum
    this.kinds = new Uint8Array(sum)
    this.sizes = new Float64Array(sum)
    for (const [layer, { columns }] of this.tables.entries()) {
      this.kinds.set(columns.kind, first[layer])
      this.sizes.set(columns.size, first[layer])
    }
    forgetDigests(this.kinds)
  }

  /** Returns an entry's layer and its index there. */
  locate(id: number): { readonly layer: number; readonly table: LayerTable; readonly i: number } {
    const layer = this.layerOf(id)
    return { layer, table: this.tables[layer]!, i: id - this.first[layer]! }
  }

  /** Returns the index of an entry's layer. Mostly, entries of one are asked for one after the other. */
  layerOf(id: number): number {
    const { first, located } = this
    if (id >= first[located]! && id - first[located]! < this.tables[located]!.count) return located
    let low = 0
    for (let high = first.length - 1; low < high; ) {
      const middle = (low + high + 1) >> 1
      if (first[middle]! <= id) low = middle
      else high = middle - 1
    }
    this.located = low
    return low
  }

  /** Returns the name in an entry's path. */
  nameOf(id: number): string {
    const layer = this.layerOf(id)
    return this.tables[layer]!.name(id - this.first[layer]!)
  }

  entry(id: number): LayerEntry {
    const { table, i } = this.locate(id)
    return table.entry(i)
  }
}

function forgetDigests(kinds: Uint8Array): void {
  for (let id = 0; id < kinds.length; id++) kinds[id]! &= ~digestKnown
}
