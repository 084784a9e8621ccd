import { TareError } from '../support/index.ts'

/** The PATH of an image that sets none. (BuildKit, util/system) */
export const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Durations are in nanoseconds. (docker-image-spec, "Healthcheck") */
export interface Healthcheck {
  readonly Test?: readonly string[]
  readonly Interval?: number
  readonly Timeout?: number
  readonly StartPeriod?: number
  readonly StartInterval?: number
  readonly Retries?: number
}

/** How a container of the image starts. Member names match the JSON. (image-spec, config.md; docker-image-spec) */
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

/** One entry of an image's history. */
export interface HistoryEntry {
  readonly created?: string
  readonly created_by?: string
  readonly author?: string
  readonly comment?: string
  readonly empty_layer?: boolean
}

type Json = Readonly<Record<string, unknown>>

const isText = (value: unknown) => typeof value === 'string'
const isTruth = (value: unknown) => typeof value === 'boolean'
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
const isTexts = (value: unknown) => Array.isArray(value) && value.every(isText)
const isMapOf = (is: (value: unknown) => boolean) => (value: unknown) =>
  isObject(value) && Object.values(value).every(is)
const isNumber = (value: unknown) => Number.isFinite(value)

const kinds: Readonly<Record<keyof ContainerConfig, readonly [is: (value: unknown) => boolean, what: string]>> = {
  User: [isText, 'a string'],
  WorkingDir: [isText, 'a string'],
  StopSignal: [isText, 'a string'],
  Env: [isTexts, 'a list of strings'],
  Entrypoint: [isTexts, 'a list of strings'],
  Cmd: [isTexts, 'a list of strings'],
  OnBuild: [isTexts, 'a list of strings'],
  Shell: [isTexts, 'a list of strings'],
  ExposedPorts: [isMapOf((value) => value === null || isObject(value)), 'an object of objects'],
  Volumes: [isMapOf((value) => value === null || isObject(value)), 'an object of objects'],
  Labels: [isMapOf(isText), 'an object of strings'],
  ArgsEscaped: [isTruth, 'true or false'],
  Healthcheck: [isObject, 'an object'],
}

const checkKinds: Readonly<Record<string, readonly [is: (value: unknown) => boolean, what: string]>> = {
  Test: [isTexts, 'a list of strings'],
  ...Object.fromEntries(
    ['Interval', 'Timeout', 'StartPeriod', 'StartInterval', 'Retries'].map((key) => [key, [isNumber, 'a number']]),
  ),
}

// Docker used to write these as a single string, and still accepts that.
const lists = new Set(['Entrypoint', 'Cmd', 'Shell'])

/**
 * Reads the part of a config that describes how a container starts. null counts as absent, as in Go. Throws `CONFIG_INVALID` if a member has the
 * wrong type; unknown members are kept.
 */
export function readContainerConfig(raw: unknown, what: string): ContainerConfig {
  if (!isObject(raw)) return {}
  const config = checked(raw, kinds, `${what}: config`)
  const check = config['Healthcheck']
  return isObject(check)
    ? { ...config, Healthcheck: checked(check, checkKinds, `${what}: config.Healthcheck`) }
    : config
}

function checked(raw: Json, kindsOf: typeof checkKinds, what: string): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(raw).flatMap(([key, given]) => {
      if (given === null) return []
      const value = lists.has(key) && typeof given === 'string' ? [given] : given
      const kind = Object.hasOwn(kindsOf, key) ? kindsOf[key] : undefined
      if (kind === undefined || kind[0](value)) return [[key, value]]
      throw new TareError('CONFIG_INVALID', `${what}.${key} is not ${kind[1]}`)
    }),
  )
}

/** Reads history entries, ignoring members of the wrong type. */
export function readHistory(raw: unknown): readonly HistoryEntry[] {
  if (!Array.isArray(raw)) return []
  return raw.map((entry: unknown) => {
    if (!isObject(entry)) return {}
    const texts = ['created', 'created_by', 'author', 'comment'].filter((key) => isText(entry[key]))
    return {
      ...Object.fromEntries(texts.map((key) => [key, entry[key]])),
      ...(isTruth(entry['empty_layer']) ? { empty_layer: entry['empty_layer'] } : {}),
    }
  })
}
