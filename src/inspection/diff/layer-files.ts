import type { ComparedFile, FileType } from '../../api/index.ts'
import { digestKnown, kindsOfEntries, type LayerTable, type StoredLayer, tableOf } from '../../files/layer/index.ts'
import { compareNames } from '../../support/index.ts'
import { FlatFilesystem } from '../filesystem/flat.ts'
import { compareFiles, type FileComparison } from './compare-files.ts'
import type { LayerPair } from './compare-layers.ts'

/** Compares the files that two layers add themselves, and what they remove. */
export function compareLayerFiles({ a, b }: LayerPair, options: FileComparison): readonly ComparedFile[] {
  const layers = { ...(a === undefined ? {} : { layerA: a.number }), ...(b === undefined ? {} : { layerB: b.number }) }
  const before = a === undefined ? [] : [a.layer]
  const after = b === undefined ? [] : [b.layer]
  const files = compareFiles(FlatFilesystem.of(before), FlatFilesystem.of(after), { ...options, layers })
  return [...compareWhiteouts(before, after).map((difference) => ({ ...difference, ...layers })), ...files]
}

/**
 * Lists what one of two runs of layers removes and the other does not. `flats`: whiteouts of paths that exist again do not count.
 */
export function compareWhiteouts(
  a: readonly StoredLayer[],
  b: readonly StoredLayer[],
  flats: readonly [FlatFilesystem, FlatFilesystem] | readonly [] = [],
): readonly ComparedFile[] {
  const before = whiteouts(a, flats[0])
  const after = whiteouts(b, flats[1])
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((key) => before.has(key) !== after.has(key))
    .map((key) => {
      const [path, type] = (before.get(key) ?? after.get(key))!
      return { kind: before.has(key) ? ('removed' as const) : ('added' as const), path, type, changes: [] }
    })
    .sort((x, y) => compareNames(x.path, y.path))
}

// What comes before it in the list is there, rather than gone.
const removal = kindsOfEntries.indexOf('remove')

function notFiles({ columns: { kind } }: LayerTable): readonly number[] {
  const found: number[] = []
  for (let i = 0; i < kind.length; i++) if ((kind[i]! & ~digestKnown) >= removal) found.push(i)
  return found
}

function whiteouts(
  layers: readonly StoredLayer[],
  flat: FlatFilesystem | undefined,
): ReadonlyMap<string, readonly [string, FileType]> {
  const found = new Map<string, readonly [string, FileType]>()
  for (const { index } of layers) {
    const table = tableOf(index)
    for (const i of notFiles(table)) {
      const kind = table.kind(i)
      if (kind === 'touch') continue
      const path = table.path(i)
      if (kind === 'hide') found.set(`opaque ${path}`, [path, 'opaque'])
      else if (flat?.find(path, { follow: false }).node === undefined) found.set(`whiteout ${path}`, [path, 'whiteout'])
    }
  }
  return found
}
