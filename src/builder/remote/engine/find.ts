import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { closest, messageOf, systemCode, TareError } from '../../../support/index.ts'
import { dockerOverSsh, type EngineAddress, readAddress, type TlsFiles } from './address.ts'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Finds an engine by what --builder says: an address, `docker://CONTEXT`, the name of a builder of buildx, or of a docker context.
 * `default` is this machine: undefined. Throws `ENGINE_ADDRESS`, and `ENGINE_UNKNOWN` for a name that nothing has.
 */
export function findEngine(text: string, environment: Environment): EngineAddress | undefined {
  if (text === 'default') return undefined
  if (text.startsWith('docker://')) return contextNamed(text.slice('docker://'.length), environment)
  if (text.includes('://')) return withTlsFiles(readAddress(text), environment)
  if (!isName(text)) throw unknown(text, 'Names have letters, digits and _ . + - only.')
  const builder = readJson(join(dockerFolder(environment), 'buildx/instances', text))
  if (builder !== undefined) return ofBuilder(text, builder, environment)
  if (readContext(text, environment) !== undefined) return contextNamed(text, environment)
  throw unknown(
    text,
    'It must be an address such as unix:///var/run/docker.sock, or the name of a builder of buildx or of a docker context.',
  )
}

function isName(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_.+-]*$/.test(text)
}

function dockerFolder(environment: Environment): string {
  return environment['DOCKER_CONFIG'] || join(environment['HOME'] || homedir(), '.docker')
}

/** TLS files that the address does not name are where docker looks for them. */
function withTlsFiles(address: EngineAddress, environment: Environment): EngineAddress {
  const folder = environment['DOCKER_CERT_PATH']
  if (address.kind !== 'tls' || !folder || address.files.ca !== undefined || address.files.cert !== undefined)
    return address
  return { ...address, files: { ...tlsFilesIn(folder), ...without(address.files) } }
}

function without(files: TlsFiles): TlsFiles {
  return Object.fromEntries(Object.entries(files).filter(([, value]) => value !== undefined))
}

function tlsFilesIn(folder: string): TlsFiles {
  const found = (name: string) => (existsSync(join(folder, name)) ? join(folder, name) : undefined)
  return { ca: found('ca.pem'), cert: found('cert.pem'), key: found('key.pem') }
}

function contextNamed(name: string, environment: Environment): EngineAddress {
  if (name === '' || name === 'default') return ofDocker('unix:///var/run/docker.sock', {}, `docker://${name}`)
  const meta = isName(name) ? readContext(name, environment) : undefined
  if (meta === undefined) throw unknown(name, 'There is no such docker context: docker context ls lists them.')
  const endpoint = memberOf(memberOf(meta, 'Endpoints'), 'docker')
  const host = memberOf(endpoint, 'Host')
  if (typeof host !== 'string') throw unreadable(name, 'it names no host')
  const id = contextId(name)
  const files = {
    ...tlsFilesIn(join(dockerFolder(environment), 'contexts/tls', id, 'docker')),
    ...(memberOf(endpoint, 'SkipTLSVerify') === true ? { anyServer: true } : {}),
  }
  return ofDocker(host, files, name)
}

/** An address as docker writes it: tcp:// with TLS files is TLS, and ssh:// leads to a daemon. */
function ofDocker(host: string, files: TlsFiles, name: string): EngineAddress {
  if (host.startsWith('ssh://')) return dockerOverSsh(host)
  const isTls = files.ca !== undefined || files.cert !== undefined || files.anyServer === true
  if (!host.startsWith('tcp://') || !isTls) return { ...readAddress(host), text: name }
  const address = readAddress(host.replace('tcp://', 'tls://'))
  return address.kind === 'tls' ? { ...address, files, text: name } : address
}

function ofBuilder(name: string, builder: unknown, environment: Environment): EngineAddress {
  const nodes = memberOf(builder, 'Nodes')
  const driver = memberOf(builder, 'Driver')
  const node = Array.isArray(nodes) ? (nodes as unknown[])[0] : undefined
  const endpoint = memberOf(node, 'Endpoint')
  const nodeName = memberOf(node, 'Name')
  if (typeof endpoint !== 'string' || typeof nodeName !== 'string') throw unreadable(name, 'it has no node')
  if (Array.isArray(nodes) && nodes.length > 1)
    throw unreadable(name, 'it has several nodes, and one is used at a time: name its address')
  switch (driver) {
    case 'docker':
      return endpoint.includes('://') ? ofDocker(endpoint, {}, name) : contextNamed(endpoint, environment)
    case 'remote':
      return { ...withTlsFiles(remoteOf(endpoint, memberOf(node, 'DriverOpts')), environment), text: name }
    case 'docker-container':
      return { ...readAddress(`docker-container://buildx_buildkit_${nodeName}`), text: name }
    default:
      throw unreadable(name, `its driver ${JSON.stringify(driver)} is not one of docker, docker-container and remote`)
  }
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

function contextId(name: string): string {
  return createHash('sha256').update(name).digest('hex')
}

function readContext(name: string, environment: Environment): unknown {
  return readJson(join(dockerFolder(environment), 'contexts/meta', contextId(name), 'meta.json'))
}

function readJson(path: string): unknown {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined
    throw new TareError('ENGINE_UNKNOWN', `cannot read ${path}: ${messageOf(error)}`, { cause: error })
  }
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    throw new TareError('ENGINE_UNKNOWN', `${path} is not valid JSON`, {
      cause,
      remedy: 'Create the builder or the context again.',
    })
  }
}

function memberOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined
}

function unreadable(name: string, why: string): TareError {
  return new TareError('ENGINE_UNKNOWN', `the builder ${JSON.stringify(name)} cannot be used: ${why}`, {
    remedy: 'Give its address instead, such as unix:///var/run/docker.sock.',
  })
}

function unknown(name: string, remedy: string): TareError {
  const meant = closest(name, ['default'])
  const guess = meant === undefined || meant === name ? '' : ` Did you mean ${meant}, which is this machine?`
  return new TareError('ENGINE_UNKNOWN', `there is no builder ${JSON.stringify(name)}`, { remedy: `${remedy}${guess}` })
}
