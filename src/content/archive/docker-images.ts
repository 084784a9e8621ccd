import { decompress, sniff, sniffLength, type UnpackLimit } from '../../files/compression/index.ts'
import { type Digest, mediaTypes, parseImageConfig, parseReference, type Reference } from '../../oci/index.ts'
import { sha256, TareError } from '../../support/index.ts'
import { type ArchiveFiles, type Item, innerPath, invalid, need, readDocument } from './archive-files.ts'
import type { ArchiveImage, ArchiveLayer } from './types.ts'

/** An element of `manifest.json`. Docker writes null for empty values. */
interface ManifestItem {
  readonly config: string
  readonly names: readonly Reference[]
  readonly layers: readonly string[]
}

/** Returns the images of a docker-archive as listed in its `manifest.json`. */
export async function dockerImages(
  shelf: ArchiveFiles,
  manifest: Item,
  limit: UnpackLimit | undefined,
): Promise<readonly ArchiveImage[]> {
  const images: ArchiveImage[] = []
  for (const [i, item] of parseItems(shelf, await readDocument(shelf, manifest, 'manifest.json')).entries())
    images.push({ ...(await imageOf(shelf, item, limit)), group: String(i) })
  return images
}

async function imageOf(
  shelf: ArchiveFiles,
  item: ManifestItem,
  limit: UnpackLimit | undefined,
): Promise<Omit<ArchiveImage, 'group'>> {
  const configBytes = await readDocument(shelf, await need(shelf, item.config, 'manifest.json'), item.config)
  const digest = sha256(configBytes)
  const claimed = digestOfPath(shelf, item.config)
  if (claimed !== undefined && claimed !== digest) throw corrupt(shelf, item.config)
  const configuration = parseImageConfig(configBytes, `the config "${item.config}" of ${shelf.label}`)
  const { diffIds } = configuration
  if (diffIds.length !== item.layers.length)
    throw invalid(
      shelf,
      `manifest.json lists ${item.layers.length} layers for "${item.config}", which has ${diffIds.length}`,
    )
  const layers: ArchiveLayer[] = []
  for (const [i, path] of item.layers.entries())
    layers.push(await layerOf(diffIds[i]!, await need(shelf, path, 'manifest.json'), limit))
  return {
    names: item.names,
    platform: configuration.platform,
    config: { mediaType: mediaTypes.config, digest, size: configBytes.length },
    configBytes,
    configuration,
    layers,
  }
}

/** Returns a layer known only by its diff ID: the archive does not say whether or how it is compressed. */
export async function layerOf(
  diffId: Digest,
  item: Item,
  limit: UnpackLimit | undefined,
  open = () => item.open(),
): Promise<ArchiveLayer> {
  const isPlain = sniff(await item.head(sniffLength)) === 'none'
  return {
    diffId,
    stored: item.size,
    ...(isPlain ? { size: item.size, at: item.at } : {}),
    open: async () => (isPlain ? open() : (await decompress(open(), limit)).bytes),
  }
}

/**
 * A name in `blobs/sha256/` must match the content; the `<hex>.json` of older archives need not, and Docker does not check it
 * either.
 */
function digestOfPath(shelf: ArchiveFiles, path: string): Digest | undefined {
  const hex = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(innerPath(shelf.label, path))?.[1]
  return hex === undefined ? undefined : `sha256:${hex}`
}

function corrupt(shelf: ArchiveFiles, path: string): TareError {
  return new TareError('BLOB_CORRUPT', `"${path}" in ${shelf.label} does not match its digest`, {
    remedy: 'The archive changed after it was made: save the image again.',
  })
}

function parseItems(shelf: ArchiveFiles, json: Buffer): readonly ManifestItem[] {
  let list: unknown
  try {
    list = JSON.parse(json.toString('utf8'))
  } catch (cause) {
    throw invalid(shelf, 'its manifest.json is not JSON', cause)
  }
  if (!Array.isArray(list) || list.length === 0) throw invalid(shelf, 'its manifest.json lists no images')
  return list.map((value: unknown, i) => {
    const raw = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>
    if (typeof raw['Config'] !== 'string') throw invalid(shelf, `image ${i} of its manifest.json has no Config`)
    return {
      config: raw['Config'],
      names: strings(shelf, raw['RepoTags'], `the RepoTags of image ${i}`).map((text) => nameOf(shelf, text)),
      layers: strings(shelf, raw['Layers'], `the Layers of image ${i}`),
    }
  })
}

function strings(shelf: ArchiveFiles, value: unknown, what: string): readonly string[] {
  if (value === undefined || value === null) return []
  if (Array.isArray(value) && value.every((element) => typeof element === 'string')) return value
  throw invalid(shelf, `${what} in its manifest.json are not a list of names`)
}

function nameOf(shelf: ArchiveFiles, text: string): Reference {
  try {
    return parseReference(text)
  } catch (cause) {
    throw invalid(shelf, `"${text}" in its manifest.json is not an image's name`, cause)
  }
}
