import type { Source } from '../../content/index.ts'
import {
  attestedDigest,
  choosePlatform,
  type Descriptor,
  flattenIndex,
  formatPlatform,
  type IndexEntry,
  isAttestation,
  isImageEntry,
  isIndexType,
  kindOfArtifact,
  matchPlatform,
  type OpenIndex,
  openIndex,
  type Platform,
  parseImageConfig,
  parseManifest,
  writeIndex,
} from '../../oci/index.ts'
import { TareError } from '../../support/index.ts'
import { type OnItsWay, Overlay, readIfThere, readImageConfig, readWhole } from '../index.ts'

/**
 * Returns the image for these platforms: for one its manifest; for several an index of theirs and their attestations, or the
 * original index if that has no others. Manifests stay unchanged. Rejects with `PLATFORM_MISSING`.
 */
export async function choosePlatforms(
  source: Source,
  root: Descriptor,
  wanted: readonly Platform[],
  name: string,
): Promise<OnItsWay> {
  if (wanted.length === 0) return { source, root }
  if (!isIndexType(root.mediaType)) {
    await refuseOther(source, root, wanted, name)
    return { source, root }
  }
  const index = openIndex(await readWhole(source, root, `the index of ${name}`), `the index of ${name}`)
  const offers = await entriesOfIndex(source, index, name)
  const chosen: IndexEntry[] = []
  // A copy for arm64 must not silently become one for arm.
  for (const platform of wanted) chosen.push(await chooseEntry(source, offers, platform, name, rankOf))
  if (wanted.length === 1) return { source, root: chosen[0]!.blob }
  const digests = new Set(chosen.map(({ blob }) => blob.digest))
  const entries = offers.filter(
    ({ blob }) => digests.has(blob.digest) || digests.has(attestedDigest(blob) ?? blob.digest),
  )
  if (entries.length === index.entries.length && entries.every((entry) => index.entries.includes(entry)))
    return { source, root }
  const overlay = new Overlay(source)
  const part = overlay.addDocument(writeIndex({ ...index, entries }), index.mediaType)
  return { source: overlay, root: part, changed: 'only some platforms of the index are copied' }
}

/**
 * Returns the images of an index that a file really contains: Docker saves one platform together with the index of all. If none
 * is missing, returns the index itself.
 */
export async function choosePresent(source: Source, root: Descriptor, name: string): Promise<OnItsWay> {
  if (!isIndexType(root.mediaType)) return { source, root }
  const index = openIndex(await readWhole(source, root, `the index of ${name}`), `the index of ${name}`)
  const entries: IndexEntry[] = []
  for (const entry of index.entries) if (await isThere(source, entry.blob)) entries.push(entry)
  const images = entries.filter(({ blob }) => !isAttestation(blob))
  if (entries.length === index.entries.length || images.length === 0) return { source, root }
  const overlay = new Overlay(source)
  const part = overlay.addDocument(writeIndex({ ...index, entries }), index.mediaType)
  return { source: overlay, root: part, changed: 'only some images of its index exist' }
}

async function isThere(source: Source, blob: Descriptor): Promise<boolean> {
  try {
    await source.open(blob)
    return true
  } catch (error) {
    if (error instanceof TareError && error.code === 'BLOB_MISSING') return false
    throw error
  }
}

/** Returns the entries of an index and its nested indexes. */
export function entriesOfIndex(source: Source, index: OpenIndex, name: string): Promise<readonly IndexEntry[]> {
  return flattenIndex(index, (blob) => readWhole(source, blob, `an index of ${name}`), `the index of ${name}`)
}

// Each requires reading two documents; a legitimate index states its platforms.
const mostUnsaid = 64

/**
 * Returns the best image of an index for a platform. For entries without a platform the configs decide; they are read only if no
 * other entry matches exactly. Rejects with `PLATFORM_MISSING`.
 */
export async function chooseEntry(
  source: Source,
  entries: readonly IndexEntry[],
  wanted: Platform,
  name: string,
  rank: (wanted: Platform, offered: Platform) => number | undefined = matchPlatform,
): Promise<IndexEntry> {
  const images = entries.filter(({ blob }) => isImageEntry(blob))
  const offers = images.flatMap((entry) => (entry.blob.platform ? [{ entry, platform: entry.blob.platform }] : []))
  const best = () => choosePlatform(wanted, offers, ({ platform }) => platform, rank)
  const said = best()
  if (said?.rank === 0) return said.offer.entry
  const unsaid = images.filter(({ blob }) => blob.platform === undefined)
  if (unsaid.length > mostUnsaid)
    throw new TareError('MANIFEST_INVALID', `the index of ${name} has ${unsaid.length} images without a platform`)
  for (const entry of unsaid) {
    const platform = await platformOf(source, entry.blob, name)
    if (platform !== undefined) offers.push({ entry, platform })
  }
  const found = best()
  if (found !== undefined) return found.offer.entry
  throw missing(
    name,
    wanted,
    offers.map(({ platform }) => platform),
  )
}

/** Returns an image's platform from its config; undefined if it is not an image, or is missing. */
async function platformOf(source: Source, blob: Descriptor, name: string): Promise<Platform | undefined> {
  const what = `an image of ${name}`
  const manifest = await readIfThere(source, blob, what)
  const config = manifest === undefined ? undefined : await readImageConfig(source, parseManifest(manifest, what))
  return config === undefined ? undefined : parseImageConfig(config, `a config of ${name}`).platform
}

function rankOf(wanted: Platform, offered: Platform): number | undefined {
  return wanted.architecture === offered.architecture ? matchPlatform(wanted, offered) : undefined
}

async function refuseOther(source: Source, root: Descriptor, wanted: readonly Platform[], name: string): Promise<void> {
  const manifest = parseManifest(await readWhole(source, root, `the manifest of ${name}`), `the manifest of ${name}`)
  const bytes = await readImageConfig(source, manifest)
  if (bytes === undefined)
    throw new TareError('PLATFORM_MISSING', `${name} is not a container image but ${kindOfArtifact(manifest)}`, {
      remedy: 'Drop --platform.',
    })
  const { platform } = parseImageConfig(bytes, `the config of ${name}`)
  const other = wanted.find((one) => rankOf(one, platform) === undefined)
  if (other !== undefined) throw missing(name, other, [platform])
}

export function missing(name: string, wanted: Platform, there: readonly Platform[]): TareError {
  const list = [...new Set(there.map(formatPlatform))].join(', ')
  return new TareError('PLATFORM_MISSING', `${name} is not available for ${formatPlatform(wanted)}`, {
    remedy: `It is available for ${list || 'no platform'}: choose one with --platform.`,
  })
}
