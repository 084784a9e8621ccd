import { readFileSync } from 'node:fs'
import { BlockList, isIP } from 'node:net'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Environment } from '../../net/index.ts'
import { TareError } from '../../support/index.ts'

/** What the configuration of Docker's daemon says of registries. */
export interface DaemonRules {
  /** Mirrors of Docker Hub. */
  readonly mirrors: readonly URL[]
  /** `host[:port]`, or networks: `10.0.0.0/8`. */
  readonly insecure: readonly string[]
}

/** The rules of the daemon of this user, else of the system's; not read where CONTAINERS_REGISTRIES_CONF says all. */
export function readDaemonRules(environment: Environment): DaemonRules {
  if (environment['CONTAINERS_REGISTRIES_CONF']) return { mirrors: [], insecure: [] }
  const own = environment['XDG_CONFIG_HOME'] || join(environment['HOME'] || homedir(), '.config')
  for (const path of [join(own, 'docker', 'daemon.json'), '/etc/docker/daemon.json']) {
    const text = readIfAllowed(path)
    if (text !== undefined) return parseDaemonRules(text, path)
  }
  return { mirrors: [], insecure: [] }
}

/** Throws `REGISTRIES_INVALID`. */
export function parseDaemonRules(text: string, path: string): DaemonRules {
  let raw: unknown
  try {
    raw = text.trim() === '' ? {} : JSON.parse(text)
  } catch (cause) {
    throw invalid(path, `is no JSON: ${(cause as Error).message}`)
  }
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) throw invalid(path, 'is not a JSON object')
  const list = (key: string): readonly string[] => {
    const value = (raw as Record<string, unknown>)[key] ?? []
    if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value
    throw invalid(path, `${key} is a list of strings`)
  }
  return {
    mirrors: list('registry-mirrors').map((mirror) => addressOf(mirror, path)),
    insecure: list('insecure-registries').map((entry) => entry.replace(/^https?:\/\//, '').replace(/\/$/, '')),
  }
}

function addressOf(text: string, path: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.host === '')
    throw invalid(path, `"${text}" in registry-mirrors is no address such as https://mirror.example`)
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '' || url.username !== '')
    throw invalid(path, `"${text}" in registry-mirrors has more than a host and a port`)
  return url
}

/** Whether a registry is among them. Names are not looked up: a network holds addresses. */
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

// Where only root may read it, nothing is said to us.
function readIfAllowed(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function invalid(path: string, what: string): TareError {
  return new TareError('REGISTRIES_INVALID', `${path} ${what}`, {
    remedy: 'Mend the file, or name one of registries.conf’s form in CONTAINERS_REGISTRIES_CONF, which replaces it.',
  })
}
