import {
  attestedDigest,
  type Descriptor,
  type Digest,
  formatPlatform,
  type IndexEntry,
  isAttestation,
  isIndexType,
  normalizePlatform,
  type OpenIndex,
  type Platform,
} from '../../oci/index.ts'
import { TareError } from '../../support/index.ts'

/**
 * Merges old and new entries: a new one replaces an old one of the same platform with its attestations. Two new ones for the same
 * platform are an error, since it would be undefined which is pulled.
 */
export function mergeEntries(
  old: readonly IndexEntry[],
  added: readonly { readonly from: string; readonly entries: readonly IndexEntry[] }[],
): readonly IndexEntry[] {
  const fresh = new Map<Digest, IndexEntry>()
  const taken = new Map<string, { readonly from: string; readonly digest: Digest }>()
  for (const { from, entries } of added)
    for (const entry of entries) {
      const { digest } = entry.blob
      const key = platformKey(entry)
      const other = key === undefined ? undefined : taken.get(key)
      if (other !== undefined && other.digest !== digest)
        throw new TareError('OPTION_INVALID', `${other.from} and ${from} are both for ${shown(entry.blob.platform)}`, {
          remedy: 'An index has one image for each platform: use one of them.',
        })
      if (key !== undefined) taken.set(key, { from, digest })
      if (!fresh.has(digest)) fresh.set(digest, entry)
    }
  const replaced = new Set(
    old.filter((entry) => taken.has(platformKey(entry) ?? '')).map(({ blob: { digest } }) => digest),
  )
  for (const digest of fresh.keys()) replaced.delete(digest)
  const kept = old.filter(({ blob }) => {
    const attested = attestedDigest(blob)
    return !replaced.has(blob.digest) && (attested === undefined || !replaced.has(attested))
  })
  const known = new Set(kept.map(({ blob: { digest } }) => digest))
  return [...kept, ...[...fresh.values()].filter(({ blob: { digest } }) => !known.has(digest))]
}

/** Identifies everything that decides on which machines an image runs; undefined for attestations. */
function platformKey({ blob, json }: IndexEntry): string | undefined {
  if (blob.platform === undefined || isAttestation(blob) || isIndexType(blob.mediaType)) return undefined
  const features = (json['platform'] as Record<string, unknown>)['os.features']
  return JSON.stringify([formatPlatform(blob.platform), blob.platform.osVersion, features])
}

/** Finds an entry by digest, by a unique prefix of one, or by platform. */
export function findEntry(index: OpenIndex, text: string, platform: Platform | undefined, name: string): IndexEntry {
  const isMeant = ({ digest, platform: offered }: Descriptor) =>
    platform === undefined
      ? /^[0-9a-f]+$/.test(hexOfText(text)) && digest.startsWith(`sha256:${hexOfText(text)}`)
      : offered !== undefined && formatPlatform(normalizePlatform(offered)) === formatPlatform(platform)
  const found = index.entries.filter(({ blob }) => isMeant(blob))
  if (found.length === 1) return found[0]!
  const list = (found.length === 0 ? index.entries : found)
    .map(({ blob }) => `${blob.digest} (${shown(blob.platform)})`)
    .join(', ')
  throw found.length === 0
    ? new TareError('PLATFORM_MISSING', `the index ${name} has no entry ${text}`, { remedy: `It contains ${list}.` })
    : new TareError('IMAGE_AMBIGUOUS', `the index ${name} has several entries ${text}`, {
        remedy: `Choose one by digest: ${list}.`,
      })
}

function hexOfText(text: string): string {
  return text.replace(/^sha256:/, '')
}

function shown(platform: Platform | undefined): string {
  return platform === undefined ? 'no platform' : formatPlatform(platform)
}
