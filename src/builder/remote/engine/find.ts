import { existsSync } from 'node:fs'
import { closest, TareError } from '../../../support/index.ts'
import { dockerOverSsh, type EngineAddress, readAddress, type TlsFiles } from './address.ts'
import {
  configuredNames,
  contextFiles,
  type Environment,
  isName,
  memberOf,
  readBuilder,
  readContext,
  tlsFilesIn,
} from './docker-config.ts'

/** One of several builders: an engine or this machine, and the platform it is for; undefined for what it can execute. */
export interface Builder {
  readonly platform?: string | undefined
  readonly address: EngineAddress | 'local'
}

/** What --builder asks for. */
export type BuilderChoice =
  | { readonly kind: 'local' }
  | { readonly kind: 'auto' }
  | { readonly kind: 'engine'; readonly address: EngineAddress }
  | { readonly kind: 'several'; readonly builders: readonly Builder[] }

/**
 * Finds the engines that --builder names: an address, `docker://CONTEXT`, the name of a builder of buildx, or of a docker context;
 * several of them with commas between, each with `PLATFORM=` before it if it is for that platform. `default` and `local` are this
 * machine. Throws `ENGINE_ADDRESS`, and `ENGINE_UNKNOWN` for a name that nothing has.
 */
export function findBuilders(text: string, environment: Environment): BuilderChoice {
  if (isHere(text)) return { kind: 'local' }
  if (text === 'auto') return { kind: 'auto' }
  if (!text.includes(',') && !forPlatform.test(text)) {
    const nodes = nodesNamed(text, environment)
    return nodes.length === 1 ? { kind: 'engine', address: nodes[0]!.address } : { kind: 'several', builders: nodes }
  }
  const builders = text.split(',').flatMap((part): readonly Builder[] => {
    const [, platform, named = part] = forPlatform.exec(part) ?? []
    if (isHere(named)) return [{ platform, address: 'local' }]
    if (named === '' || named === 'auto')
      throw new TareError('ENGINE_ADDRESS', `invalid list of engines: ${JSON.stringify(text)}`, {
        remedy: 'Write [PLATFORM=]ENGINE,…: linux/arm64=tls://arm.example:1234,linux/amd64=local.',
      })
    return nodesNamed(named, environment).map((node) => ({ ...node, platform: platform ?? node.platform }))
  })
  return { kind: 'several', builders }
}

/** Returns the engines that are configured on this machine: builders of buildx, docker contexts, and its own docker daemon. */
export function configuredEngines(environment: Environment): readonly NamedEngine[] {
  const { builders, contexts } = configuredNames(environment)
  const names = [...builders, ...contexts.filter((name) => !builders.includes(name))]
  if (existsSync(daemonSocket)) names.push('docker://')
  return names.flatMap((name): readonly NamedEngine[] => {
    try {
      return nodesNamed(name, environment).map(({ address }) => ({ name, address }))
    } catch (problem) {
      return problem instanceof TareError ? [{ name, problem }] : []
    }
  })
}

/** An engine by the name it is configured under; `problem` says why that leads nowhere. */
export type NamedEngine = { readonly name: string } & (
  | { readonly address: EngineAddress; readonly problem?: undefined }
  | { readonly address?: undefined; readonly problem: TareError }
)

interface Node extends Builder {
  readonly address: EngineAddress
}

const daemonSocket = '/var/run/docker.sock'

const forPlatform = /^([a-z0-9]+\/[A-Za-z0-9_]+(?:\/[A-Za-z0-9_]+)?)=(.*)$/

function isHere(text: string): boolean {
  return text === 'default' || text === 'local'
}

/** Most names stand for one engine; builders of buildx may have several. */
function nodesNamed(text: string, environment: Environment): readonly Node[] {
  if (text.startsWith('docker://')) return [{ address: contextNamed(text.slice('docker://'.length), environment) }]
  if (text.includes('://')) return [{ address: withTlsFiles(readAddress(text), environment) }]
  if (!isName(text)) throw unknown(text, environment)
  const builder = readBuilder(text, environment)
  if (builder !== undefined) return nodesOf(text, builder, environment)
  if (readContext(text, environment) !== undefined) return [{ address: contextNamed(text, environment) }]
  throw unknown(text, environment)
}

/** TLS files that the address does not name are where docker looks for them. */
function withTlsFiles(address: EngineAddress, environment: Environment): EngineAddress {
  const folder = environment['DOCKER_CERT_PATH']
  if (address.kind !== 'tls' || !folder || address.files.ca !== undefined || address.files.cert !== undefined)
    return address
  const { serverName } = address.files
  return { ...address, files: { ...tlsFilesIn(folder), ...(serverName === undefined ? {} : { serverName }) } }
}

function contextNamed(name: string, environment: Environment): EngineAddress {
  if (name === '' || name === 'default') return { ...readAddress(`unix://${daemonSocket}`), text: `docker://${name}` }
  const meta = isName(name) ? readContext(name, environment) : undefined
  if (meta === undefined) throw unknown(name, environment)
  const endpoint = memberOf(memberOf(meta, 'Endpoints'), 'docker')
  const host = memberOf(endpoint, 'Host')
  if (typeof host !== 'string') throw unreadable(name, 'it names no host')
  const files = {
    ...contextFiles(name, environment),
    ...(memberOf(endpoint, 'SkipTLSVerify') === true ? { anyServer: true } : {}),
  }
  return ofDocker(host, files, name)
}

