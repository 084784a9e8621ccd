import { readdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Environment } from '../../net/index.ts'
import { messageOf, systemCode, TareError } from '../../support/index.ts'
import { misconfigured, parseToml, type TomlEntry, type TomlTable } from './toml.ts'

/** A `[[registry]]` of containers' registries.conf, version 2. (containers-registries.conf(5)) */
export interface RegistryRule {
  /** `host[:port][/path]`, or `*.example.com` for what is below it. */
  readonly prefix: string
  /** What the prefix stands for; undefined where a wildcard leaves names as they are. */
  readonly location: string | undefined
  readonly insecure: boolean
  readonly blocked: boolean
  readonly mirrors: readonly MirrorRule[]
  /** `/etc/containers/registries.conf:12`. */
  readonly source: string
}

export interface MirrorRule {
  readonly location: string
  readonly insecure: boolean
  /** Which names it is asked for. */
  readonly pulls: 'all' | 'digest-only' | 'tag-only'
}

/**
 * The rules of this user: of the file that CONTAINERS_REGISTRIES_CONF names and no other, else of the user's or the
 * system's file and of what registries.conf.d adds; a later rule replaces one of the same prefix. Throws `REGISTRIES_INVALID`.
 */
export function readRules(environment: Environment): readonly RegistryRule[] {
  const named = environment['CONTAINERS_REGISTRIES_CONF']
  if (named) {
    const text = readIfThere(named)
    if (text !== undefined) return parseRules(text, named)
    throw new TareError('REGISTRIES_INVALID', `CONTAINERS_REGISTRIES_CONF names ${named}, which is not there`, {
      remedy: 'Name a file that is there, or unset it.',
    })
  }
  const own = join(environment['XDG_CONFIG_HOME'] || join(environment['HOME'] || homedir(), '.config'), 'containers')
  const rules = new Map<string, RegistryRule>()
  const folders = [own, '/etc/containers']
  const files = [
    ...folders.map((folder) => join(folder, 'registries.conf')).filter((path) => readIfThere(path) !== undefined),
  ].slice(0, 1)
  for (const folder of folders.toReversed()) files.push(...dropIns(join(folder, 'registries.conf.d')))
  for (const path of files) for (const rule of parseRules(readIfThere(path) ?? '', path)) rules.set(rule.prefix, rule)
  return [...rules.values()]
}

/** The rules of one file. Throws `REGISTRIES_INVALID`. */
export function parseRules(text: string, path: string): readonly RegistryRule[] {
  const root = parseToml(text, path)
  refuseFirstVersion(root, path)
  const rules = tablesOf(root.entries.get('registry'), 'registry', path).map((table) => ruleOf(table, path))
  for (const [i, { prefix, source }] of rules.entries())
    if (rules.findIndex((rule) => rule.prefix === prefix) < i)
      throw misconfigured(path, Number(source.slice(path.length + 1)), `there is a [[registry]] for ${prefix} already`)
  return rules
}

function ruleOf(table: TomlTable, path: string): RegistryRule {
  const location = place(table, 'location', path)
  const prefix = place(table, 'prefix', path) ?? location
  if (prefix === undefined) throw misconfigured(path, table.line, 'a [[registry]] needs a location or a prefix')
  const line = table.entries.get('prefix')?.line ?? table.line
  if (location === undefined && !prefix.startsWith('*.'))
    throw misconfigured(path, line, `the [[registry]] for ${prefix} has no location: only a wildcard needs none`)
  if (location?.includes('*') || prefix.slice(2).includes('*') || (prefix.includes('*') && !prefix.startsWith('*.')))
    throw misconfigured(path, line, 'a * may only begin a prefix: *.example.com')
  if (table.entries.has('pull-from-mirror'))
    throw misconfigured(path, table.line, 'pull-from-mirror belongs into a [[registry.mirror]]')
  const byDigest = flag(table, 'mirror-by-digest-only', path)
  return {
    prefix,
    location,
    insecure: flag(table, 'insecure', path),
    blocked: flag(table, 'blocked', path),
    mirrors: tablesOf(table.entries.get('mirror'), 'registry.mirror', path).map((mirror) =>
      mirrorOf(mirror, byDigest, path),
    ),
    source: `${path}:${table.line}`,
  }
}

const pullKinds = ['all', 'digest-only', 'tag-only'] as const

function mirrorOf(table: TomlTable, byDigest: boolean, path: string): MirrorRule {
  const location = place(table, 'location', path)
  if (location === undefined) throw misconfigured(path, table.line, 'a [[registry.mirror]] needs a location')
  if (location.includes('*')) throw misconfigured(path, table.line, 'a location has no *')
  const said = textOf(table, 'pull-from-mirror', path)
  const pulls = pullKinds.find((kind) => kind === (said || (byDigest ? 'digest-only' : 'all')))
  const { line } = table.entries.get('pull-from-mirror') ?? table
  if (pulls === undefined) throw misconfigured(path, line, `pull-from-mirror is one of ${pullKinds.join(', ')}`)
  if (byDigest && said) throw misconfigured(path, line, 'pull-from-mirror and mirror-by-digest-only do not go together')
  return { location, insecure: flag(table, 'insecure', path), pulls }
}

/** `host[:port][/path]` of a key. */
function place(table: TomlTable, key: string, path: string): string | undefined {
  const text = textOf(table, key, path)?.replace(/\/+$/, '')
  if (text === undefined || text === '') return undefined
  const { line } = table.entries.get(key)!
  if (text.includes('://')) throw misconfigured(path, line, `${key} is a name as images have it, without ://`)
  if (!/^(?:[\w.*-]+|\[[0-9a-fA-F:]+\])(?::\d+)?(?:\/[a-z0-9._-]+)*$/.test(text))
    throw misconfigured(path, line, `${key} = "${text}" is not of the form host[:port][/path]`)
  return text
}

function textOf({ entries }: TomlTable, key: string, path: string): string | undefined {
  const entry = entries.get(key)
  if (entry === undefined || typeof entry.value === 'string') return entry?.value as string | undefined
  throw misconfigured(path, entry.line, `${key} is a string`)
}

function flag({ entries }: TomlTable, key: string, path: string): boolean {
  const entry = entries.get(key)
  if (entry === undefined || typeof entry.value === 'boolean') return entry?.value === true
  throw misconfigured(path, entry.line, `${key} is true or false`)
}

function tablesOf(entry: TomlEntry | undefined, name: string, path: string): readonly TomlTable[] {
  if (entry === undefined) return []
  if (Array.isArray(entry.value) && entry.value.every((value) => typeof value === 'object' && 'entries' in value))
    return entry.value as TomlTable[]
  throw misconfigured(path, entry.line, `${name} is written [[${name}]]`)
}

/** `[registries.block]` and its kin said the same once; a list that blocks must not be passed over. */
function refuseFirstVersion({ entries }: TomlTable, path: string): void {
  const old = entries.get('registries')
  if (old === undefined) return
  throw misconfigured(path, old.line, 'this is the first form of the file: [[registry]] with location says it now')
}

function dropIns(folder: string): readonly string[] {
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith('.conf'))
    return names.sort().map((name) => join(folder, name))
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return []
    throw unreadable(folder, error)
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined
    throw unreadable(path, error)
  }
}

// It may say that a registry is blocked.
function unreadable(path: string, cause: unknown): TareError {
  return new TareError('REGISTRIES_INVALID', `cannot read ${path}: ${messageOf(cause)}`, {
    cause,
    remedy: 'Make it readable, or name another file in CONTAINERS_REGISTRIES_CONF.',
  })
}
