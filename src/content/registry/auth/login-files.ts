import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Environment } from '../../../net/index.ts'
import { messageOf, systemCode, TareError } from '../../../support/index.ts'

/** The part of docker's config.json and podman's auth.json that we read. */
export interface LoginFile {
  /** By registry; in podman's file also by repository or a prefix of it. Values are not validated. */
  readonly auths: Readonly<Record<string, unknown>>
  readonly credsStore: string | undefined
  readonly credHelpers: Readonly<Record<string, string>>
  /** The file's whole content. */
  readonly whole: Readonly<Record<string, unknown>>
}

/** A login file, or an environment variable holding one. */
export interface LoginSource {
  /** For messages: a path or a variable's name. */
  readonly name: string
  read(): LoginFile | undefined
}

/**
 * Lists where logins are, in order of precedence: only the file named by REGISTRY_AUTH_FILE, if set; otherwise
 * DOCKER_AUTH_CONFIG, docker's config.json, podman's auth.json.
 */
export function loginSources(environment: Environment): readonly LoginSource[] {
  const named = environment['REGISTRY_AUTH_FILE']
  const text = environment['DOCKER_AUTH_CONFIG']
  const paths = named ? [named] : loginPaths(environment)
  const files = paths.map((path) => ({ name: path, read: () => readLoginFile(path) }))
  if (named || text === undefined) return files
  // Only logins are read from the variable, as in docker.
  const read = () => ({ ...parseLoginFile(text, 'DOCKER_AUTH_CONFIG'), credsStore: undefined, credHelpers: {} })
  return [{ name: 'DOCKER_AUTH_CONFIG', read }, ...files]
}

/** Returns the file to which logins are written: the first one read, so that no older login hides a new one. */
export function writtenFile(environment: Environment): string {
  return environment['REGISTRY_AUTH_FILE'] || loginPaths(environment)[0]!
}

function loginPaths(environment: Environment): readonly string[] {
  const home = environment['HOME'] || homedir()
  const runtime = environment['XDG_RUNTIME_DIR']
  return [
    join(environment['DOCKER_CONFIG'] || join(home, '.docker'), 'config.json'),
    ...(runtime ? [join(runtime, 'containers', 'auth.json')] : []),
    join(environment['XDG_CONFIG_HOME'] || join(home, '.config'), 'containers', 'auth.json'),
  ]
}

/**
 * Returns undefined if the file does not exist, or is not readable and only being searched; a file to be replaced must be
 * readable.
 */
export function readLoginFile(path: string, toReplace = false): LoginFile | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (!toReplace || systemCode(error) === 'ENOENT') return undefined
    throw unusable(path, `cannot be read: ${messageOf(error)}`)
  }
  return parseLoginFile(text, path)
}

/** An empty file, or `null`, contains no logins. */
function parseLoginFile(text: string, name: string): LoginFile {
  let whole: unknown
  try {
    whole = JSON.parse(text.replace(/^\uFEFF/, '').trim() || '{}')
  } catch {
    throw unusable(name, 'is not a JSON object')
  }
  const file = objectOf(whole ?? {}, name, 'is not a JSON object')
  const store = file['credsStore'] ?? undefined
  if (store !== undefined && typeof store !== 'string') throw unusable(name, 'has a credsStore that is not a string')
  const helpers = objectOf(file['credHelpers'] ?? {}, name, 'has credHelpers that are not an object')
  const named = Object.entries(helpers).filter(([, helper]) => helper !== null && helper !== '')
  if (!named.every((entry): entry is [string, string] => typeof entry[1] === 'string'))
    throw unusable(name, 'has credHelpers that are not strings')
  return {
    auths: objectOf(file['auths'] ?? {}, name, 'has auths that are not an object'),
    credsStore: store === '' ? undefined : store,
    credHelpers: Object.fromEntries(named),
    whole: file,
  }
}

/** Throws if the value is not an object. */
export function objectOf(value: unknown, name: string, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw unusable(name, what)
}

export function unusable(name: string, what: string): TareError {
  return new TareError('CREDENTIALS_INVALID', `${name} ${what}`, {
    remedy: name === 'DOCKER_AUTH_CONFIG' ? 'Fix or unset it.' : 'Fix the file, or move it aside and log in again.',
  })
}
