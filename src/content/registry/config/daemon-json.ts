import { BlockList, isIP } from 'node:net'
import { join } from 'node:path'
import type { Environment } from '../../../net/index.ts'
import { TareError } from '../../../support/index.ts'
import { type Address, addressOf } from './address.ts'
import { ownConfig, readIfAllowed } from './files.ts'
import { isTable, misconfigured } from './toml.ts'

/** The registry settings of the Docker daemon. */
export interface DaemonRules {
  /** Mirrors of Docker Hub. */
  readonly mirrors: readonly Address[]
  /** `host[:port]`, or networks: `10.0.0.0/8`. */
  readonly insecure: readonly string[]
  /** Why settings were ignored. The file is Docker's, so a mistake in it never blocks a registry. */
  readonly faults: readonly string[]
}

const nothing: DaemonRules = { mirrors: [], insecure: [], faults: [] }

/** Reads the configuration of this user's daemon, otherwise the system's; skipped if CONTAINERS_REGISTRIES_CONF is set. */
export function readDaemonRules(environment: Environment): DaemonRules {
  if (environment['CONTAINERS_REGISTRIES_CONF']) return nothing
  for (const path of [join(ownConfig(environment), 'docker', 'daemon.json'), '/etc/docker/daemon.json']) {
    const text = readIfAllowed(path)
    if (text !== undefined) return parseDaemonRules(text, path)
  }
  return nothing
}

export function parseDaemonRules(text: string, path: string): DaemonRules {
  let raw: unknown
  try {
    raw = text.trim() === '' ? {} : JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch (cause) {
    return { ...nothing, faults: [`${path} is not JSON: ${(cause as Error).message}`] }
  }
  if (!isTable(raw)) return { ...nothing, faults: [`${path} is not a JSON object`] }
  const members = raw
  const faults: string[] = []
  const listOf = (key: string): readonly unknown[] => {
    const value = members[key] ?? []
    if (Array.isArray(value)) return value
    faults.push(`${path}: ${key} must be a list of strings`)
    return []
  }
  const mirrors = listOf('registry-mirrors').flatMap((mirror) => {
    try {
      return [addressOf(mirror, path, 'registry-mirrors')]
    } catch (error) {
      if (!(error instanceof TareError)) throw error
      faults.push(error.message)
      return []
    }
  })
  const entries = listOf('insecure-registries')
  const insecure = entries.filter((entry) => typeof entry === 'string')
  if (insecure.length < entries.length)
    faults.push(misconfigured(path, undefined, 'insecure-registries must be a list of strings').message)
  return { mirrors, insecure: insecure.map((entry) => entry.replace(/^https?:\/\//, '').replace(/\/$/, '')), faults }
}

/** Whether a registry is in the list. Names are not resolved: networks match addresses only. */
export function isAmong(host: string, entries: readonly string[]): boolean {
  const name = host.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')
  return entries.some((entry) => {
    const [, network = '', bits] = /^(.+)\/(\d+)$/.exec(entry) ?? []
    if (bits === undefined) return entry === host
    const family = isIP(network)
    if (family === 0 || family !== isIP(name) || Number(bits) > (family === 4 ? 32 : 128)) return false
    const type = family === 4 ? 'ipv4' : 'ipv6'
    const list = new BlockList()
    list.addSubnet(network, Number(bits), type)
    return list.check(name, type)
  })
}
