import { dirname, join, resolve } from 'node:path'
import type { Environment, HostSettings } from '../../../net/index.ts'
import { TareError } from '../../../support/index.ts'
import { type Address, addressOf } from './address.ts'
import { ownConfig, readIfAllowed } from './files.ts'
import { isTable, misconfigured, parseToml, type TomlTable } from './toml.ts'

/** What containerd's hosts.toml says about a registry. (containerd, docs/hosts.md) */
export interface HostsRules {
  /** The registry's real address; undefined: its name. */
  readonly server?: Address | undefined
  /** Settings for the registry itself. */
  readonly itself?: HostRules | undefined
  /** In the order of the file. */
  readonly mirrors: readonly HostsMirror[]
  /** Why settings were ignored. */
  readonly faults: readonly string[]
}

/** Settings for one host, the registry or a mirror. */
export interface HostRules {
  /** Certificates are not verified. */
  readonly insecure: boolean
  /** Settings for this host alone, if any. */
  readonly own?: Omit<HostSettings, 'origin'> | undefined
}

export interface HostsMirror extends Address, HostRules {
  /** Whether it may resolve tags. */
  readonly resolves: boolean
}

const nothing: HostsRules = { mirrors: [], faults: [] }

/**
 * Reads the rules for a registry: from the user's folder, otherwise the system's; from its own file, otherwise `_default`.
 * Skipped if CONTAINERS_REGISTRIES_CONF is set. A faulty file is reported and never blocks the registry.
 */
export function readHostsRules(host: string, environment: Environment): HostsRules {
  if (environment['CONTAINERS_REGISTRIES_CONF']) return nothing
  const roots = [join(ownConfig(environment), 'containerd'), '/etc/containerd']
  for (const root of roots)
    for (const name of new Set([host, host.replace(/:(\d+)$/, '_$1_'), '_default'])) {
      const path = join(root, 'certs.d', name, 'hosts.toml')
      const text = readIfAllowed(path)
      if (text !== undefined) return parseHostsRules(text, path)
    }
  return nothing
}

export function parseHostsRules(text: string, path: string): HostsRules {
  const faults: string[] = []
  const attempt = <T>(work: () => T): T | undefined => {
    try {
      return work()
    } catch (error) {
      if (!(error instanceof TareError)) throw error
      faults.push(error.message)
      return undefined
    }
  }
  const root = attempt(() => parseToml(text, path)) ?? {}
  const { server, host = {} } = root
  const origin =
    server === undefined ? undefined : attempt(() => addressOf(withScheme(server), path, 'server', apiOf(root)))
  const hosts = attempt(() => {
    if (isTable(host)) return Object.entries(host)
    throw misconfigured(path, undefined, 'host is written [host."https://mirror.example"]')
  })
  const mirrors = (hosts ?? []).flatMap(([name, table]) => attempt(() => mirrorOf(name, table, path)) ?? [])
  const itself = attempt(() => rulesOf(root, path, 'of the registry itself'))
  return { ...(origin === undefined ? {} : { server: origin }), itself, mirrors, faults }
}

function mirrorOf(name: string, table: unknown, path: string): readonly HostsMirror[] {
  if (!isTable(table)) throw misconfigured(path, undefined, `host."${name}" is a table`)
  const { capabilities = [] } = table
  if (!Array.isArray(capabilities) || !capabilities.every((one) => typeof one === 'string'))
    throw misconfigured(path, undefined, `the capabilities of host."${name}" must be a list of strings`)
  const can = capabilities.map((one: string) => one.toLowerCase())
  const all = can.length === 0
  const rules = rulesOf(table, path, `of host."${name}"`)
  if (!all && !can.includes('pull')) return []
  const address = addressOf(withScheme(name), path, 'host', apiOf(table))
  return [{ ...address, ...rules, resolves: all || can.includes('resolve') }]
}

function rulesOf(table: TomlTable, path: string, whose: string): HostRules {
  const { skip_verify: skips = false, ca, client, header = {} } = table
  const fault = (what: string) => misconfigured(path, undefined, what)
  if (typeof skips !== 'boolean') throw fault(`skip_verify ${whose} must be true or false`)
  const at = (file: string) => resolve(dirname(path), file)
  const authorities = listOf(ca)
  if (!authorities.every(isText)) throw fault(`ca ${whose} is a file, or a list of files`)
  const pairs = listOf(client).map((one) => {
    const [cert, key, ...more] = listOf(one)
    if (!isText(cert) || !(key === undefined || isText(key)) || more.length > 0)
      throw fault(`client ${whose} is a file with a certificate and its key, or a list of [certificate, key]`)
    return { cert: at(cert), ...(key ? { key: at(key) } : {}) }
  })
  if (!isTable(header)) throw fault(`header ${whose} is a table`)
  for (const [name, value] of Object.entries(header)) {
    if (!listOf(value).every(isText) || !isHeader(name, listOf(value)))
      throw fault(`the header ${JSON.stringify(name)} ${whose} cannot be sent`)
  }
  const headers = header as HostSettings['headers']
  const isPlain = authorities.length + pairs.length + Object.keys(headers).length === 0
  return { insecure: skips, ...(isPlain ? {} : { own: { authorities: authorities.map(at), pairs, headers } }) }
}

// These delimit messages and so must not be configured.
const framing = /^(?:connection|content-length|expect|keep-alive|te|trailer|transfer-encoding|upgrade)$/i

function isHeader(name: string, values: readonly unknown[]): boolean {
  const isClean = (value: unknown) => /^[\t\x20-\x7e\x80-\xff]*$/.test(String(value))
  return /^[!#$%&'*+.^_`|~\w-]+$/.test(name) && !framing.test(name) && values.every(isClean)
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function listOf(value: unknown): readonly unknown[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value]
}

function withScheme(text: unknown): unknown {
  return typeof text === 'string' && !text.includes('://') ? `https://${text}` : text
}

/** The URL's path is that of the API itself if override_path says so; otherwise `/v2` is appended unless present. */
function apiOf({ override_path: overrides }: TomlTable): 'whole' | 'with' {
  return overrides === true ? 'whole' : 'with'
}
