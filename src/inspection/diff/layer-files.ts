import type { ComparedFile, FileType } from '../../api/index.ts'
import { mergeLayers, type StoredLayer, withLayer } from '../../files/layer/index.ts'
import { Tree } from '../../files/tree/index.ts'
import { compareNames } from '../../support/index.ts'
import type { InspectedLayer } from '../image.ts'
import { compareFiles } from './compare-files.ts'
import { type LayerPair, told } from './compare-layers.ts'
import type { Ignored } from './ignored.ts'

/** The filesystems of both; what they have in common below is one and the same value. */
export function mergeBoth(a: readonly InspectedLayer[], b: readonly InspectedLayer[]): readonly [Tree, Tree] {
  let common = 0
  while (a[common] !== undefined && a[common]!.index.diffId === b[common]?.index.diffId) common += 1
  const below = mergeLayers(a.slice(0, common).map(asInLayer))
  const above = (layers: readonly InspectedLayer[]) => layers.map(asInLayer).reduce(withLayer, below)
  return [above(a.slice(common)), above(b.slice(common))]
}

/** The layer as everybody has it: without what only its builder remembers. */
function asInLayer({ index, path, offset }: StoredLayer): StoredLayer {
  const { diffId, size } = index
  return { path, offset, index: { diffId, size, entries: told(index) } }
}

export function hasHardLinks(layers: readonly StoredLayer[]): boolean {
  return layers.some(({ index }) => index.entries.some(({ kind }) => kind === 'hardlink'))
}

/** What differs in the files that two layers themselves bring, and in what they say is gone. */
export function compareLayerFiles({ a, b }: LayerPair, ignored: Ignored): readonly ComparedFile[] {
  const layers = { ...(a === undefined ? {} : { layerA: a.number }), ...(b === undefined ? {} : { layerB: b.number }) }
  const before = a === undefined ? [] : [a.layer]
  const after = b === undefined ? [] : [b.layer]
  const [treeA, treeB] = [mergeLayers(before.map(asInLayer)), mergeLayers(after.map(asInLayer))]
  const files = compareFiles(treeA.root, treeB.root, {
    ignored,
    layers,
    hardLinks: hasHardLinks([...before, ...after]),
  })
  return [...compareWhiteouts(before, after).map((difference) => ({ ...difference, ...layers })), ...files]
}

/** What one of two runs of layers says is gone and the other does not. `trees`: whiteouts of what is there again do not count. */
export function compareWhiteouts(
  a: readonly StoredLayer[],
  b: readonly StoredLayer[],
  trees: readonly [Tree, Tree] = [Tree.empty, Tree.empty],
): readonly ComparedFile[] {
  const before = whiteouts(a, trees[0])
  const after = whiteouts(b, trees[1])
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((key) => before.has(key) !== after.has(key))
    .map((key) => {
      const [path, type] = (before.get(key) ?? after.get(key))!
      return { kind: before.has(key) ? ('removed' as const) : ('added' as const), path, type, changes: [] }
    })
    .sort((x, y) => compareNames(x.path, y.path))
}

function whiteouts(layers: readonly StoredLayer[], tree: Tree): ReadonlyMap<string, readonly [string, FileType]> {
  const found = new Map<string, readonly [string, FileType]>()
  for (const { index } of layers)
    for (const { kind, path } of index.entries) {
      if (kind === 'hide') found.set(`opaque ${path}`, [path, 'opaque'])
      else if (kind === 'remove' && path !== '' && tree.get(path) === undefined)
        found.set(`whiteout ${path}`, [path, 'whiteout'])
    }
  return found
}
