import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Environment } from '../../../net/index.ts'
import { messageOf, systemCode, TareError } from '../../../support/index.ts'
import { askHelper } from './credential-helper.ts'
import type { Credentials } from './types.ts'

export interface AuthFile {
  readonly auths?: Readonly<Record<string, AuthEntry | null>>
  readonly credsStore?: string
  readonly credHelpers?: Readonly<Record<string, string>>
}

interface AuthEntry {
  readonly auth?: string
  readonly username?: string
  readonly password?: string
  readonly identitytoken?: string
  readonly registrytoken?: string
}

/** Docker's config.json, then podman's auth.json: where each would be, in the order they are asked. */
export function authFiles(environment: Environment): readonly string[] {
  const home = environment['HOME'] || homedir()
  const runtime = environment['XDG_RUNTIME_DIR']
  return [
    ...(environment['REGISTRY_AUTH_FILE'] ? [environment['REGISTRY_AUTH_FILE']] : []),
    join(environment['DOCKER_CONFIG'] || join(home, '.docker'), 'config.json'),
    ...(runtime ? [join(runtime, 'containers', 'auth.json')] : []),
    join(environment['XDG_CONFIG_HOME'] || join(home, '.config'), 'containers', 'auth.json'),
  ]
}

/**
 * What the files of this user say about a registry; undefined where they say nothing. Rejects with `CREDENTIALS_INVALID`
 * for a file that cannot be read as what it is, or a helper that fails.
 */
export async function findCredentials(
  registry: string,
  repository: string,
  environment: Environment,
): Promise<Credentials | undefined> {
  for (const path of authFiles(environment)) {
    const file = readAuthFile(path)
    const found = file === undefined ? undefined : await credentialsIn(file, path, registry, repository, environment)
    if (found !== undefined) return found
  }
  return undefined
}

/** undefined: it is not there, or, to find something, may not be read; whoever will replace it must be able to read it. */
export function readAuthFile(path: string, toReplace = false): AuthFile | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (!toReplace || systemCode(error) === 'ENOENT') return undefined
    throw unusable(path, `cannot be read: ${messageOf(error)}`)
  }
  try {
    const file: unknown = JSON.parse(text)
    if (typeof file === 'object' && file !== null && !Array.isArray(file)) return file
  } catch {}
  throw unusable(path, 'is not a JSON object')
}

async function credentialsIn(
  file: AuthFile,
  path: string,
  registry: string,
  repository: string,
  environment: Environment,
): Promise<Credentials | undefined> {
  const keys = serverKeys(registry)
  const own = keys.flatMap((key) => file.credHelpers?.[key] ?? [])[0]
  for (const helper of [own, own === undefined ? file.credsStore : undefined]) {
    if (helper === undefined || helper === '') continue
    for (const key of keys) {
      const found = await askHelper(helper, key, environment)
      if (found !== undefined) return { ...found, source: `docker-credential-${helper} (${path})` }
    }
  }
  const entry = entryFor(file.auths ?? {}, registry, repository)
  return entry === undefined ? undefined : readEntry(entry, path)
}

/** How files and helpers call a registry. Docker Hub has an old address as its name. */
export function serverKeys(registry: string): readonly string[] {
  return registry === 'docker.io' ? ['https://index.docker.io/v1/', 'docker.io', 'index.docker.io'] : [registry]
}

/** The entry with the longest name that fits: podman's may name a repository or what is above it. */
function entryFor(auths: NonNullable<AuthFile['auths']>, registry: string, repository: string): AuthEntry | undefined {
  const names = Object.entries(auths).flatMap(([key, entry]) =>
    entry === null || entry === undefined ? [] : [{ name: bareName(key), entry }],
  )
  const parts = repository.split('/')
  const wanted = [
    ...parts.map((_, i) => `${registry}/${parts.slice(0, parts.length - i).join('/')}`),
    ...serverKeys(registry).map(bareName),
  ]
  for (const name of wanted) {
    const found = names.find((candidate) => candidate.name === name && Object.keys(candidate.entry).length > 0)
    if (found !== undefined) return found.entry
  }
  return undefined
}

/** `https://registry.example/v1/` → `registry.example`. */
export function bareName(key: string): string {
  const name = key.replace(/^https?:\/\//, '').replace(/\/v[12]\/?$/, '')
  return name.endsWith('/') ? name.slice(0, -1) : name
}

function readEntry(entry: AuthEntry, source: string): Credentials | undefined {
  for (const value of Object.values(entry))
    if (typeof value !== 'string') throw unusable(source, 'has a login that is not made of strings')
  const { identitytoken, registrytoken, auth } = entry
  const decoded = auth ? Buffer.from(auth, 'base64').toString('utf8') : ''
  const colon = decoded.indexOf(':')
  if (auth && colon < 1) throw unusable(source, 'has an "auth" that is not USER:PASSWORD in base64')
  const user = colon > 0 ? decoded.slice(0, colon) : entry.username
  const password = colon > 0 ? decoded.slice(colon + 1).replace(/\0+$/, '') : entry.password
  if (identitytoken) return { source, user, identityToken: identitytoken }
  if (registrytoken) return { source, registryToken: registrytoken }
  return user === undefined || user === '' ? undefined : { source, user, password: password ?? '' }
}

function unusable(path: string, what: string): TareError {
  return new TareError('CREDENTIALS_INVALID', `${path} ${what}`, {
    remedy: 'Mend the file, or move it aside and log in again.',
  })
}
