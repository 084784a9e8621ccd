import type { Digest } from '../../oci/index.ts'
import type { LayerEntry } from './layer-entry.ts'
import type { LayerTable } from './layer-table.ts'

export type { LayerEntry } from './layer-entry.ts'

/** A layer's entries, stored beside the blob so that the layer need not be read again. */
export interface LayerIndex {
  readonly diffId: Digest
  /** Size of the uncompressed layer in bytes. */
  readonly size: number
  readonly entries: readonly LayerEntry[]
  /** The same in columns, if the index was decoded. */
  readonly table?: LayerTable
  /** With a table: the entries as objects, if they have been requested. */
  readonly made?: readonly LayerEntry[] | undefined
}

/** Returns the total size of the layer's files. docker's image size is the sum over all layers. */
export function contentSize(index: LayerIndex): number {
  if (index.table !== undefined) return index.table.content
  let sum = 0
  for (const entry of index.entries) if (entry.kind === 'file') sum += entry.size
  return sum
}
