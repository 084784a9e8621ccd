import type { Source } from '../content/index.ts'
import {
  attestedDigest,
  type Descriptor,
  formatPlatform,
  type IndexEntry,
  isAttestation,
  isIndexType,
  isManifestType,
  matchPlatform,
  type OpenIndex,
  openIndex,
  type Platform,
  parseImageConfig,
  parseManifest,
  writeIndex,
} from '../oci/index.ts'
import { TareError } from '../support/index.ts'
import { type OnItsWay, Overlay } from './overlay.ts'
import { readWhole } from './packed-image.ts'

/**
 * The image for these platforms: of one, its manifest; of several, an index of theirs with what attests to them, unless
 * they are all that the index has. Each manifest stays as it is. Rejects with `PLATFORM_MISSING`.
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
  const offers = await flattenIndex(source, index, name)
  const chosen = wanted.map((platform) => best(offers, platform, name))
  if (wanted.length === 1) return { source, root: chosen[0]!.blob }
  const digests = new Set(chosen.map(({ blob }) => blob.digest))
  const entries = offers.filter(
    ({ blob }) => digests.has(blob.digest) || digests.has(attestedDigest(blob) ?? blob.digest),
  )
  if (entries.length === index.entries.length && entries.every((entry) => index.entries.includes(entry)))
    return { source, root }
  const overlay = new Overlay(source)
  const part = overlay.addDocument(writeIndex({ ...index, entries }), index.mediaType)
  return { source: overlay, root: part, changed: 'only some platforms of the index are taken' }
}

/**
 * Of an index in a file, the images that are there: Docker saves one of several platforms with the index of all. Where none
 * is missing, the index itself.
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
  return { source: overlay, root: part, changed: 'only some images of its index are there' }
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

/** The entries of an index, and of the indexes in it. */
export async function flattenIndex(
  source: Source,
  index: OpenIndex,
  name: string,
  depth = 0,
): Promise<readonly IndexEntry[]> {
  if (depth === 4) throw new TareError('MANIFEST_INVALID', `the index of ${name} is nested too deep`)
  const entries: IndexEntry[] = []
  for (const entry of index.entries) {
    if (!isIndexType(entry.blob.mediaType)) entries.push(entry)
    else {
      const inner = openIndex(await readWhole(source, entry.blob, `an index of ${name}`), `an index of ${name}`)
      entries.push(...(await flattenIndex(source, inner, name, depth + 1)))
    }
  }
  return entries
}

/** The entry that runs there, of the very architecture: a copy for arm64 is not to be one for arm. */
function best(offers: readonly IndexEntry[], wanted: Platform, name: string): IndexEntry {
  const images = offers.filter(({ blob }) => isManifestType(blob.mediaType) && !isAttestation(blob))
  const ranked = images
    .flatMap((entry) => {
      const rank = entry.blob.platform === undefined ? undefined : rankOf(wanted, entry.blob.platform)
      return rank === undefined ? [] : [{ entry, rank }]
    })
    .sort((a, b) => a.rank - b.rank)
  if (ranked[0] !== undefined) return ranked[0].entry
  throw missing(
    name,
    wanted,
    images.flatMap(({ blob }) => blob.platform ?? []),
  )
}

function rankOf(wanted: Platform, offered: Platform): number | undefined {
  return wanted.architecture === offered.architecture ? matchPlatform(wanted, offered) : undefined
}

async function refuseOther(source: Source, root: Descriptor, wanted: readonly Platform[], name: string): Promise<void> {
  const { config } = parseManifest(await readWhole(source, root, `the manifest of ${name}`), `the manifest of ${name}`)
  const { platform } = parseImageConfig(
    await readWhole(source, config, `the config of ${name}`),
    `the config of ${name}`,
  )
  const other = wanted.find((one) => rankOf(one, platform) === undefined)
  if (other !== undefined) throw missing(name, other, [platform])
}

function missing(name: string, wanted: Platform, there: readonly Platform[]): TareError {
  const list = [...new Set(there.map(formatPlatform))].join(', ')
  return new TareError('PLATFORM_MISSING', `${name} is not there for ${formatPlatform(wanted)}`, {
    remedy: `It is there for ${list || 'no platform'}: choose with --platform.`,
  })
}
