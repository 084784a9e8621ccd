import type { ArchiveImage, ArchiveLayer, ArchiveSource } from '../../content/archive/index.ts'
import type { Source } from '../../content/index.ts'
import {
  type Descriptor,
  type Digest,
  familiarName,
  flattenIndex,
  formatReference,
  goJson,
  type IndexEntry,
  isIndexType,
  isManifestType,
  isPlainLayer,
  manifestJson,
  mediaTypes,
  openIndex,
  parseManifest,
  plainDescriptor,
} from '../../oci/index.ts'
import { flow, Gauge, measured, TareError } from '../../support/index.ts'
import { Overlay, readIfThere } from '../index.ts'

export interface DockerArchiveImage {
  readonly source: Source
  readonly root: Descriptor
  readonly plain: boolean
  /** Its layers, if no manifest in the archive describes them; they may be compressed nonetheless. */
  readonly layers?: readonly ArchiveLayer[]
}

/**
 * Opens an image of a docker-archive, by its name or because it is the only one. The format itself has no registry-style
 * manifest; Docker 25 and later save one in addition, which is used if present. With `inPlace`, a compressed layer is not
 * measured: the manifest has its size in the archive.
 */
export async function sourceOfDockerArchive(
  archive: ArchiveSource,
  path: string,
  wanted: string | undefined,
  { inPlace = false }: { readonly inPlace?: boolean } = {},
): Promise<DockerArchiveImage> {
  const image = chooseImage(await archive.images(), path, wanted)
  const there = await manifestOf(archive, image.config.digest)
  if (there !== undefined) return { source: archive, ...there }
  const overlay = new Overlay(archive)
  const layers: Descriptor[] = []
  for (const layer of image.layers) {
    const blob = {
      mediaType: mediaTypes.layer,
      digest: layer.diffId,
      size: layer.size ?? (inPlace ? layer.stored : await sizeOf(layer)),
    }
    layers.push(overlay.add(blob, () => layer.open()))
  }
  const config = { ...image.config, mediaType: mediaTypes.config }
  overlay.add(config, async () => flow(image.configBytes))
  const json = goJson(manifestJson({ mediaType: mediaTypes.manifest, config, layers }), 2)
  return {
    source: overlay,
    root: overlay.addDocument(Buffer.from(json), mediaTypes.manifest),
    plain: true,
    layers: image.layers,
  }
}

function chooseImage(images: readonly ArchiveImage[], path: string, wanted: string | undefined): ArchiveImage {
  const found =
    wanted === undefined ? images : images.filter(({ names }) => names.some((name) => formatReference(name) === wanted))
  if (found.length === 1 || (wanted !== undefined && found[0] !== undefined)) return found[0]!
  const names = images.flatMap((image) => image.names.map(familiarName)).join(', ') || 'only unnamed images'
  if (wanted === undefined)
    throw new TareError('IMAGE_AMBIGUOUS', `${path} has several images`, {
      remedy: `Choose one, as in docker-archive:PATH:NAME. It contains ${names}.`,
    })
  throw new TareError('IMAGE_UNKNOWN', `there is no image ${wanted} in ${path}`, { remedy: `It contains ${names}.` })
}

/** Returns the image's manifest in the archive's OCI layout, if it has one. */
async function manifestOf(
  archive: ArchiveSource,
  config: Digest,
): Promise<{ readonly root: Descriptor; readonly plain: boolean } | undefined> {
  for (const { blob } of await allEntries(archive)) {
    if (!isManifestType(blob.mediaType)) continue
    const { digest } = blob
    const bytes = await readIfThere(archive, blob, `the document ${digest}`)
    if (bytes === undefined) continue
    const manifest = parseManifest(bytes, `the manifest ${digest}`)
    if (manifest.config.digest === config)
      return { root: plainDescriptor(blob), plain: manifest.layers.every(isPlainLayer) }
  }
  return undefined
}

/** Returns what its index.json refers to, including nested indexes. */
async function allEntries(archive: ArchiveSource): Promise<readonly Pick<IndexEntry, 'blob'>[]> {
  const entries: Pick<IndexEntry, 'blob'>[] = []
  for (const { blob } of await archive.roots()) {
    const what = `the index ${blob.digest}`
    const bytes = isIndexType(blob.mediaType) ? await readIfThere(archive, blob, what) : undefined
    if (!isIndexType(blob.mediaType)) entries.push({ blob })
    else if (bytes !== undefined) {
      const flat = await flattenIndex(openIndex(bytes, what), (inner) => readIfThere(archive, inner, what), what)
      for (const entry of flat) entries.push(entry)
    }
  }
  return entries
}

async function sizeOf(layer: ArchiveImage['layers'][number]): Promise<number> {
  const gauge = new Gauge()
  for await (const _ of measured(await layer.open(), gauge));
  return gauge.size
}
