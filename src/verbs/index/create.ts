import type { IndexCreateOptions, IndexResult } from '../../api/index.ts'
import { copyImage, type Source } from '../../content/index.ts'
import type { Registry } from '../../content/registry/index.ts'
import type { Host } from '../../images/index.ts'
import { readImageConfig, readWhole } from '../../images/index.ts'
import { pushDocument, putIndex, uploading } from '../../images/push/index.ts'
import { entriesOfIndex, mergeEntries } from '../../images/rewrite/index.ts'
import {
  formatTransport,
  openImage,
  openRepository,
  parseTransport,
  type Transport,
} from '../../images/transports/index.ts'
import {
  type Descriptor,
  descriptorJson,
  type IndexEntry,
  isIndexType,
  type Manifest,
  mediaTypes,
  type OpenIndex,
  openIndex,
  parseDescriptor,
  parseDocument,
  parseManifest,
  parseReference,
  type Reference,
  writeIndex,
} from '../../oci/index.ts'
import { TareError } from '../../support/index.ts'

/**
 * Creates an index of images in a registry, under a name there. What the repository lacks is copied or mounted; a source that is
 * an index contributes its images with their attestations.
 */
export async function createIndex(host: Host, options: IndexCreateOptions): Promise<IndexResult> {
  const name = parseReference(options.name)
  if (name.tag === undefined || name.digest !== undefined)
    throw new TareError('REFERENCE_INVALID', `"${options.name}" has no tag, which an index needs`)
  const registry = await openRepository(host, name, options)
  try {
    const old = options.append === true ? await existing(registry, name, options) : undefined
    const added: { from: string; entries: readonly IndexEntry[] }[] = []
    for (const text of options.images) {
      const transport = parseTransport(text)
      added.push({
        from: formatTransport(transport),
        entries: await take(host, registry, name, transport, text, options),
      })
    }
    const entries = mergeEntries(old?.entries ?? [], added)
    if (entries.length === 0)
      throw new TareError('OPTION_INVALID', 'no image was given for the index', { remedy: 'Name one.' })
    const bytes = writeIndex(indexOf(old, entries, options))
    const mediaType = JSON.parse(bytes.toString('utf8')).mediaType as string
    return await putIndex(registry, name, bytes, mediaType, options.dryRun === true)
  } finally {
    registry.close()
  }
}

async function existing(registry: Registry, name: Reference, options: IndexCreateOptions): Promise<OpenIndex> {
  const root = await registry.resolve(name)
  if (root === undefined)
    throw new TareError('IMAGE_UNKNOWN', `there is no index ${options.name} to append to`, {
      remedy: 'Drop --append to create one.',
    })
  const what = `the index ${options.name}`
  if (isIndexType(root.mediaType)) return openIndex(await readWhole(registry, root, what), what)
  // A single image becomes the first entry.
  const entries = [await entryOf(registry, root, options.name)]
  return { document: {}, mediaType: mediaTypes.index, entries }
}

/** Makes sure the repository has the image, and returns its entries. */
async function take(
  host: Host,
  registry: Registry,
  name: Reference,
  transport: Transport,
  text: string,
  options: IndexCreateOptions,
): Promise<readonly IndexEntry[]> {
  const { report, signal, dryRun } = options
  const opened = await openImage(host, transport, options)
  try {
    if (transport.kind === 'store') {
      if (dryRun === true)
        throw new TareError(
          'OPTION_INVALID',
          `${text} gets its digest only when it is pushed, which a dry run does not do`,
          {
            remedy: 'Push it first, and use its name in the registry.',
          },
        )
      const release = host.store.lease()
      try {
        const { blob } = await pushDocument(host, registry, opened.root, options, opened.entry)
        return await entriesOf(registry, blob, text)
      } finally {
        release()
      }
    }
    const entries = await entriesOf(opened.source, opened.root, text)
    if (dryRun === true) return entries
    const near =
      transport.kind === 'registry' && transport.name.registry === name.registry ? [transport.name.repository] : []
    const target = uploading(registry, near)
    for (const blob of new Map(entries.map((entry) => [entry.blob.digest, entry.blob])).values())
      await copyImage(opened.source, blob, target, undefined, { report, signal, atOnce: 6 })
    return entries
  } finally {
    await opened.close()
  }
}

async function entriesOf(source: Source, root: Descriptor, text: string): Promise<readonly IndexEntry[]> {
  if (!isIndexType(root.mediaType)) return [await entryOf(source, root, text)]
  const what = `the index ${text}`
  return entriesOfIndex(source, openIndex(await readWhole(source, root, what), what), text)
}

/** Returns an image's entry with the platform from its config. Artifacts have none. */
async function entryOf(source: Source, root: Descriptor, text: string): Promise<IndexEntry> {
  const manifest = parseManifest(await readWhole(source, root, `the manifest of ${text}`), `the manifest of ${text}`)
  const { mediaType, digest, size } = root
  const json = { ...descriptorJson({ mediaType, digest, size }), ...(await platformOf(source, manifest, text)) }
  return { json, blob: parseDescriptor(json, text) }
}

async function platformOf(source: Source, manifest: Manifest, text: string): Promise<Record<string, unknown>> {
  const bytes = await readImageConfig(source, manifest)
  if (bytes === undefined) return {}
  const raw = parseDocument(bytes, `the config of ${text}`)
  const members = ['architecture', 'os', 'os.version', 'os.features', 'variant']
  return { platform: Object.fromEntries(members.flatMap((key) => (raw[key] ? [[key, raw[key]]] : []))) }
}

function indexOf(
  old: OpenIndex | undefined,
  entries: readonly IndexEntry[],
  { annotations = {}, format }: IndexCreateOptions,
): OpenIndex {
  const noted = { ...(old?.document['annotations'] as object | undefined), ...annotations }
  const hasNotes = Object.keys(noted).length > 0 || entries.some(({ blob }) => blob.annotations !== undefined)
  // Docker's manifests go into Docker's list, which has no annotations, however.
  const before = old?.mediaType ?? (entries.every(isDockers) ? mediaTypes.dockerList : mediaTypes.index)
  const usual = hasNotes ? mediaTypes.index : before
  const mediaType = format === undefined ? usual : format === 'docker' ? mediaTypes.dockerList : mediaTypes.index
  if (mediaType === mediaTypes.dockerList && Object.keys(noted).length > 0)
    throw new TareError('FORMAT_UNABLE', 'a manifest list in Docker’s format cannot have annotations', {
      remedy: 'Use --format oci.',
    })
  const document = { ...old?.document, ...(Object.keys(noted).length > 0 ? { annotations: noted } : {}) }
  return { document, mediaType, entries }
}

function isDockers({ blob }: IndexEntry): boolean {
  return blob.mediaType === mediaTypes.dockerManifest
}
