import type { IndexAnnotateOptions, IndexResult } from '../../api/index.ts'
import type { Host } from '../../images/index.ts'
import { readWhole } from '../../images/index.ts'
import { putIndex } from '../../images/push/index.ts'
import { findEntry } from '../../images/rewrite/index.ts'
import { openRepository, unknownImage } from '../../images/transports/index.ts'
import {
  type IndexEntry,
  isIndexType,
  mediaTypes,
  normalizePlatform,
  type OpenIndex,
  openIndex,
  type Platform,
  parsePlatform,
  parseReference,
  rewritten,
  writeIndex,
} from '../../oci/index.ts'
import { TareError } from '../../support/index.ts'

/** Changes annotations or a platform in an index of a registry. The images themselves stay unchanged. */
export async function annotateIndex(host: Host, options: IndexAnnotateOptions): Promise<IndexResult> {
  const name = parseReference(options.name)
  const change = changeOf(options)
  if (name.tag === undefined || name.digest !== undefined)
    throw new TareError(
      'REFERENCE_INVALID',
      `"${options.name}" has no tag: annotating creates a new digest, which needs a tag`,
    )
  const registry = await openRepository(host, name, options)
  try {
    const root = await registry.resolve(name)
    if (root === undefined) throw unknownImage(name)
    const what = `the index ${options.name}`
    if (!isIndexType(root.mediaType))
      throw new TareError('MANIFEST_UNSUPPORTED', `${options.name} is a single image, not an index`, {
        remedy: 'Create an index from it with `tare index create`.',
      })
    const index = openIndex(await readWhole(registry, root, what), what)
    const changed = apply(index, options, change, platformOf(host, options))
    return await putIndex(registry, name, writeIndex(changed), changed.mediaType, options.dryRun === true)
  } finally {
    registry.close()
  }
}

type Json = Readonly<Record<string, unknown>>

/** Returns the changes to an entry's platform. */
function changeOf(options: IndexAnnotateOptions): Json {
  const { os, architecture, variant, osVersion, osFeatures, annotations = {} } = options
  const change = { architecture, os, 'os.version': osVersion, 'os.features': osFeatures, variant }
  const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))
  const invalid = (message: string, remedy: string) => new TareError('OPTION_INVALID', message, { remedy })
  if (options.image !== undefined && options.platform !== undefined)
    throw invalid('a digest and --platform cannot be combined', 'Use one of them.')
  if (Object.keys(given).length === 0 && Object.keys(annotations).length === 0)
    throw invalid('no change was given', 'Give --annotation, --os, --arch, --variant, --os-version or --os-features.')
  if (Object.keys(given).length > 0 && options.image === undefined && options.platform === undefined)
    throw invalid('an index has no platform of its own', 'Choose one of its images with --platform or by digest.')
  return given
}

function platformOf(host: Host, { platform }: IndexAnnotateOptions): Platform | undefined {
  return platform === undefined ? undefined : normalizePlatform(parsePlatform(platform, host.platform))
}

function apply(
  index: OpenIndex,
  options: IndexAnnotateOptions,
  change: Json,
  platform: Platform | undefined,
): OpenIndex {
  const { annotations = {}, image } = options
  // Docker's lists have no annotations: with any, it becomes an OCI index, which may contain Docker's manifests.
  const mediaType = Object.keys(annotations).length > 0 ? mediaTypes.index : index.mediaType
  if (image === undefined && platform === undefined) {
    const old = index.document['annotations'] as Json | undefined
    return { ...index, mediaType, document: { ...index.document, annotations: { ...old, ...annotations } } }
  }
  const meant = findEntry(index, image ?? options.platform!, platform, options.name)
  const entries = index.entries.map((entry) => (entry === meant ? noted(entry, annotations, change) : entry))
  return { ...index, mediaType, entries }
}

function noted(entry: IndexEntry, annotations: Json, change: Json): IndexEntry {
  const old = entry.json as { readonly annotations?: Json; readonly platform?: Json }
  return rewritten(entry, {
    ...(Object.keys(annotations).length > 0 ? { annotations: { ...old.annotations, ...annotations } } : {}),
    ...(Object.keys(change).length > 0 ? { platform: { ...old.platform, ...change } } : {}),
  })
}
