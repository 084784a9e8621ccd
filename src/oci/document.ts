import { TareError } from '../support/index.ts'
import { isIndexType, isManifestType } from './media-types.ts'

/** Maximum size of a manifest, index or config in bytes. These are read whole. */
export const documentLimit = 8 << 20

// Real documents nest about six levels deep. Without a limit, a hostile one could overflow the stack of recursive code.
const deepest = 1000

/** Parses a JSON object. Throws `MANIFEST_INVALID` for anything else. */
export function parseDocument(json: Uint8Array | string, what: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(
      typeof json === 'string' ? json : Buffer.from(json.buffer, json.byteOffset, json.length).toString('utf8'),
    )
  } catch (cause) {
    throw new TareError('MANIFEST_INVALID', `${what} is not JSON: ${(cause as Error).message}`, { cause })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TareError('MANIFEST_INVALID', `${what} is not a JSON object`)
  if (isDeeperThan(deepest, value))
    throw new TareError('MANIFEST_INVALID', `${what} is nested more than ${deepest} deep`)
  return value as Record<string, unknown>
}

function isDeeperThan(limit: number, value: object): boolean {
  let level: object[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > limit) return true
    level = level
      .flatMap((outer) => Object.values(outer))
      .filter((inner) => typeof inner === 'object' && inner !== null)
  }
  return false
}

// Members that decide how a document is interpreted.
const telling = new Set(['mediatype', 'config', 'layers', 'manifests'])

/**
 * Tells an image manifest from an index; returns undefined for anything else. `said` is the media type that the document was served with. Throws
 * `MANIFEST_AMBIGUOUS` for a document that some tools would read as a manifest and others as an index (CVE-2021-41190).
 */
export function kindOfDocument(
  raw: Readonly<Record<string, unknown>>,
  what: string,
  said?: string,
): 'manifest' | 'index' | undefined {
  const ambiguous = (why: string) =>
    new TareError('MANIFEST_AMBIGUOUS', `${what} ${why}`, {
      remedy: 'Tools would disagree about what it is. Ask whoever made it to push it again.',
    })
  // Most readers are written in Go, which matches member names case-insensitively.
  const members = new Set<string>()
  for (const key of Object.keys(raw)) {
    const member = key.toLowerCase()
    if (members.has(member) && telling.has(member))
      throw ambiguous(`has "${member}" twice, in different capitalization`)
    members.add(member)
  }
  if (members.has('manifests') && members.has('layers')) throw ambiguous('has both layers and manifests')
  if (members.has('manifests') && isGiven(raw, 'config')) throw ambiguous('has both a config and manifests')
  const kinds = new Set([said, raw['mediaType']].map(kindOfType).filter((kind) => kind !== undefined))
  if (kinds.size > 1) throw ambiguous(`is served as ${said}, but calls itself ${String(raw['mediaType'])}`)
  const [kind] = kinds
  const shape = members.has('manifests') ? 'index' : members.has('layers') ? 'manifest' : undefined
  if (kind !== undefined && shape !== undefined && kind !== shape)
    throw ambiguous(
      `is labelled ${String(raw['mediaType'] ?? said)}, but has ${shape === 'index' ? 'manifests' : 'layers'}`,
    )
  return kind ?? shape
}

function kindOfType(mediaType: unknown): 'manifest' | 'index' | undefined {
  if (typeof mediaType !== 'string') return undefined
  return isIndexType(mediaType) ? 'index' : isManifestType(mediaType) ? 'manifest' : undefined
}

/** Case-insensitive, like Go. */
function isGiven(raw: Readonly<Record<string, unknown>>, member: string): boolean {
  return Object.entries(raw).some(([key, value]) => key.toLowerCase() === member && value !== null)
}
