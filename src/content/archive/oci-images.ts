import type { UnpackLimit } from '../../files/compression/index.ts'
import {
  type Descriptor,
  documentLimit,
  formatReference,
  isAttestation,
  isIndexType,
  isManifestType,
  mediaTypes,
  parseImageConfig,
  parseIndex,
  parseManifest,
  parseReference,
  type Reference,
} from '../../oci/index.ts'
import { type Bytes, collect, TareError } from '../../support/index.ts'
import { verified } from '../index.ts'
import { layerOf } from './docker-images.ts'
import { blobPath, imageNameAnnotation, refNameAnnotation } from './oci-format.ts'
import { type Item, invalid, need, readDocument, type Shelf } from './shelf.ts'
import type { ArchiveImage, ArchiveLayer, LayoutRoot } from './types.ts'

export async function layoutRoots(shelf: Shelf, index: Item): Promise<readonly LayoutRoot[]> {
  const document = parseIndex(await readDocument(shelf, index, 'index.json'), `the index.json of ${shelf.label}`)
  const roots = new Map<string, { blob: Descriptor; names: Reference[]; labels: string[] }>()
  for (const blob of document.manifests) {
    const root = roots.get(blob.digest) ?? { blob, names: [], labels: [] }
    roots.set(blob.digest, root)
    const name = nameOf(blob)
    if (name !== undefined) root.names.push(name)
    const label = blob.annotations?.[refNameAnnotation]
    if (label !== undefined) root.labels.push(label)
  }
  return [...roots.values()]
}

/** The images of an OCI layout; of an index, all that are there, without attestations and what else is no image. */
export async function ociImages(
  shelf: Shelf,
  index: Item,
  limit: UnpackLimit | undefined,
): Promise<readonly ArchiveImage[]> {
  const images: ArchiveImage[] = []
  const others = new Set<string>()
  const visit = async (root: LayoutRoot, blob: Descriptor, namedBy: string, depth: number): Promise<void> => {
    if (isAttestation(blob)) return void others.add('an attestation')
    if (!isIndexType(blob.mediaType)) {
      if (!isManifestType(blob.mediaType)) return void others.add(blob.mediaType)
      const image = await imageOf(shelf, blob, root.names, namedBy, others, limit)
      if (image !== undefined) images.push(image)
      return
    }
    if (depth === 8) throw invalid(shelf, 'its indexes are nested too deep')
    const what = `the index ${blob.digest}`
    const children = parseIndex(await readBlob(shelf, blob, namedBy), what).manifests
    const present = await Promise.all(children.map((child) => shelf.find(blobPath(child.digest))))
    // An index keeps speaking of all platforms when only some of them were saved.
    const here = children.filter((_, i) => present[i] !== undefined)
    for (const child of here.some((child) => !isAttestation(child)) ? here : children)
      await visit(root, child, what, depth + 1)
  }
  for (const root of await layoutRoots(shelf, index)) await visit(root, root.blob, 'index.json', 0)
  if (images.length > 0) return images
  const found = others.size === 0 ? 'its index.json is empty' : `it holds ${[...others].join(', ')}`
  throw new TareError('ARCHIVE_INVALID', `${shelf.label} holds no container image: ${found}`, {
    remedy: 'tare loads container images only.',
  })
}

/** The bytes of a blob of the layout, checked while they flow. Rejects with `BLOB_MISSING`. */
export async function openBlob(shelf: Shelf, blob: Descriptor): Promise<Bytes> {
  const item = await shelf.find(blobPath(blob.digest))
  if (item === undefined)
    throw new TareError('BLOB_MISSING', `${shelf.label} has no blob ${blob.digest}`, {
      remedy: 'The archive is not whole: save the image again.',
    })
  return verified(item.open(), blob, shelf.label)
}

async function imageOf(
  shelf: Shelf,
  blob: Descriptor,
  names: readonly Reference[],
  namedBy: string,
  others: Set<string>,
  limit: UnpackLimit | undefined,
): Promise<ArchiveImage | undefined> {
  const what = `the manifest ${blob.digest}`
  const manifest = parseManifest(await readBlob(shelf, blob, namedBy), what)
  const { config } = manifest
  if (config.mediaType !== mediaTypes.config && config.mediaType !== mediaTypes.dockerConfig) {
    others.add(config.mediaType)
    return undefined
  }
  const configBytes = await readBlob(shelf, config, what)
  const configuration = parseImageConfig(configBytes, `the config ${config.digest}`)
  const { diffIds } = configuration
  if (diffIds.length !== manifest.layers.length)
    throw invalid(shelf, `${what} has ${manifest.layers.length} layers, and its config ${diffIds.length}`)
  const layers: ArchiveLayer[] = []
  for (const [i, layer] of manifest.layers.entries()) {
    const diffId = diffIds[i]!
    const item = await need(shelf, blobPath(layer.digest), what)
    // A plain layer is checked once, by who keeps it: its digest is the diff ID.
    layers.push(
      await layerOf(diffId, item, limit, () =>
        layer.digest === diffId ? item.open() : verified(item.open(), layer, shelf.label),
      ),
    )
  }
  return { names, platform: configuration.platform, config, configBytes, configuration, layers }
}

async function readBlob(shelf: Shelf, blob: Descriptor, namedBy: string): Promise<Buffer> {
  if (blob.size > documentLimit)
    throw invalid(shelf, `the document ${blob.digest} has ${blob.size} bytes, and a document may have ${documentLimit}`)
  const item = await need(shelf, blobPath(blob.digest), namedBy)
  return collect(verified(item.open(), blob, shelf.label), documentLimit)
}

/**
 * containerd writes the whole name beside the spec's `ref.name`, which may be a name or a tag alone. A tag names no
 * repository, so it is no name: what is not plainly more than a tag is taken for one.
 */
function nameOf(blob: Descriptor): Reference | undefined {
  const whole = blob.annotations?.[imageNameAnnotation]
  const short = blob.annotations?.[refNameAnnotation]
  const text = whole ?? (short !== undefined && /[/:]/.test(short) ? short : undefined)
  if (text === undefined) return undefined
  try {
    return parseReference(text)
  } catch {
    // Other tools put here what they like; an image with a strange label can still be loaded, without a name.
    return undefined
  }
}

export function rootNamed(roots: readonly LayoutRoot[], name: Reference): Descriptor | undefined {
  const full = formatReference(name)
  return roots.find(({ names }) => names.some((other) => formatReference(other) === full))?.blob
}
