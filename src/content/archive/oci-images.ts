import type { UnpackLimit } from '../../files/compression/index.ts'
import {
  type Descriptor,
  type Digest,
  documentLimit,
  flattenIndex,
  formatPlatform,
  formatReference,
  isAttestation,
  isImageConfigType,
  isImageEntry,
  isIndexType,
  isManifestType,
  kindOfArtifact,
  openIndex,
  parseImageConfig,
  parseIndex,
  parseManifest,
  parseReference,
  type Reference,
  readsAsImageConfig,
  strangeLayers,
} from '../../oci/index.ts'
import { type Bytes, collect, TareError } from '../../support/index.ts'
import { verified } from '../index.ts'
import { type ArchiveFiles, type Item, invalid, need, readDocument } from './archive-files.ts'
import { layerOf } from './docker-images.ts'
import { blobPath, imageNameAnnotation, refNameAnnotation } from './oci-format.ts'
import type { ArchiveImage, ArchiveLayer, LayoutRoot } from './types.ts'

export async function layoutRoots(shelf: ArchiveFiles, index: Item): Promise<readonly LayoutRoot[]> {
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

/** Returns the images of an OCI layout; of an index, all that are present, without attestations and other artifacts. */
export async function ociImages(
  shelf: ArchiveFiles,
  index: Item,
  limit: UnpackLimit | undefined,
): Promise<readonly ArchiveImage[]> {
  const images: ArchiveImage[] = []
  const others = new Set<string>()
  const roots = await layoutRoots(shelf, index)
  const groupOf = groupsOf(roots)
  for (const root of roots) {
    for (const { blob, namedBy } of await imagesBelow(shelf, root.blob)) {
      if (isAttestation(blob)) others.add('an attestation')
      else if (!isManifestType(blob.mediaType)) others.add(blob.mediaType)
      else {
        const image = await imageOf(shelf, blob, namedBy, others, limit)
        // Some tools name an index's images instead of the index.
        const own = root.names.length === 0 && blob !== root.blob ? nameOf(blob) : undefined
        const names = own === undefined ? root.names : [own]
        if (image !== undefined) images.push({ ...image, names, group: groupOf(root) })
      }
    }
  }
  if (images.length > 0) return images
  const found = others.size === 0 ? 'its index.json is empty' : `it holds ${[...others].join(', ')}`
  throw new TareError('ARCHIVE_INVALID', `${shelf.label} holds no container image: ${found}`, {
    remedy: 'tare loads only container images.',
  })
}

/** Returns the names a layout gives its images, by config digest. */
export async function namesByConfig(
  shelf: ArchiveFiles,
  index: Item,
): Promise<ReadonlyMap<Digest, readonly Reference[]>> {
  const found = new Map<Digest, readonly Reference[]>()
  for (const root of await layoutRoots(shelf, index))
    for (const { blob, namedBy } of await imagesBelow(shelf, root.blob)) {
      if (!isImageEntry(blob) || !(await isHere(shelf, blob))) continue
      const { config } = parseManifest(await readBlob(shelf, blob, namedBy), `the manifest ${blob.digest}`)
      found.set(config.digest, [...(found.get(config.digest) ?? []), ...root.names])
    }
  return found
}

interface Found {
  readonly blob: Descriptor
  readonly namedBy: string
}

async function imagesBelow(shelf: ArchiveFiles, root: Descriptor): Promise<readonly Found[]> {
  if (!isIndexType(root.mediaType) || isAttestation(root)) return [{ blob: root, namedBy: 'index.json' }]
  const what = `the index ${root.digest}`
  const read = async (blob: Descriptor) => ((await isHere(shelf, blob)) ? readBlob(shelf, blob, what) : undefined)
  const entries = await flattenIndex(openIndex(await readBlob(shelf, root, 'index.json'), what), read, what)
  const blobs = new Map(entries.map(({ blob }) => [blob.digest, blob]))
  const here = new Set<Digest>()
  for (const blob of blobs.values()) if (await isHere(shelf, blob)) here.add(blob.digest)
  // An index may list all platforms even if only some were saved.
  const some = [...blobs.values()].some((blob) => here.has(blob.digest) && !isAttestation(blob))
  return [...blobs.values()].filter(({ digest }) => !some || here.has(digest)).map((blob) => ({ blob, namedBy: what }))
}

async function isHere(shelf: ArchiveFiles, { digest }: Descriptor): Promise<boolean> {
  return (await shelf.find(blobPath(digest))) !== undefined
}

/**
 * Groups images that belong together: those of an index, and those that index.json itself lists for several platforms under one
 * name or none, as if it were that index. Two for the same platform are separate images.
 */
function groupsOf(roots: readonly LayoutRoot[]): (root: LayoutRoot) => string {
  const keyOf = ({ blob, names }: LayoutRoot) =>
    blob.platform === undefined || isIndexType(blob.mediaType) ? blob.digest : names.map(formatReference).join(' ')
  const groups = new Map<string, LayoutRoot[]>()
  for (const root of roots) groups.set(keyOf(root), [...(groups.get(keyOf(root)) ?? []), root])
  return (root) => {
    const platforms = groups.get(keyOf(root))!.map(({ blob }) => blob.platform && formatPlatform(blob.platform))
    return new Set(platforms).size === platforms.length ? keyOf(root) : root.blob.digest
  }
}

/** Returns a blob's bytes, verified while being read. Rejects with `BLOB_MISSING`. */
export async function openBlob(shelf: ArchiveFiles, blob: Descriptor): Promise<Bytes> {
  const item = await shelf.find(blobPath(blob.digest))
  if (item === undefined)
    throw new TareError('BLOB_MISSING', `${shelf.label} has no blob ${blob.digest}`, {
      remedy: 'The archive is incomplete: save the image again.',
    })
  return verified(item.open(), blob, shelf.label)
}

async function imageOf(
  shelf: ArchiveFiles,
  blob: Descriptor,
  namedBy: string,
  others: Set<string>,
  limit: UnpackLimit | undefined,
): Promise<Omit<ArchiveImage, 'names' | 'group'> | undefined> {
  const what = `the manifest ${blob.digest}`
  const manifest = parseManifest(await readBlob(shelf, blob, namedBy), what)
  const { config } = manifest
  const isTyped = isImageConfigType(config.mediaType)
  const configBytes = isTyped || config.size <= documentLimit ? await readBlob(shelf, config, what) : Buffer.alloc(0)
  if (!isTyped && !readsAsImageConfig(configBytes, manifest.layers.length)) {
    others.add(kindOfArtifact(manifest))
    return undefined
  }
  const strange = strangeLayers(manifest)
  if (strange !== undefined) {
    others.add(`an image that ${strange.message}`)
    return undefined
  }
  const configuration = parseImageConfig(configBytes, `the config ${config.digest}`)
  const { diffIds } = configuration
  if (diffIds.length !== manifest.layers.length)
    throw invalid(shelf, `${what} has ${manifest.layers.length} layers, and its config ${diffIds.length}`)
  const layers: ArchiveLayer[] = []
  for (const [i, layer] of manifest.layers.entries()) {
    const diffId = diffIds[i]!
    const item = await need(shelf, blobPath(layer.digest), what)
    // A plain layer is verified once, when it is stored: its digest is the diff ID.
    layers.push(
      await layerOf(diffId, item, limit, () =>
        layer.digest === diffId ? item.open() : verified(item.open(), layer, shelf.label),
      ),
    )
  }
  return { platform: blob.platform ?? configuration.platform, config, configBytes, configuration, layers }
}

async function readBlob(shelf: ArchiveFiles, blob: Descriptor, namedBy: string): Promise<Buffer> {
  if (blob.size > documentLimit)
    throw invalid(
      shelf,
      `the document ${blob.digest} has ${blob.size} bytes, and the limit for a document is ${documentLimit}`,
    )
  const item = await need(shelf, blobPath(blob.digest), namedBy)
  return collect(verified(item.open(), blob, shelf.label), documentLimit)
}

/**
 * containerd writes the full name next to the spec's `ref.name`, which may be a name or only a tag. Since a tag does not say
 * which repository, anything that is not clearly more than a tag counts as one.
 */
function nameOf(blob: Descriptor): Reference | undefined {
  const whole = blob.annotations?.[imageNameAnnotation]
  const short = blob.annotations?.[refNameAnnotation]
  const text = whole ?? (short !== undefined && /[/:]/.test(short) ? short : undefined)
  if (text === undefined) return undefined
  try {
    return parseReference(text)
  } catch {
    // Other tools may use any label; such an image can still be loaded, without a name.
    return undefined
  }
}

export function rootNamed(roots: readonly LayoutRoot[], name: Reference): Descriptor | undefined {
  const full = formatReference(name)
  return roots.find(({ names }) => names.some((other) => formatReference(other) === full))?.blob
}
