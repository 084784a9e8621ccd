import { join } from 'node:path'
import type { BuildOptions, HostEntry, ResourceLimit } from '../../api/index.ts'
import { nameOfProcess } from '../../disk/index.ts'
import type { Host } from '../../images/index.ts'
import { sha256, TareError } from '../../support/index.ts'
import type { RunSettings } from '../solve/index.ts'
import type { Agents } from './agents.ts'
import { keyedHash, needleOf, type ReadSecret } from './secrets.ts'

/** Returns RUN's settings from a build's options. */
export function runSettings(
  host: Host,
  options: BuildOptions,
  secrets: readonly ReadSecret[],
  agents: Agents,
): RunSettings {
  const { environment = {}, buildArgs = {} } = options
  const allowed = options.allow ?? []
  for (const name of allowed)
    if (!entitlements.includes(name))
      throw new TareError('OPTION_INVALID', `invalid entitlement ${JSON.stringify(name)}`, {
        remedy: `The known ones are ${entitlements.join(' and ')}.`,
      })
  const found = (id: string) => secrets.findLast((secret) => secret.id === id)
  const started = host.now().toISOString().replace(/[:.]/g, '-')
  return {
    secret: (id) => found(id)?.bytes,
    secretKey: (id) => {
      const secret = found(id)
      return secret?.cached === true ? keyedHash(host.store.own, secret) : undefined
    },
    hidden: secrets.flatMap((secret) => needleOf(secret)?.toString('utf8') ?? []),
    agent: (id) => agents.socket(id),
    hosts: (options.hosts ?? []).map(readHost),
    proxies: proxiesOf(buildArgs, environment),
    hostname: hostnameIn(buildArgs),
    shmSize: options.shmSize || undefined,
    limits: (options.limits ?? []).map(readLimit),
    allowInsecure: allowed.includes('security.insecure'),
    outputLimits: {
      size: bytesIn(environment, 'BUILDKIT_STEP_LOG_MAX_SIZE'),
      speed: bytesIn(environment, 'BUILDKIT_STEP_LOG_MAX_SPEED'),
    },
    cacheNamespace: buildArgs['BUILDKIT_CACHE_MOUNT_NS'] ?? '',
    logFile: ({ title }) =>
      join(host.store.own, 'logs', `${started}-${nameOfProcess()}`, `${sha256(title).slice(7, 19)}.log`),
  }
}

// The network is the machine's in any case, so allowing it changes nothing.
const entitlements: readonly string[] = ['security.insecure', 'network.host']

// (BuildKit, dockerfile2llb: available to every RUN without ARG, and in no key)
const proxyNames = new Set(['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'])

/** In both spellings, whichever was given, since programs differ in which one they read. */
function proxiesOf(
  buildArgs: NonNullable<BuildOptions['buildArgs']>,
  environment: NonNullable<BuildOptions['environment']>,
): readonly string[] {
  const found = new Map<string, string>()
  for (const [name, value] of Object.entries(buildArgs)) {
    const address = value ?? environment[name]
    if (proxyNames.has(name.toUpperCase()) && address !== undefined) found.set(name.toUpperCase(), address)
  }
  return [...found].flatMap(([name, address]) => [`${name}=${address}`, `${name.toLowerCase()}=${address}`])
}

/** Returns the number of bytes in a variable; undefined if it is not set. Throws `OPTION_INVALID`. */
function bytesIn(environment: NonNullable<BuildOptions['environment']>, name: string): number | undefined {
  const text = environment[name]
  if (text === undefined || text === '') return undefined
  if (/^(?:-1|\d{1,15})$/.test(text)) return Number(text)
  throw new TareError('OPTION_INVALID', `invalid number of bytes ${JSON.stringify(text)} in ${name}`, {
    remedy: 'It is a whole number, or -1 for no limit.',
  })
}

/** Returns the machine's name that a build argument gives to RUN. Throws `OPTION_INVALID`. */
function hostnameIn(buildArgs: NonNullable<BuildOptions['buildArgs']>): string | undefined {
  const name = buildArgs['BUILDKIT_SANDBOX_HOSTNAME'] || undefined
  if (name === undefined || /^[a-z\d](?:[a-z\d.-]{0,62}[a-z\d])?$/i.test(name)) return name
  throw new TareError('OPTION_INVALID', `invalid hostname ${JSON.stringify(name)} in BUILDKIT_SANDBOX_HOSTNAME`, {
    remedy: 'It has up to 64 letters, digits, dots and hyphens.',
  })
}

/** A line of /etc/hosts. */
export function readHost({ name, address }: HostEntry): readonly [string, string] {
  return [name, address === 'host-gateway' ? '127.0.0.1' : address]
}

export function readLimit({ name, soft, hard = soft }: ResourceLimit): readonly [string, number, number] {
  return [name, soft, hard]
}
