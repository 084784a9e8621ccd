import type { ArchiveImage, ArchiveSource } from '../content/archive/index.ts'
import type { Source } from '../content/index.ts'
import {
  type Descriptor,
  type Digest,
  familiarName,
  formatReference,
  goJson,
  isIndexType,
  isManifestType,
  isPlainLayer,
  manifestJson,
  mediaTypes,
  parseIndex,
  parseManifest,
} from '../oci/index.ts'
import { flow, Gauge, measured, TareError } from '../support/index.ts'
import { Overlay } from './overlay.ts'
import { readWhole } from './packed-image.ts'

/**
 * An image of a docker-archive, by its name or because it is the only one. Such an archive has no manifest in the sense of
 * registries; what Docker 25 and later save has one beside it, which is taken.
 */
export async function sourceOfDockerArchive(
  archive: ArchiveSource,
  path: string,
  wanted: string | undefined,
): Promise<{ readonly source: Source; readonly root: Descriptor; readonly plain: boolean }> {
  const image = chooseImage(await archive.images(), path, wanted)
  const there = await manifestOf(archive, image.config.digest)
  if (there !== undefined) return { source: archive, ...there }
  const overlay = new Overlay(archive)
  const layers: Descriptor[] = []
  for (const layer of image.layers) {
    const blob = { mediaType: mediaTypes.layer, digest: layer.diffId, size: layer.size ?? (await sizeOf(layer)) }
    layers.push(overlay.add(blob, () => layer.open()))
  }
  const config = { ...image.config, mediaType: mediaTypes.config }
  overlay.add(config, async () => flow(image.configBytes))
  const json = goJson(manifestJson({ mediaType: mediaTypes.manifest, config, layers }), 2)
  return { source: overlay, root: overlay.addDocument(Buffer.from(json), mediaTypes.manifest), plain: true }
}

function chooseImage(images: readonly ArchiveImage[], path: string, wanted: string | undefined): ArchiveImage {
  const found =
    wanted === undefined ? images : images.filter(({ names }) => names.some((name) => formatReference(name) === wanted))
  if (found.length === 1 || (wanted !== undefined && found[0] !== undefined)) return found[0]!
  const names = images.flatMap((image) => image.names.map(familiarName)).join(', ') || 'images without names only'
  if (wanted === undefined)
    throw new TareError('IMAGE_AMBIGUOUS', `${path} has several images`, {
      remedy: `Say which, as in docker-archive:PATH:NAME. It has ${names}.`,
    })
  throw new TareError('IMAGE_UNKNOWN', `there is no image ${wanted} in ${path}`, { remedy: `It has ${names}.` })
}

/** The manifest of the image in the archive's OCI layout, where it has one. */
async function manifestOf(
  archive: ArchiveSource,
  config: Digest,
): Promise<{ readonly root: Descriptor; readonly plain: boolean } | undefined> {
  const queue = (await archive.roots()).map(({ blob }) => blob)
  for (let at = 0; at < queue.length; at++) {
    const { mediaType, digest, size } = queue[at]!
    const blob = { mediaType, digest, size }
    const bytes = await readWhole(archive, blob, `the document ${digest}`).catch((error: unknown) => {
      // The index may speak of platforms that were not saved.
      if (error instanceof TareError && error.code === 'BLOB_MISSING') return undefined
      throw error
    })
    if (bytes === undefined) continue
    if (isIndexType(mediaType)) queue.push(...parseIndex(bytes, `the index ${digest}`).manifests)
    else if (isManifestType(mediaType)) {
      const manifest = parseManifest(bytes, `the manifest ${digest}`)
      if (manifest.config.digest === config) return { root: blob, plain: manifest.layers.every(isPlainLayer) }
    }
  }
  return undefined
}

async function sizeOf(layer: ArchiveImage['layers'][number]): Promise<number> {
  const gauge = new Gauge()
  for await (const _ of measured(await layer.open(), gauge));
  return gauge.size
}
