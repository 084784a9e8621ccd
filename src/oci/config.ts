import { TareError } from '../support/index.ts'
import { type Digest, parseDigest } from './digest.ts'
import { parseDocument } from './document.ts'
import { normalizePlatform, type Platform } from './platform.ts'

/** Durations in nanoseconds. (docker-image-spec, "Healthcheck") */
export interface Healthcheck {
  readonly Test?: readonly string[]
  readonly Interval?: number
  readonly Timeout?: number
  readonly StartPeriod?: number
  readonly StartInterval?: number
  readonly Retries?: number
}

/** How a container of the image starts: the member names are those of the JSON. (image-spec, config.md; docker-image-spec) */
export interface ContainerConfig {
  readonly User?: string
  readonly ExposedPorts?: Readonly<Record<string, object>>
  readonly Env?: readonly string[]
  readonly Entrypoint?: readonly string[]
  readonly Cmd?: readonly string[]
  readonly Volumes?: Readonly<Record<string, object>>
  readonly WorkingDir?: string
  readonly Labels?: Readonly<Record<string, string>>
  readonly StopSignal?: string
  readonly ArgsEscaped?: boolean
  readonly Healthcheck?: Healthcheck
  readonly OnBuild?: readonly string[]
  readonly Shell?: readonly string[]
}

/** One line of an image's past. */
export interface HistoryEntry {
  readonly created?: string
  readonly created_by?: string
  readonly author?: string
  readonly comment?: string
  readonly empty_layer?: boolean
}

/** An image's config document. What tare does not know is in `rest`, and stays. */
export interface ImageConfig {
  readonly platform: Platform
  readonly created?: string
  readonly author?: string
  readonly config: ContainerConfig
  readonly diffIds: readonly Digest[]
  readonly history: readonly HistoryEntry[]
  /** Members of the document's top level that are none of the above. */
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

/** Reads a config's JSON. Throws `CONFIG_INVALID` or `MANIFEST_INVALID`; `what` names it in the message. */
export function parseImageConfig(json: Uint8Array | string, what: string): ImageConfig {
  const raw = parseDocument(json, what)
  const text = (key: string) => (typeof raw[key] === 'string' ? (raw[key] as string) : undefined)
  const rootfs = raw['rootfs'] as { diff_ids?: unknown } | undefined
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
    config: (typeof raw['config'] === 'object' && raw['config'] !== null ? raw['config'] : {}) as ContainerConfig,
    diffIds: diffIds.map((id, i) => parseDigest(id, `diff_id ${i} of ${what}`)),
    history: Array.isArray(raw['history']) ? (raw['history'] as HistoryEntry[]) : [],
    rest: Object.fromEntries(Object.entries(raw).filter(([key]) => !known.has(key))),
  }
}
