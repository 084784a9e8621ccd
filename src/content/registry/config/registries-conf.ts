import { join } from 'node:path'
import type { Environment } from '../../../net/index.ts'
import { TareError } from '../../../support/index.ts'
import { dropIns, ownConfig, readIfThere } from './files.ts'
import { headerLines, isTable, misconfigured, parseToml, type TomlTable } from './toml.ts'

/** A `[[registry]]` of registries.conf, version 2. (containers-registries.conf(5)) */
export interface RegistryRule {
  /** `host[:port][/path]`, or `*.example.com` for its subdomains. */
  readonly prefix: string
  /** What replaces the prefix; undefined if a wildcard leaves names unchanged. */
  readonly location: string | undefined
  readonly insecure: boolean
  readonly blocked: boolean
  readonly mirrors: readonly MirrorRule[]
  /** Why mirrors were ignored. */
  readonly faults: readonly string[]
  /** `/etc/containers/registries.conf:12`. */
  readonly source: string
}

export interface MirrorRule {
  readonly location: string
  readonly insecure: boolean
  /** Which pulls it is used for. */
  readonly pulls: 'all' | 'digest-only' | 'tag-only'
}

/**
 * Reads the user's rules: only those of the file named by CONTAINERS_REGISTRIES_CONF, if set; otherwise the user's or the
 * system's file plus registries.conf.d. Later rules replace earlier ones with the same prefix. Throws `REGISTRIES_INVALID`.
 */
export function readRules(environment: Environment): readonly RegistryRule[] {
  const named = environment['CONTAINERS_REGISTRIES_CONF']
  if (named) {
    const text = readIfThere(named)
    if (text !== undefined) return parseRules(text, named)
    throw new TareError('REGISTRIES_INVALID', `CONTAINERS_REGISTRIES_CONF names ${named}, which does not exist`, {
      remedy: 'Name an existing file, or unset it.',
    })
  }
  const rules = new Map<string, RegistryRule>()
  const folders = [join(ownConfig(environment), 'containers'), '/etc/containers']
  const files = folders
    .map((folder) => join(folder, 'registries.conf'))
    .filter((path) => readIfThere(path) !== undefined)
    .slice(0, 1)
  for (const folder of folders.toReversed()) files.push(...dropIns(join(folder, 'registries.conf.d')))
  for (const path of files) for (const rule of parseRules(readIfThere(path) ?? '', path)) rules.set(rule.prefix, rule)
  return [...rules.values()]
}

/** Parses one file. A mistake in a mirror affects only its registry; anything else throws `REGISTRIES_INVALID`. */
export function parseRules(text: string, path: string): readonly RegistryRule[] {
  const root = parseToml(text, path)
  // The obsolete version 1 format, such as `[registries.block]`; a list that blocks must not be ignored.
  if (root['registries'] !== undefined)
    throw misconfigured(path, undefined, 'this is the obsolete version 1 format: use [[registry]] with location')
  const tables = tablesOf(root['registry'], 'registry', { path, line: undefined })
  const lines = headerLines(text, 'registry', tables.length)
  const rules = tables.map((table, i) => ruleOf(table, { path, line: lines[i] }))
  for (const [i, { prefix }] of rules.entries())
    if (rules.findIndex((rule) => rule.prefix === prefix) < i)
      throw misconfigured(path, lines[i], `there is a [[registry]] for ${prefix} already`)
  return rules
}

interface Spot {
  readonly path: string
  readonly line: number | undefined
}

function ruleOf(table: TomlTable, at: Spot): RegistryRule {
  const fault = (what: string) => misconfigured(at.path, at.line, what)
  const location = place(table, 'location', at)
  const prefix = place(table, 'prefix', at) ?? location
  if (prefix === undefined) throw fault('a [[registry]] needs a location or a prefix')
  if (location === undefined && !prefix.startsWith('*.'))
    throw fault(`the [[registry]] for ${prefix} has no location: only a wildcard needs none`)
  if (location?.includes('*') || prefix.slice(2).includes('*') || (prefix.includes('*') && !prefix.startsWith('*.')))
    throw fault('a * is only allowed at the start of a prefix: *.example.com')
  const known = { insecure: flag(table, 'insecure', at), blocked: flag(table, 'blocked', at) }
  const source = at.line === undefined ? at.path : `${at.path}:${at.line}`
  return { prefix, location, ...known, ...mirrorsOf(table, at), source }
}

const pullKinds = ['all', 'digest-only', 'tag-only'] as const

/** Returns the valid mirrors, and what is wrong with the others: a mirror only saves time. */
function mirrorsOf(table: TomlTable, at: Spot): Pick<RegistryRule, 'mirrors' | 'faults'> {
  const mirrors: MirrorRule[] = []
  const faults: string[] = []
  const attempt = (work: () => void) => {
    try {
      work()
    } catch (error) {
      if (!(error instanceof TareError)) throw error
      faults.push(error.message)
    }
  }
  attempt(() => {
    if (table['pull-from-mirror'] !== undefined)
      throw misconfigured(at.path, at.line, 'pull-from-mirror belongs in a [[registry.mirror]]')
  })
  attempt(() => {
    const byDigest = flag(table, 'mirror-by-digest-only', at)
    for (const mirror of tablesOf(table['mirror'], 'registry.mirror', at))
      attempt(() => mirrors.push(mirrorOf(mirror, byDigest, at)))
  })
  return { mirrors, faults }
}

function mirrorOf(table: TomlTable, byDigest: boolean, at: Spot): MirrorRule {
  const fault = (what: string) => misconfigured(at.path, at.line, what)
  const location = place(table, 'location', at)
  if (location === undefined) throw fault('a [[registry.mirror]] needs a location')
  if (location.includes('*')) throw fault('the location of a mirror cannot contain *')
  const said = textOf(table, 'pull-from-mirror', at)
  const pulls = pullKinds.find((kind) => kind === (said || (byDigest ? 'digest-only' : 'all')))
  if (pulls === undefined) throw fault(`pull-from-mirror must be one of ${pullKinds.join(', ')}`)
  if (byDigest && said) throw fault('pull-from-mirror and mirror-by-digest-only cannot be combined')
  return { location, insecure: flag(table, 'insecure', at), pulls }
}

/** Reads `host[:port][/path]` from a key. */
function place(table: TomlTable, key: string, at: Spot): string | undefined {
  const text = textOf(table, key, at)?.replace(/\/+$/, '')
  if (text === undefined || text === '') return undefined
  if (text.includes('://')) throw misconfigured(at.path, at.line, `${key} = "${text}" is not a name without ://`)
  if (!/^(?:[\w.*-]+|\[[0-9a-fA-F:]+\])(?::\d+)?(?:\/[a-z0-9._-]+)*$/.test(text))
    throw misconfigured(at.path, at.line, `${key} = "${text}" is not of the form host[:port][/path]`)
  return text
}

function textOf(table: TomlTable, key: string, { path, line }: Spot): string | undefined {
  const value = table[key]
  if (value === undefined || typeof value === 'string') return value
  throw misconfigured(path, line, `${key} is a string`)
}

function flag(table: TomlTable, key: string, { path, line }: Spot): boolean {
  const value = table[key]
  if (value === undefined || typeof value === 'boolean') return value === true
  throw misconfigured(path, line, `${key} must be true or false`)
}

function tablesOf(value: unknown, name: string, { path, line }: Spot): readonly TomlTable[] {
  if (value === undefined) return []
  if (Array.isArray(value) && value.every(isTable)) return value
  throw misconfigured(path, line, `${name} is written [[${name}]]`)
}
