import type { LayerWeight, WastedPath, WeighFinding, WeighResult, WeighRules, Weight } from '../../api/index.ts'
import { contentSize, mergeLayers } from '../../files/layer/index.ts'
import type { Directory, RegularFile, Tree } from '../../files/tree/index.ts'
import type { InspectedImage } from '../image.ts'
import { findPackages } from '../packages/find-packages.ts'
import { findDuplicates } from './duplicates.ts'
import { efficiencyOf } from './efficiency.ts'
import { fileType } from './file-type.ts'
import { type HiddenFile, hiddenFiles } from './waste.ts'

type Weights = Pick<WeighResult, 'size' | 'wasted' | 'efficiency' | 'diveWasted' | 'diveWastedShare'>

/** What the bytes of an image are. */
export function weigh(image: InspectedImage, rules: WeighRules = {}): WeighResult {
  const { layers } = image
  const tree = mergeLayers(layers)
  const hidden = hiddenFiles(layers, tree)
  const files = [...filesOf(tree.root, '', new Set())]
  const sizes = layers.map(({ index }) => contentSize(index))
  const size = sum(sizes)
  const wasted = sum(hidden.map((file) => file.size))
  const efficiency = efficiencyOf(layers)
  const above = size - (sizes[0] ?? 0)
  const weights = {
    size,
    visible: size - wasted,
    wasted,
    efficiency: efficiency.score,
    diveWasted: efficiency.wasted,
    diveWastedShare: above === 0 ? 0 : efficiency.wasted / above,
  }
  return {
    ...weights,
    layers: layers.map(
      (layer, i): LayerWeight => ({
        diffId: layer.index.diffId,
        ...(layer.createdBy === undefined ? {} : { createdBy: layer.createdBy }),
        size: sizes[i]!,
        files: layer.index.entries.filter(({ kind }) => kind === 'file').length,
        wasted: sum(hidden.filter((file) => file.layer === i).map((file) => file.size)),
      }),
    ),
    directories: directoriesOf(tree.root),
    types: typesOf(files),
    packages: packagesOf(tree),
    wastedPaths: wastedPaths(hidden, tree),
    duplicates: findDuplicates(files),
    findings: findingsOf(weights, rules),
  }
}

/** Every file once, a hard link under the first of its names. */
function* filesOf(
  directory: Directory,
  prefix: string,
  seen: Set<RegularFile>,
): Generator<readonly [path: string, file: RegularFile]> {
  for (const [name, node] of directory.children) {
    if (node.kind === 'directory') yield* filesOf(node, `${prefix}${name}/`, seen)
    else if (node.kind === 'file' && !seen.has(node)) {
      seen.add(node)
      yield [prefix + name, node]
    }
  }
}

function directoriesOf(root: Directory): WeighResult['directories'] {
  const all: (Weight & { path: string })[] = []
  const seen = new Set<RegularFile>()
  const walk = (directory: Directory, path: string): Weight => {
    let size = 0
    let files = 0
    for (const [name, node] of directory.children) {
      if (node.kind === 'directory') {
        const below = walk(node, path === '' ? name : `${path}/${name}`)
        size += below.size
        files += below.files
      } else if (node.kind === 'file' && !seen.has(node)) {
        seen.add(node)
        size += node.size
        files += 1
      }
    }
    all.push({ path, size, files })
    return { size, files }
  }
  walk(root, '')
  return all.sort(heaviest)
}

function typesOf(files: readonly (readonly [string, RegularFile])[]): WeighResult['types'] {
  const types = new Map<string, { size: number; files: number }>()
  for (const [path, { mode, size }] of files) {
    const type = fileType(path, mode)
    const known = types.get(type) ?? { size: 0, files: 0 }
    known.size += size
    known.files += 1
    types.set(type, known)
  }
  return [...types].map(([type, weight]) => ({ type, ...weight })).sort(heaviest)
}

function packagesOf(tree: Tree): WeighResult['packages'] {
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

function wastedPaths(hidden: readonly HiddenFile[], tree: Tree): readonly WastedPath[] {
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
        became: tree.get(path) === undefined ? 'removed' : 'replaced',
      }),
    )
    .sort((a, b) => b.size - a.size || (a.path < b.path ? -1 : 1))
}

function findingsOf(
  { size, wasted, efficiency, diveWasted, diveWastedShare }: Weights,
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
