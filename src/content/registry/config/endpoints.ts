import type { Environment, HostSettings } from '../../../net/index.ts'
import { TareError } from '../../../support/index.ts'
import type { Address } from './address.ts'
import { isAmong, readDaemonRules } from './daemon-json.ts'
import { type HostRules, readHostsRules } from './hosts-toml.ts'
import { type RegistryRule, readRules } from './registries-conf.ts'

/** Where a repository can be reached. */
export interface Endpoint {
  readonly host: string
  readonly repository: string
  /** Certificates are not verified, and http is tried after https. */
  readonly insecure: boolean
  /** Use http only, as configured. */
  readonly plain?: boolean | undefined
  /** The API's path. Default: `/v2`. */
  readonly api?: string | undefined
  /** For a mirror of several registries: the registry that is meant. (containerd's `ns`) */
  readonly namespace?: string | undefined
  /** Settings for this endpoint alone: CAs, client certificates, headers. */
  readonly own?: HostSettings | undefined
}

/** How the image to be read is named. */
export type NamedBy = 'tag' | 'digest'

export interface Endpoints {
  /** Where pushes go. */
  readonly origin: Endpoint
  /** Tried first for reads, in this order. */
  readonly mirrors: readonly Endpoint[]
  /** Mistakes in the configuration, which were ignored. */
  readonly faults: readonly string[]
}

export interface EndpointOptions {
  readonly environment: Environment
  /** Treats every endpoint as insecure. */
  readonly insecure?: boolean | undefined
  /** For reads. Default: no mirrors. */
  readonly namedBy?: NamedBy | undefined
}

/**
 * Finds where a repository really is, according to registries.conf, daemon.json, hosts.toml and TARE_INSECURE_REGISTRIES. An
 * empty repository stands for the registry itself, which is never relocated. Throws `REGISTRY_BLOCKED` and `REGISTRIES_INVALID`.
 */
export function findEndpoints(host: string, repository: string, options: EndpointOptions): Endpoints {
  const { environment, insecure = false, namedBy } = options
  const daemon = readDaemonRules(environment)
  const allowed = (environment['TARE_INSECURE_REGISTRIES'] ?? '').split(',').map((text) => text.trim())
  const isInsecure = (at: string) => insecure || allowed.includes(at) || isAmong(at, daemon.insecure)
  const found = findRule(readRules(environment), repository === '' ? host : `${host}/${repository}`)
  const hosts = readHostsRules(host, environment)
  const endpointAt = ({ host: at, plain, api }: Address, rules?: HostRules): Endpoint => {
    const known = hubNames.has(at) ? 'docker.io' : at
    const path = api === '/v2' ? {} : { api }
    const base = { host: known, repository, insecure: plain || rules?.insecure === true || isInsecure(known), plain }
    return { ...base, ...path, ...ownOf(rules, originOf(known, plain)) }
  }
  const isElsewhere = hosts.server !== undefined && hosts.server.host !== host && repository === ''
  const toldOf = (endpoint: Endpoint) => (endpoint.host === host ? endpoint : { ...endpoint, namespace: host })
  const itself: Endpoint =
    hosts.server === undefined || repository === ''
      ? {
          ...{ host, repository, insecure: isInsecure(host) || (!isElsewhere && hosts.itself?.insecure === true) },
          ...(isElsewhere ? {} : ownOf(hosts.itself, originOf(host, hosts.server?.plain === true))),
        }
      : toldOf(endpointAt(hosts.server, hosts.itself))
  const rest = found?.rest ?? ''
  if (found?.rule.blocked) throw blocked(host, repository, found.rule)
  const at = (location: string, trusted: boolean): Endpoint => {
    const [name = '', ...path] = `${location}${rest}`.split('/')
    if (path.length === 0)
      throw new TareError(
        'REGISTRIES_INVALID',
        `${found!.rule.source} leaves no repository for ${host}/${repository}`,
        {
          remedy: `Give the location "${location}" a repository, or take it from the prefix.`,
        },
      )
    const known = hubNames.has(name) ? 'docker.io' : name
    return { host: known, repository: path.join('/'), insecure: trusted || isInsecure(known) }
  }
  const location = found?.rule.location
  const moved = location !== undefined && location !== found?.rule.prefix && repository !== ''
  const origin = moved
    ? at(location, found!.rule.insecure)
    : { ...itself, insecure: itself.insecure || found?.rule.insecure === true }
  if (namedBy === undefined) return { origin, mirrors: [], faults: hosts.faults }
  const mirrors = (found?.rule.mirrors ?? [])
    .filter(({ pulls }) => pulls === 'all' || pulls === `${namedBy}-only`)
    .map((mirror) => at(mirror.location, mirror.insecure))
  const ofHub = host === 'docker.io'
  const hubMirrors = ofHub ? daemon.mirrors.map((mirror) => endpointAt(mirror)) : []
  const hostMirrors = hosts.mirrors
    .filter(({ resolves }) => resolves || namedBy === 'digest')
    .map((mirror) => toldOf(endpointAt(mirror, mirror)))
  const faults = [...(found?.rule.faults ?? []), ...(ofHub ? daemon.faults : []), ...hosts.faults]
  return { origin, mirrors: [...mirrors, ...hubMirrors, ...hostMirrors], faults }
}

const hubNames = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io'])

function originOf(host: string, plain: boolean): string {
  return new URL(`${plain ? 'http' : 'https'}://${host === 'docker.io' ? 'registry-1.docker.io' : host}`).origin
}

function ownOf(rules: HostRules | undefined, origin: string): Pick<Endpoint, 'own'> {
  return rules?.own === undefined ? {} : { own: { origin, ...rules.own } }
}

interface Match {
  readonly rule: RegistryRule
  /** The rest of the name after the prefix: `/team/app`, `:5000/team/app`. */
  readonly rest: string
}

/** Returns the rule with the longest matching prefix. */
function findRule(rules: readonly RegistryRule[], name: string): Match | undefined {
  const matches = rules.flatMap((rule) => {
    const end = coveredBy(rule.prefix, name)
    return end === undefined ? [] : [{ rule, rest: name.slice(end), end }]
  })
  return matches.sort((a, b) => b.end - a.end || b.rule.prefix.length - a.rule.prefix.length)[0]
}

/** Returns how much of the name the prefix covers, in whole components. */
function coveredBy(prefix: string, name: string): number | undefined {
  let end = prefix.length
  if (prefix.startsWith('*.')) {
    const [, domain = '', path = ''] = /^\*([^/]*)(.*)$/.exec(prefix) ?? []
    const [, host = ''] = /^([^/]*)/.exec(name) ?? []
    // A port that is not in the prefix may follow.
    const at = [host, host.replace(/:\d+$/, '')].find((text) => text.endsWith(domain) && text.length > domain.length)
    if (at === undefined || !name.startsWith(path, at.length)) return undefined
    end = at.length + path.length
  } else if (!name.startsWith(prefix)) return undefined
  return end === name.length || name[end] === '/' || name[end] === ':' ? end : undefined
}

function blocked(host: string, repository: string, { prefix, source }: RegistryRule): TareError {
  const name = repository === '' ? host : `${host}/${repository}`
  return new TareError('REGISTRY_BLOCKED', `${name} is blocked: ${source} blocks ${prefix}`, {
    remedy: 'Use another registry, or ask the maintainer of that file.',
  })
}
