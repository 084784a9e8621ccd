import type { LayerWeight, WeighFinding, WeighResult, WeighRules, Weight } from '../../api/index.ts'
import { contentSize, digestKnown, type LayerTable } from '../../files/layer/index.ts'
import { FlatFilesystem } from '../filesystem/flat.ts'
import { treeOf } from '../filesystem/image-tree.ts'
import type { InspectedImage, InspectedLayer } from '../image.ts'
import { findPackages, hasPackageFile } from '../packages/find-packages.ts'
import { findDuplicates } from './duplicates.ts'
import { EfficiencyCount } from './efficiency.ts'
import { EndingTypes, typeOfFolder, typeOfName } from './file-type.ts'
import { VisibleFiles } from './visible-files.ts'
import { hiddenFiles, type TotalWeights, totalWeights, wastedPaths } from './waste.ts'

/** A result, and the layers whose indexes have digests now that had to be computed for it. */
export interface Weighed {
  readonly result: WeighResult
  readonly learnt: ReadonlySet<InspectedLayer>
}

/** Says what the bytes of an image are. */
export function weigh(image: InspectedImage, rules: WeighRules = {}): Weighed {
  const { layers } = image
  const flat = new FlatFilesystem(layers)
  const { tables } = flat
  const count = new EfficiencyCount(tables)
  for (const [i, table] of tables.entries()) {
    count.add(table, flat)
    flat.add(i)
  }
  const files = new VisibleFiles(flat)
  const hidden = hiddenFiles(tables, files.isVisible)
  const weights = totalWeights(layers, hidden, count.result())
  const learnt = new Set<InspectedLayer>()
  const result: WeighResult = {
    ...weights,
    layers: layers.map(
      (layer, i): LayerWeight => ({
        diffId: layer.index.diffId,
        ...(layer.createdBy === undefined ? {} : { createdBy: layer.createdBy }),
        size: contentSize(layer.index),
        files: countFiles(tables[i]!),
        wasted: sum(hidden.filter((file) => file.layer === i).map((file) => file.size)),
      }),
    ),
    directories: files.directories.sort(heaviest),
    types: typesOf(flat, files),
    packages: packagesOf(flat),
    wastedPaths: wastedPaths(hidden, flat),
    duplicates: findDuplicates(flat, files, learnt),
    findings: findingsOf(weights, rules),
  }
  return { result, learnt }
}

function countFiles({ columns: { kind } }: LayerTable): number {
  let files = 0
  for (let i = 0; i < kind.length; i++) if ((kind[i]! & ~digestKnown) === 0) files += 1
  return files
}

function typesOf(flat: FlatFilesystem, files: VisibleFiles): WeighResult['types'] {
  const types = new Map<string, { readonly type: string; size: number; files: number }>()
  const weightOf = (type: string) => {
    const known = types.get(type) ?? { type, size: 0, files: 0 }
    types.set(type, known)
    return known
  }
  const folders = files.prefixes.map(typeOfFolder)
  const endings = flat.tables.map((table, layer) => new EndingTypes(table, flat.first[layer]!))
  const { count, ids, prefixOf, named } = files
  for (let at = 0, next = 0; at < count; at = next) {
    const id = ids[at]!
    const inFolder = folders[prefixOf[at]!]
    const name = named.size === 0 ? undefined : named.get(at)
    const ending = endings[flat.layerOf(id)]!
    next = at + 1
    let type = inFolder
    if (type !== undefined) next = endOfEqual(prefixOf, at, count)
    else if (name !== undefined) type = typeOfName(name, flat.entry(id).mode)
    else {
      type = ending.of(id)
      if (named.size === 0) next = ending.endOfSame(ids, at, count)
    }
    const weight = weightOf(type)
    weight.size += sumOf(flat.sizes, ids, at, next)
    weight.files += next - at
  }
  return [...types.values()].sort(heaviest)
}

/** Returns the end of the items that are equal to the one at `from`. */
function endOfEqual(items: Uint32Array, from: number, to: number): number {
  const first = items[from]!
  let at = from + 1
  while (at < to && items[at] === first) at += 1
  return at
}

function sumOf(sizes: Float64Array, ids: Uint32Array, from: number, to: number): number {
  let sum = 0
  for (let at = from; at < to; at++) sum += sizes[ids[at]!]!
  return sum
}

function packagesOf(flat: FlatFilesystem): WeighResult['packages'] {
  if (!flat.tables.some(hasPackageFile)) return []
  const tree = treeOf(flat)
  return findPackages(tree, { files: true })
    .packages.map(({ type, name, version, size, files = [] }) => {
      const there = files.flatMap((path) => {
        const node = tree.get(path)
        return node?.kind === 'file' ? [node.size] : []
      })
      return { type, name, version, size: size ?? sum(there), files: there.length }
    })
    .sort(heaviest)
}

function findingsOf(
  { size, wasted, efficiency, diveWasted, diveWastedShare }: TotalWeights,
  { maxSize, maxWasted, minEfficiency, maxWastedShare, maxDiveWasted }: WeighRules,
): readonly WeighFinding[] {
  const findings: WeighFinding[] = []
  const check = (
    rule: keyof WeighRules,
    limit: number | undefined,
    found: number,
    isBroken: (limit: number) => boolean,
  ) => {
    if (limit !== undefined && isBroken(limit)) findings.push({ rule, limit, found })
  }
  check('maxSize', maxSize, size, (limit) => size > limit)
  check('maxWasted', maxWasted, wasted, (limit) => wasted > limit)
  check('minEfficiency', minEfficiency, efficiency, (limit) => efficiency < limit)
  check('maxWastedShare', maxWastedShare, diveWastedShare, (limit) => diveWastedShare > limit)
  check('maxDiveWasted', maxDiveWasted, diveWasted, (limit) => diveWasted > limit)
  return findings
}

function heaviest(a: Weight, b: Weight): number {
  return b.size - a.size || b.files - a.files
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}
