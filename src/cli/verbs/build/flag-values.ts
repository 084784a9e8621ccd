import { existsSync } from 'node:fs'
import type { BuildSecret, BuildSshAgent, HostEntry, NamedContext, ResourceLimit, RunMount } from '../../../index.ts'
import { Failure } from '../../failure.ts'

// What docker's flags say in one string, as the values that the library takes.

type Environment = Readonly<Record<string, string | undefined>>

function invalid(what: string, text: string, remedy: string): Failure {
  return new Failure(`invalid ${what} ${JSON.stringify(text)}`, { remedy })
}

const secretForm = 'Write --secret id=NAME,src=FILE, or --secret id=NAME,env=VARIABLE.'

/**
 * `id=name[,src=path][,env=VARIABLE][,type=file|env][,cache=content]`: without a source it is the variable of that name,
 * else the file. (buildx, --secret)
 */
export function readSecretFlag(text: string, environment: Environment): BuildSecret {
  const fields = secretFields(text)
  const id = fields.get('id')
  if (id === undefined || id === '') throw invalid('secret', text, `It has no id. ${secretForm}`)
  const cache = fields.get('cache') === 'content' ? 'content' : 'none'
  const source = fields.get('src') ?? fields.get('source')
  const type = fields.get('type')
  const inherited = source === undefined && type === undefined && environment[id] !== undefined
  const variable = fields.get('env') ?? (type === 'env' ? (source ?? id) : inherited ? id : undefined)
  return variable === undefined ? { id, cache, path: source ?? id } : { id, cache, variable }
}

const secretKeys: Readonly<Record<string, readonly string[] | undefined>> = {
  ...{ id: undefined, src: undefined, source: undefined, env: undefined },
  ...{ type: ['file', 'env'], cache: ['content', 'none'] },
}

function secretFields(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  for (const field of text.split(',')) {
    const sign = field.indexOf('=')
    if (sign < 0) throw invalid('secret', text, `"${field}" must be key=value.`)
    const [key, value] = [field.slice(0, sign).toLowerCase(), field.slice(sign + 1)]
    if (!Object.hasOwn(secretKeys, key)) throw invalid('secret', text, `unexpected key "${key}". ${secretForm}`)
    const known = secretKeys[key]
    if (known?.includes(value) === false)
      throw invalid(
        'secret',
        text,
        `unsupported ${key === 'type' ? 'secret type' : key} "${value}": use ${known.join(' or ')}.`,
      )
    fields.set(key, value)
  }
  return fields
}

/** `default`, `id=SOCKET`, `id=KEYFILE[,KEYFILE]`. (buildx, --ssh) */
export function readSshFlag(text: string): BuildSshAgent {
  const sign = text.indexOf('=')
  return sign < 0 ? { id: text } : { id: text.slice(0, sign), paths: text.slice(sign + 1).split(',') }
}

/** `name:address` or `name=address`; an address in brackets is one of IPv6. */
export function readHostFlag(text: string): HostEntry {
  const match = /^([^:=]+)[:=](.+)$/.exec(text)
  if (match === null) throw invalid('host', text, 'Write --add-host NAME:ADDRESS.')
  return { name: match[1]!, address: match[2]!.replace(/^\[(.*)\]$/, '$1') }
}

/** `nofile=1024` or `nofile=1024:2048`. */
export function readLimitFlag(text: string): ResourceLimit {
  const match = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(text)
  if (match === null)
    throw invalid('ulimit', text, 'Write --ulimit NAME=SOFT or --ulimit NAME=SOFT:HARD, such as nofile=1024:2048.')
  return { name: match[1]!, soft: Number(match[2]), hard: Number(match[3] ?? match[2]) }
}

/** `source:target[:ro]`. */
export function readVolumeFlag(text: string): RunMount {
  const [source = '', target = '', how = 'rw', ...rest] = text.split(':')
  if (target === '' || rest.length > 0) throw invalid('volume', text, 'Write -v SOURCE:TARGET or -v SOURCE:TARGET:ro.')
  if (how !== 'ro' && how !== 'rw') throw invalid('volume', text, `"${how}" is unknown: use ro or rw.`)
  if (!source.includes('/') && source !== '.' && source !== '..')
    throw invalid('volume', text, `There are no named volumes; for a directory write ./${source}.`)
  return { type: 'bind', source, target, readonly: how === 'ro' }
}

// (docker/build: a folder that is there comes first)
const address = /^(?:https?|git|ssh):\/\/|^[\w.-]+@[\w.-]+:|^github\.com\//i

/** Whether the context that is called so is one of git or the web. */
export function isAddress(text: string): boolean {
  return address.test(text) && !existsSync(text)
}

/** What `--build-context name=value` says of the name. */
export function readContextFlag(name: string, value: string): NamedContext {
  if (value.startsWith('target:')) return { kind: 'stage', name: value.slice('target:'.length) }
  if (isAddress(value)) return { kind: 'remote', address: value }
  const [, scheme, rest = ''] = /^([a-z][a-z0-9+-]*):\/\/(.*)$/i.exec(value) ?? []
  switch (scheme?.toLowerCase()) {
    case undefined:
      return { kind: 'directory', path: value }
    case 'docker-image':
      return { kind: 'image', name: rest }
    case 'oci-layout': {
      const [, path = '', tag, digest] = /^(.*?)(?::([^:/@]+))?(?:@(sha256:[0-9a-f]{64}))?$/.exec(rest) ?? []
      return { kind: 'layout', path, tag, digest }
    }
    default:
      throw new Failure(`the context ${name}=${value} has an unknown scheme: ${scheme}`, {
        remedy: 'Use a folder, docker-image://NAME, oci-layout://PATH[:TAG|@DIGEST], target:STAGE or an address.',
      })
  }
}
