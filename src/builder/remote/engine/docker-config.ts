import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { messageOf, systemCode, TareError } from '../../../support/index.ts'
import type { TlsFiles } from './address.ts'

// What docker and buildx have written down in ~/.docker.

export type Environment = Readonly<Record<string, string | undefined>>

/** Names that stand for an engine. */
export interface ConfiguredNames {
  /** Of builders of buildx, sorted. */
  readonly builders: readonly string[]
  /** Of docker contexts, sorted. */
  readonly contexts: readonly string[]
}

// More than anybody has.
const mostNames = 1000

export function configuredNames(environment: Environment): ConfiguredNames {
  const folder = dockerFolder(environment)
  const contexts = listed(join(folder, 'contexts/meta')).flatMap((id) => {
    const name = memberOf(
      tried(() => readJson(join(folder, 'contexts/meta', id, 'meta.json'))),
      'Name',
    )
    // One that is filed under another name is not found by it.
    return typeof name === 'string' && contextId(name) === id ? [name] : []
  })
  return {
    builders: listed(join(folder, 'buildx/instances')).filter(isName).sort(),
    contexts: contexts.filter(isName).sort(),
  }
}

export function isName(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_.+-]*$/.test(text)
}

/** Returns a builder of buildx as it is stored; undefined if there is none of that name. */
export function readBuilder(name: string, environment: Environment): unknown {
  return readJson(join(dockerFolder(environment), 'buildx/instances', name))
}

/** Returns a docker context as it is stored; undefined if there is none of that name. */
export function readContext(name: string, environment: Environment): unknown {
  return readJson(join(dockerFolder(environment), 'contexts/meta', contextId(name), 'meta.json'))
}

/** Returns the TLS files of a docker context. */
export function contextFiles(name: string, environment: Environment): TlsFiles {
  return tlsFilesIn(join(dockerFolder(environment), 'contexts/tls', contextId(name), 'docker'))
}

/** Returns the files in a folder that have the names docker gives them. */
export function tlsFilesIn(folder: string): TlsFiles {
  const file = (name: string) => (existsSync(join(folder, name)) ? join(folder, name) : undefined)
  return { ca: file('ca.pem'), cert: file('cert.pem'), key: file('key.pem') }
}

export function memberOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined
}

function dockerFolder(environment: Environment): string {
  return environment['DOCKER_CONFIG'] || join(environment['HOME'] || homedir(), '.docker')
}

function contextId(name: string): string {
  return createHash('sha256').update(name).digest('hex')
}

function listed(folder: string): readonly string[] {
  return tried(() => readdirSync(folder).slice(0, mostNames)) ?? []
}

function tried<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
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
