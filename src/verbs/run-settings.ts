import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { RunSettings } from '../build/solve/index.ts'
import { messageOf, sha256, systemCode, TareError } from '../support/index.ts'
import type { Host } from './host.ts'
import type { BuildOptions } from './types.ts'

/** What RUN sees of the outside, of a build's options. Secrets are read now, so that a missing file is told before any work. */
export function runSettings(host: Host, options: BuildOptions): RunSettings {
  const { environment = {}, buildArgs = {} } = options
  const secrets = new Map((options.secrets ?? []).map((text) => readSecret(text, environment)))
  const agents = new Map((options.ssh ?? []).map((text) => readAgent(text, environment)))
  const started = host.now().toISOString().replace(/[:.]/g, '-')
  return {
    secret: (id) => secrets.get(id),
    agent: (id) => agents.get(id),
    hosts: (options.hosts ?? []).map(readHost),
    proxies: Object.entries(buildArgs).flatMap(([name, value]) => {
      const found = value ?? environment[name]
      return proxyNames.has(name.toUpperCase()) && found !== undefined ? [`${name}=${found}`] : []
    }),
    shmSize: options.shmSize || undefined,
    limits: (options.limits ?? []).map(readLimit),
    allowInsecure: (options.allow ?? []).includes('security.insecure'),
    cacheNamespace: buildArgs['BUILDKIT_CACHE_MOUNT_NS'] ?? '',
    logFile: ({ title }) =>
      join(host.store.home, 'tare', 'logs', `${started}-${process.pid}`, `${sha256(title).slice(7, 19)}.log`),
  }
}

// (BuildKit, dockerfile2llb: known to every RUN without ARG, and in no key)
const proxyNames = new Set(['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'])

type Environment = Readonly<Record<string, string | undefined>>

/** `id=name[,src=path][,env=VARIABLE][,type=file|env]`: without a source the variable of that name, else the file. */
function readSecret(text: string, environment: Environment): readonly [string, Uint8Array] {
  const fields = fieldsOf(text, 'secret')
  const source = fields.get('src') ?? fields.get('source')
  const id = fields.get('id') ?? source
  if (id === undefined)
    throw invalid('secret', text, 'Write --secret id=NAME,src=FILE, or --secret id=NAME,env=VARIABLE.')
  const type = fields.get('type')
  const variable =
    fields.get('env') ??
    (type === 'env'
      ? (source ?? id)
      : source === undefined && environment[id] !== undefined && type !== 'file'
        ? id
        : undefined)
  if (variable !== undefined) {
    const value = environment[variable]
    if (value === undefined)
      throw new TareError('SECRET_MISSING', `the variable ${variable} of secret ${id} is not set`)
    return [id, Buffer.from(value, 'utf8')]
  }
  const path = source ?? id
  try {
    const bytes = readFileSync(path)
    if (bytes.length > secretLimit)
      throw new TareError(
        'SECRET_INVALID',
        `secret ${id} is ${bytes.length} bytes, more than a secret may have (${secretLimit})`,
      )
    return [id, bytes]
  } catch (cause) {
    if (cause instanceof TareError) throw cause
    throw new TareError(
      'SECRET_MISSING',
      `cannot read secret ${id}: ${systemCode(cause) === 'ENOENT' ? `${path} does not exist` : messageOf(cause)}`,
      { cause, remedy: 'Its src counts from the working directory.' },
    )
  }
}

// (BuildKit, session/secrets: MaxSecretSize)
const secretLimit = 500 * 1024

/** `default`, or `id=socket`. */
function readAgent(text: string, environment: Environment): readonly [string, string] {
  const sign = text.indexOf('=')
  const id = sign < 0 ? text : text.slice(0, sign)
  const path = sign < 0 ? environment['SSH_AUTH_SOCK'] : text.slice(sign + 1)
  if (path === undefined || path === '')
    throw new TareError('SSH_MISSING', 'invalid empty ssh agent socket: SSH_AUTH_SOCK is not set', {
      remedy: 'Start an agent (eval "$(ssh-agent)" && ssh-add), or name its socket: --ssh default=SOCKET.',
    })
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat?.isSocket() !== true)
    throw new TareError('SSH_MISSING', `${path} of --ssh ${id} is not the socket of an agent`, {
      remedy: 'Keys go through an agent: ssh-add FILE, and give its socket.',
    })
  return [id, path]
}

/** `name:address` or `name=address`; an address in brackets is one of IPv6. */
function readHost(text: string): readonly [string, string] {
  const match = /^([^:=]+)[:=](.+)$/.exec(text)
  if (match === null) throw invalid('host', text, 'Write --add-host NAME:ADDRESS.')
  const address = match[2]!.replace(/^\[(.*)\]$/, '$1')
  return [match[1]!, address === 'host-gateway' ? '127.0.0.1' : address]
}

/** `nofile=1024` or `nofile=1024:2048`. */
function readLimit(text: string): readonly [string, number, number] {
  const match = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(text)
  if (match === null)
    throw invalid('ulimit', text, 'Write --ulimit NAME=SOFT or --ulimit NAME=SOFT:HARD, such as nofile=1024:2048.')
  return [match[1]!, Number(match[2]), Number(match[3] ?? match[2])]
}

function fieldsOf(text: string, what: string): ReadonlyMap<string, string> {
  return new Map(
    text.split(',').map((field): [string, string] => {
      const sign = field.indexOf('=')
      if (sign < 0) throw invalid(what, text, `"${field}" must be key=value.`)
      return [field.slice(0, sign).toLowerCase(), field.slice(sign + 1)]
    }),
  )
}

function invalid(what: string, text: string, remedy: string): TareError {
  return new TareError('OPTION_INVALID', `invalid ${what} ${JSON.stringify(text)}`, { remedy })
}