/** An address as docker writes it: tcp:// with TLS files is TLS, and ssh:// leads to a daemon. */
function ofDocker(host: string, files: TlsFiles, name: string): EngineAddress {
  if (host.startsWith('ssh://')) return { ...dockerOverSsh(host), text: name }
  const isTls = files.ca !== undefined || files.cert !== undefined || files.anyServer === true
  if (!host.startsWith('tcp://') || !isTls) return { ...readAddress(host), text: name }
  const address = readAddress(host.replace('tcp://', 'tls://'))
  return address.kind === 'tls' ? { ...address, files, text: name } : address
}

function nodesOf(name: string, builder: unknown, environment: Environment): readonly Node[] {
  const nodes = memberOf(builder, 'Nodes')
  if (!Array.isArray(nodes) || nodes.length === 0) throw unreadable(name, 'it has no node')
  const driver = memberOf(builder, 'Driver')
  return (nodes as unknown[]).flatMap((node) => {
    const address = { ...ofNode(name, driver, node, environment), text: name }
    if (nodes.length === 1) return [{ address }]
    const named = { ...address, text: `${name} (${String(memberOf(node, 'Name'))})` }
    const platforms = platformsOf(node)
    return platforms.length === 0 ? [{ address: named }] : platforms.map((platform) => ({ platform, address: named }))
  })
}

/** What a node of buildx was created for, if that was said. */
function platformsOf(node: unknown): readonly string[] {
  const platforms = memberOf(node, 'Platforms')
  return (Array.isArray(platforms) ? (platforms as unknown[]) : []).flatMap((platform) => {
    const parts = ['os', 'architecture', 'variant'].map((key) => memberOf(platform, key) ?? '')
    const text = parts.filter(Boolean).join('/')
    return forPlatform.test(`${text}=`) ? [text] : []
  })
}

function ofNode(name: string, driver: unknown, node: unknown, environment: Environment): EngineAddress {
  const endpoint = memberOf(node, 'Endpoint')
  const nodeName = memberOf(node, 'Name')
  if (typeof endpoint !== 'string' || typeof nodeName !== 'string') throw unreadable(name, 'it has no node')
  switch (driver) {
    case 'docker':
      return endpoint.includes('://') ? ofDocker(endpoint, {}, name) : contextNamed(endpoint, environment)
    case 'remote':
      return withTlsFiles(remoteOf(endpoint, memberOf(node, 'DriverOpts')), environment)
    case 'docker-container':
      return inContainer(name, `buildx_buildkit_${nodeName}`, endpoint)
    default:
      throw unreadable(name, `its driver ${JSON.stringify(driver)} is not one of docker, docker-container and remote`)
  }
}

/** The container runs in the daemon that the node was created in, which need not be the one the docker client uses. */
function inContainer(name: string, container: string, endpoint: string): EngineAddress {
  const address = readAddress(`docker-container://${container}`)
  if (address.kind !== 'command') return address
  const [docker, ...rest] = address.argv as [string, ...string[]]
  const where = endpoint.includes('://') ? `--host=${endpoint}` : `--context=${endpoint}`
  if (!/^--[a-z]+=[A-Za-z0-9][A-Za-z0-9_.+:/@-]*$/.test(where)) throw unreadable(name, 'its endpoint is unusual')
  return { ...address, argv: [docker, where, ...rest] }
}

/** The remote driver writes tcp:// for TLS as well, with its files beside the address. */
function remoteOf(endpoint: string, options: unknown): EngineAddress {
  const option = (key: string) => {
    const value = memberOf(options, key)
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  const files = { ca: option('cacert'), cert: option('cert'), key: option('key'), serverName: option('servername') }
  if (files.ca === undefined && files.cert === undefined) return readAddress(endpoint)
  const address = readAddress(endpoint.replace(/^tcp:/, 'tls:'))
  return address.kind === 'tls' ? { ...address, files } : address
}

function unreadable(name: string, why: string): TareError {
  return new TareError('ENGINE_UNKNOWN', `the builder ${JSON.stringify(name)} cannot be used: ${why}`, {
    remedy: 'Give its address instead, such as unix:///var/run/docker.sock.',
  })
}

function unknown(name: string, environment: Environment): TareError {
  const { builders, contexts } = configuredNames(environment)
  const known = [
    'default (this machine)',
    'auto',
    ...builders.map((builder) => `${builder} (buildx)`),
    ...contexts.map((context) => `${context} (docker context)`),
  ]
  const meant = closest(name, ['default', 'local', 'auto', ...builders, ...contexts])
  const guess = meant === undefined || meant === name ? '' : ` Did you mean ${meant}?`
  return new TareError('ENGINE_UNKNOWN', `there is no builder ${JSON.stringify(name)}`, {
    remedy: `Known: ${known.join(', ')}; or give an address, such as unix:///var/run/docker.sock.${guess}`,
  })
}
