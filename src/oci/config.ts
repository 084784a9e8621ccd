import { TareError } from '../support/index.ts'
import { type ContainerConfig, type HistoryEntry, readContainerConfig, readHistory } from './config-members.ts'
import { type Digest, parseDigest } from './digest.ts'
import { parseDocument } from './document.ts'
import { normalizePlatform, type Platform } from './platform.ts'

/** An image's config document. Members unknown to tare are kept in `rest`. */
export interface ImageConfig {
  readonly platform: Platform
  readonly created?: string
  readonly author?: string
  readonly config: ContainerConfig
  readonly diffIds: readonly Digest[]
  readonly history: readonly HistoryEntry[]
  /** Top-level members that have no field above. */
  readonly rest: Readonly<Record<string, unknown>>
}

const known = new Set([
  'architecture',
  'os',
  'os.version',
  'variant',
  'created',
  'author',
  'config',
  'rootfs',
  'history',
])

/** Parses a config. Throws `CONFIG_INVALID` or `MANIFEST_INVALID`; `what` names the document in the message. */
export function parseImageConfig(json: Uint8Array | string, what: string): ImageConfig {
  const raw = parseDocument(json, what)
  const text = (key: string) => (typeof raw[key] === 'string' ? (raw[key] as string) : undefined)
  const rootfs = raw['rootfs'] as { diff_ids?: unknown } | null | undefined
  const diffIds = rootfs?.diff_ids ?? []
  if (!Array.isArray(diffIds)) throw new TareError('CONFIG_INVALID', `${what} has no list of diff_ids`)
  const variant = text('variant')
  const osVersion = text('os.version')
  const created = text('created')
  const author = text('author')
  return {
    platform: normalizePlatform({
      os: text('os') || 'linux',
      architecture: text('architecture') || 'amd64',
      ...(variant === undefined ? {} : { variant }),
      ...(osVersion === undefined ? {} : { osVersion }),
    }),
    ...(created === undefined ? {} : { created }),
    ...(author === undefined || author === '' ? {} : { author }),
    config: readContainerConfig(raw['config'], what),
    diffIds: diffIds.map((id, i) => parseDigest(id, `diff_id ${i} of ${what}`)),
    history: readHistory(raw['history']),
    rest: Object.fromEntries(Object.entries(raw).filter(([key]) => !known.has(key))),
  }
}

/**
 * Whether a config, whatever its media type, describes a container image with this many layers. Registries and tools have labelled configs
 * application/octet-stream, application/json, text/html or nothing at all, and Docker still accepts them.
 */
export function readsAsImageConfig(json: Uint8Array, layers: number): boolean {
  try {
    const { rootfs } = parseDocument(json, '') as { rootfs?: { type?: unknown; diff_ids?: unknown } | null }
    if (typeof rootfs !== 'object' || rootfs === null || (rootfs.type ?? 'layers') !== 'layers') return false
    return Array.isArray(rootfs.diff_ids ?? []) && parseImageConfig(json, '').diffIds.length === layers
  } catch (error) {
    if (error instanceof TareError) return false
    throw error
  }
}
