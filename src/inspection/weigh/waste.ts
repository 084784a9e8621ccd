import type { WastedPath, WeighResult } from '../../api/index.ts'
import { contentSize, digestKnown, type LayerTable } from '../../files/layer/index.ts'
import type { FlatFilesystem } from '../filesystem/flat.ts'
import type { InspectedLayer } from '../image.ts'
import type { Efficiency } from './efficiency.ts'

/** A file in a layer that the image does not show. */
export interface HiddenFile {
  readonly path: string
  readonly size: number
  /** Index of its layer. */
  readonly layer: number
}

/** Lists the files with contents that an image does not show. `isVisible` is 1 for each entry that it does. */
export function hiddenFiles(tables: readonly LayerTable[], isVisible: Uint8Array): readonly HiddenFile[] {
  const hidden: HiddenFile[] = []
  let first = 0
  for (const [layer, table] of tables.entries()) {
    for (const i of hiddenIn(table, isVisible, first))
      hidden.push({ path: table.path(i), size: table.columns.size[i]!, layer })
    first += table.count
  }
  return hidden
}

/** Returns the indexes of a layer's hidden files; `first` is the number of its first entry. */
function hiddenIn({ columns: { size, kind } }: LayerTable, isVisible: Uint8Array, first: number): readonly number[] {
  const found: number[] = []
  for (let i = 0; i < kind.length; i++)
    if ((kind[i]! & ~digestKnown) === 0 && isVisible[first + i] === 0 && size[i]! > 0) found.push(i)
  return found
}

export type TotalWeights = Pick<
  WeighResult,
  'size' | 'visible' | 'wasted' | 'efficiency' | 'diveWasted' | 'diveWastedShare'
>

/** What all layers weigh together. */
export function totalWeights(
  layers: readonly InspectedLayer[],
  hidden: readonly HiddenFile[],
  efficiency: Efficiency,
): TotalWeights {
  const sizes = layers.map(({ index }) => contentSize(index))
  const size = sum(sizes)
  const wasted = sum(hidden.map((file) => file.size))
  const above = size - (sizes[0] ?? 0)
  return {
    ...{ size, visible: size - wasted, wasted, efficiency: efficiency.score, diveWasted: efficiency.wasted },
    diveWastedShare: above === 0 ? 0 : efficiency.wasted / above,
  }
}

/** Adds up hidden files by path, heaviest first. */
export function wastedPaths(hidden: readonly HiddenFile[], flat: FlatFilesystem): readonly WastedPath[] {
  const paths = new Map<string, { size: number; copies: number }>()
  for (const { path, size } of hidden) {
    const known = paths.get(path) ?? { size: 0, copies: 0 }
    known.size += size
    known.copies += 1
    paths.set(path, known)
  }
  return [...paths]
    .map(
      ([path, { size, copies }]): WastedPath => ({
        ...{ path, size, copies },
        became: isThere(flat, path) ? 'replaced' : 'removed',
      }),
    )
    .sort((a, b) => b.size - a.size || (a.path < b.path ? -1 : 1))
}

function isThere(flat: FlatFilesystem, path: string): boolean {
  return flat.find(path, { follow: false }).node !== undefined
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}
