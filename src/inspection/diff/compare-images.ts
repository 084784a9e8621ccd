import type { ComparedFile, ComparedImage, Ignorable, ImageDiff, LayerDifference } from '../../api/index.ts'
import { contentSize } from '../../files/layer/index.ts'
import { FlatFilesystem } from '../filesystem/flat.ts'
import type { InspectedImage, InspectedLayer } from '../image.ts'
import { compareConfigs, compareHistories } from './compare-config.ts'
import { compareFiles } from './compare-files.ts'
import { type LayerPair, layerDifference, type NumberedLayer, pairLayers, sameFiles } from './compare-layers.ts'
import { compareDirectorySizes } from './directory-sizes.ts'
import { Ignored } from './ignored.ts'
import { compareLayerFiles, compareWhiteouts } from './layer-files.ts'
import { type LayerRange, layersIn } from './layer-range.ts'
import { ByteComparison, type LearntDigest } from './same-bytes.ts'

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
  /** Digests that nobody knew, of files of the layers. */
  readonly learnt: readonly LearntDigest[]
}

/**
 * Compares two images by what is known of their layers: files are read only where they have one size and a digest is not known. Of
 * images that nothing is ignored of, equal means: the same config and the same bytes of every layer.
 */
export function compareImages(a: Comparand, b: Comparand, options: CompareOptions): Comparison {
  const bytes = new ByteComparison()
  try {
    return { diff: compare(a, b, options, bytes), learnt: bytes.learnt }
  } finally {
    bytes.close()
  }
}

function compare(a: Comparand, b: Comparand, options: CompareOptions, bytes: ByteComparison): ImageDiff {
  const ignored = new Ignored(options.ignore)
  const [layersA, layersB] = [numbered(a), numbered(b)]
  const pairs = pairLayers(layersA, layersB)
  // Of some layers of an image, its config says nothing.
  const isWhole = a.range === undefined && b.range === undefined
  const config = isWhole ? compareConfigs(a.image, b.image, ignored) : []
  const history = isWhole ? compareHistories(a.image, b.image, ignored) : []
  const changed = pairs.filter(({ a: x, b: y }) => x?.layer.index.diffId !== y?.layer.index.diffId)
  const flats =
    changed.length === 0
      ? undefined
      : ([FlatFilesystem.of(selectLayers(a)), FlatFilesystem.of(selectLayers(b))] as const)
  const files = options.byLayer
    ? changed.flatMap((pair) => compareLayerFiles(pair, { ignored, bytes }))
    : flattened(flats, { pairs: changed, ignored, bytes, isWhole })
  const layers = changed.flatMap((pair) => compareLayer(pair, { ignored, bytes, options }) ?? [])
  return {
    equal: config.length + history.length + layers.length + files.length === 0,
    a: comparedImage(a, layersA),
    b: comparedImage(b, layersB),
    ignored: ignored.counts,
    ...{ config, history, layers, files },
    directories: flats === undefined ? [] : compareDirectorySizes(...flats),
    packages: [],
    unread: [],
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

interface Comparing {
  readonly ignored: Ignored
  readonly bytes: ByteComparison
}

function flattened(
  flats: readonly [FlatFilesystem, FlatFilesystem] | undefined,
  { pairs, ignored, bytes, isWhole }: Comparing & { readonly pairs: readonly LayerPair[]; readonly isWhole: boolean },
): readonly ComparedFile[] {
  if (flats === undefined) return []
  const files = compareFiles(...flats, { ignored, bytes })
  if (isWhole) return files
  const sides = (['a', 'b'] as const).map((side) => pairs.flatMap((pair) => pair[side]?.layer ?? []))
  return [...compareWhiteouts(sides[0]!, sides[1]!, flats), ...files]
}

/** What there is to say of a pair whose bytes differ, besides its files; nothing where only what is ignored differs. */
function compareLayer(
  pair: LayerPair,
  { ignored, bytes, options }: Comparing & { readonly options: CompareOptions },
): LayerDifference | undefined {
  const { a, b } = pair
  if (a === undefined || b === undefined) {
    const side = a === undefined ? 'B' : 'A'
    return ignored.has('layers') ? undefined : layerDifference(pair, 'layers', `only ${side} has it`)
  }
  // Then it makes no difference which of them it is.
  if (options.ignore.includes('layers') && options.ignore.includes('tar-format') && ignored.has('layers'))
    return undefined
  const same = sameFiles(a.layer, b.layer, bytes)
  if (same !== 'different') {
    if (ignored.has('tar-format')) return undefined
    const detail = same === 'same' ? 'the same files, in other bytes of tar' : 'the same files, in another order'
    return layerDifference(pair, 'tar-format', detail)
  }
  // Layer by layer, its files are told one by one.
  if (options.byLayer || ignored.has('layers')) return undefined
  const count = compareLayerFiles(pair, { ignored: new Ignored(options.ignore), bytes }).length
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
