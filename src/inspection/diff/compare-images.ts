import type { ComparedFile, ComparedImage, Ignorable, ImageDiff, LayerDifference } from '../../api/index.ts'
import { contentSize } from '../../files/layer/index.ts'
import type { Tree } from '../../files/tree/index.ts'
import type { InspectedImage, InspectedLayer } from '../image.ts'
import { compareConfigs, compareHistories } from './compare-config.ts'
import { compareFiles } from './compare-files.ts'
import { type LayerPair, layerDifference, type NumberedLayer, pairLayers, sameFiles } from './compare-layers.ts'
import { compareDirectorySizes, directorySizes } from './directory-sizes.ts'
import { Ignored } from './ignored.ts'
import { compareLayerFiles, compareWhiteouts, hasHardLinks, mergeBoth } from './layer-files.ts'
import { type LayerRange, layersIn } from './layer-range.ts'

/** An image, or some of its layers. */
export interface Comparand {
  readonly image: InspectedImage
  readonly range?: LayerRange | undefined
}

export interface CompareOptions {
  readonly ignore: readonly Ignorable[]
  /** Each layer of the one beside one of the other. Else what all layers make together is compared. */
  readonly byLayer: boolean
}

export interface Comparison {
  /** Without packages, which may have to be fetched first. */
  readonly diff: ImageDiff
  readonly trees: readonly [Tree, Tree]
}

/**
 * Compares two images by what is known of their layers: files are read only where they have one size and a digest is not known. Of
 * images that nothing is ignored of, equal means: the same config and the same bytes of every layer.
 */
export function compareImages(a: Comparand, b: Comparand, options: CompareOptions): Comparison {
  const ignored = new Ignored(options.ignore)
  const [layersA, layersB] = [numbered(a), numbered(b)]
  const pairs = pairLayers(layersA, layersB)
  const trees = mergeBoth(selectLayers(a), selectLayers(b))
  // Of some layers of an image, its config says nothing.
  const isWhole = a.range === undefined && b.range === undefined
  const config = isWhole ? compareConfigs(a.image, b.image, ignored) : []
  const history = isWhole ? compareHistories(a.image, b.image, ignored) : []
  const changed = pairs.filter(({ a: x, b: y }) => x?.layer.index.diffId !== y?.layer.index.diffId)
  const files = options.byLayer
    ? changed.flatMap((pair) => compareLayerFiles(pair, ignored))
    : flattened(trees, { a, b, pairs: changed, ignored, isWhole })
  const layers = changed.flatMap((pair) => compareLayer(pair, ignored, options) ?? [])
  return {
    diff: {
      equal: config.length + history.length + layers.length + files.length === 0,
      a: comparedImage(a, layersA),
      b: comparedImage(b, layersB),
      ignored: ignored.counts,
      ...{ config, history, layers, files },
      directories:
        trees[0] === trees[1]
          ? []
          : compareDirectorySizes(directorySizes(trees[0].root), directorySizes(trees[1].root)),
      packages: [],
      unread: [],
    },
    trees,
  }
}

/** The layers of it that are meant. */
export function selectLayers(comparand: Comparand): readonly InspectedLayer[] {
  return numbered(comparand).map(({ layer }) => layer)
}

function numbered({ image, range }: Comparand): readonly NumberedLayer[] {
  const layers = image.layers.map((layer, i) => ({ number: i + 1, layer }))
  return range === undefined ? layers : layersIn(range, layers, image.name)
}

interface Flattened {
  readonly a: Comparand
  readonly b: Comparand
  readonly pairs: readonly LayerPair[]
  readonly ignored: Ignored
  readonly isWhole: boolean
}

function flattened(trees: readonly [Tree, Tree], { pairs, ignored, isWhole }: Flattened): readonly ComparedFile[] {
  if (pairs.length === 0) return []
  const sides = (['a', 'b'] as const).map((side) => pairs.flatMap((pair) => pair[side]?.layer ?? []))
  const hardLinks = hasHardLinks(sides.flat())
  const files = compareFiles(trees[0].root, trees[1].root, { ignored, hardLinks })
  return isWhole ? files : [...compareWhiteouts(sides[0]!, sides[1]!, trees), ...files]
}

/** What there is to say of a pair whose bytes differ, besides its files; nothing where only what is ignored differs. */
function compareLayer(pair: LayerPair, ignored: Ignored, options: CompareOptions): LayerDifference | undefined {
  const { a, b } = pair
  if (a === undefined || b === undefined) {
    const side = a === undefined ? 'B' : 'A'
    return ignored.has('layers') ? undefined : layerDifference(pair, 'layers', `only ${side} has it`)
  }
  const same = sameFiles(a.layer, b.layer)
  if (same !== 'different') {
    if (ignored.has('tar-format')) return undefined
    const detail = same === 'same' ? 'the same files, in other bytes of tar' : 'the same files, in another order'
    return layerDifference(pair, 'tar-format', detail)
  }
  // Layer by layer, its files are told one by one.
  if (options.byLayer || ignored.has('layers')) return undefined
  const count = compareLayerFiles(pair, new Ignored(options.ignore)).length
  if (count === 0) return undefined
  return layerDifference(pair, 'layers', `${count} of its files ${count === 1 ? 'differs' : 'differ'}`)
}

function comparedImage({ image }: Comparand, layers: readonly NumberedLayer[]): ComparedImage {
  return {
    name: image.name,
    id: image.manifest.config.digest,
    digest: image.root.digest,
    platform: image.config.platform,
    layers: layers.length,
    size: layers.reduce((sum, { layer }) => sum + contentSize(layer.index), 0),
  }
}
