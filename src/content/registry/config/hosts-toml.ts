import { join } from 'node:path'
import type { Environment } from '../../../net/index.ts'
import { TareError } from '../../../support/index.ts'
import { type Address, addressOf } from './address.ts'
import { ownConfig, readIfAllowed } from './files.ts'
import { isTable, misconfigured, parseToml, type TomlTable } from './toml.ts'

/** What containerd's hosts.toml says of a registry. (containerd, docs/hosts.md) */
export interface HostsRules {
  /** Where the registry itself is; undefined: under its name. */
  readonly server?: Address | undefined
  /** In the order of the file. */
  readonly mirrors: readonly HostsMirror[]
  /** What is wrong with what is left out for it. */
  readonly faults: readonly string[]
}

export interface HostsMirror extends Address {
  /** Certificates are not checked. */
  readonly insecure: boolean
  /** Whether it says what a tag means. */
  readonly resolves: boolean
}

const nothing: HostsRules = { mirrors: [], faults: [] }

/**
 * The rules for a registry: of the user's folder, else of the system's; its own file, else that of `_default`. Not read where
 * CONTAINERS_REGISTRIES_CONF says all. A file that makes no sense is a fault, and keeps nobody from the registry.
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
  return { ...(origin === undefined ? {} : { server: origin }), mirrors, faults }
}

function mirrorOf(name: string, table: unknown, path: string): readonly HostsMirror[] {
  if (!isTable(table)) throw misconfigured(path, undefined, `host."${name}" is a table`)
  const { capabilities = ['pull', 'resolve'], skip_verify: skips = false } = table
  if (!Array.isArray(capabilities) || !capabilities.every((one) => typeof one === 'string'))
    throw misconfigured(path, undefined, `the capabilities of host."${name}" are a list of strings`)
  if (typeof skips !== 'boolean') throw misconfigured(path, undefined, `skip_verify of host."${name}" is true or false`)
  if (!capabilities.includes('pull')) return []
  const address = addressOf(withScheme(name), path, 'host', apiOf(table))
  return [{ ...address, insecure: skips, resolves: capabilities.includes('resolve') }]
}

function withScheme(text: unknown): unknown {
  return typeof text === 'string' && !text.includes('://') ? `https://${text}` : text
}

/** The path may be that of the API itself, and is else what stands before `/v2`. */
function apiOf({ override_path: overrides }: TomlTable): 'whole' | 'before' {
  return overrides === true ? 'whole' : 'before'
}
