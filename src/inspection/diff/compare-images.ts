import type { ComparedFile, ComparedImage, Ignorable, ImageDiff, LayerDifference } from '../../api/index.ts'
import { contentSize } from '../../files/layer/index.ts'
import { FlatFilesystem } from '../filesystem/flat.ts'
import type { InspectedImage, InspectedLayer } from '../image.ts'
import { compareConfigs, compareHistories } from './compare-config.ts'
import { compareFiles, type FileComparison } from './compare-files.ts'
import { type LayerPair, layerDifference, type NumberedLayer, pairLayers, sameFiles } from './compare-layers.ts'
import { countRows } from './contents-below.ts'
import { compareDirectorySizes } from './directory-sizes.ts'
import { Ignored } from './ignored.ts'
import { compareLayerFiles, compareWhiteouts } from './layer-files.ts'
import { type LayerRange, layersIn } from './layer-range.ts'
import { ByteComparison, type ReadOptions } from './same-bytes.ts'

/** An image, or some of its layers. */
export interface Comparand {
  readonly image: InspectedImage
  readonly range?: LayerRange | undefined
}

export interface CompareOptions extends ReadOptions {
  readonly ignore: readonly Ignorable[]
  /** Compare layers pairwise, rather than the filesystems they make. */
  readonly byLayer: boolean
  /** Whether a directory that one side alone has is one row. */
  readonly collapse?: boolean | undefined
}

export interface Comparison {
  /** Without packages, which may have to be downloaded first. */
  readonly diff: ImageDiff
  /** Layers whose indexes say more now, as files had to be read. */
  readonly learnt: ReadonlySet<InspectedLayer>
}

/**
 * Compares two images by the indexes of their layers: files are read only if their sizes are equal and a digest is unknown. If
 * nothing is ignored, images are equal if they have the same config and the same bytes in every layer.
 */
export async function compareImages(a: Comparand, b: Comparand, options: CompareOptions): Promise<Comparison> {
  const bytes = new ByteComparison()
  try {
    bytes.putOff()
    const diff = compare(a, b, options, bytes)
    const isProvisional = await bytes.catchUp(options)
    return { diff: isProvisional ? compare(a, b, options, bytes) : diff, learnt: bytes.learnt }
  } finally {
    bytes.close()
  }
}

function compare(a: Comparand, b: Comparand, options: CompareOptions, bytes: ByteComparison): ImageDiff {
  const ignored = new Ignored(options.ignore)
  const { collapse } = options
  const [layersA, layersB] = [numbered(a), numbered(b)]
  const pairs = pairLayers(layersA, layersB)
  // For a selection of layers, the config is not compared.
  const isWhole = a.range === undefined && b.range === undefined
  const config = isWhole ? compareConfigs(a.image, b.image, ignored) : []
  const history = isWhole ? compareHistories(a.image, b.image, ignored) : []
  const changed = pairs.filter(({ a: x, b: y }) => x?.layer.index.diffId !== y?.layer.index.diffId)
  const flats =
    changed.length === 0
      ? undefined
      : ([FlatFilesystem.of(selectLayers(a)), FlatFilesystem.of(selectLayers(b))] as const)
  const files = options.byLayer
    ? changed.flatMap((pair) => compareLayerFiles(pair, { ignored, bytes, collapse }))
    : flattened(flats, { pairs: changed, ignored, bytes, collapse, isWhole })
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

/** Returns the selected layers. */
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
  { pairs, isWhole, ...options }: FileComparison & { readonly pairs: readonly LayerPair[]; readonly isWhole: boolean },
): readonly ComparedFile[] {
  if (flats === undefined) return []
  const files = compareFiles(...flats, options)
  if (isWhole) return files
  const sides = (['a', 'b'] as const).map((side) => pairs.flatMap((pair) => pair[side]?.layer ?? []))
  return [...compareWhiteouts(sides[0]!, sides[1]!, flats), ...files]
}

/** Returns what differs in a pair of layers besides their files; undefined if only ignored differences remain. */
function compareLayer(
  pair: LayerPair,
  { ignored, bytes, options }: Comparing & { readonly options: CompareOptions },
): LayerDifference | undefined {
  const { a, b } = pair
  if (a === undefined || b === undefined) {
    const side = a === undefined ? 'B' : 'A'
    return ignored.has('layers') ? undefined : layerDifference(pair, 'layers', `only ${side} has it`)
  }
  // The distinction then makes no difference.
  if (options.ignore.includes('layers') && options.ignore.includes('tar-format') && ignored.has('layers'))
    return undefined
  const same = sameFiles(a.layer, b.layer, bytes)
  if (same !== 'different') {
    if (ignored.has('tar-format')) return undefined
    const detail = same === 'same' ? 'the same files, in other bytes of tar' : 'the same files, in another order'
    return layerDifference(pair, 'tar-format', detail)
  }
  // Layer by layer, files are listed one by one.
  if (options.byLayer || ignored.has('layers')) return undefined
  const counted = compareLayerFiles(pair, { ignored: new Ignored(options.ignore), bytes, collapse: true })
  const count = countRows(counted)
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
