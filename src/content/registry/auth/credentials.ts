import type { Environment } from '../../../net/index.ts'
import { askHelper, type Secret } from './credential-helper.ts'
import { type LoginFile, loginSources, objectOf, unusable } from './login-files.ts'
import { bestKey, isFor, serverKeys } from './server-names.ts'
import type { Credentials } from './types.ts'

/** Asks a credential helper about a server. */
export type AskHelper = (helper: string, server: string) => Promise<Secret | undefined>

/**
 * Returns the user's login for a registry; undefined if there is none. Rejects with `CREDENTIALS_INVALID` if a file cannot be
 * read or parsed, and with the errors of asking a helper.
 */
export async function findCredentials(
  registry: string,
  repository: string,
  environment: Environment,
  ask: AskHelper = (helper, server) => askHelper(helper, server, environment),
): Promise<Credentials | undefined> {
  for (const { name, read } of loginSources(environment)) {
    const file = read()
    if (file === undefined) continue
    const found =
      (await helped(file, name, registry, ask)) ?? readEntry(file.auths, name, registry.toLowerCase(), repository)
    if (found !== undefined) return found
  }
  return undefined
}

/** Returns the helper that a file names for a registry. */
export function helperFor({ credHelpers, credsStore }: LoginFile, registry: string): string | undefined {
  const own = Object.keys(credHelpers).find((key) => isFor(key, registry))
  return own === undefined ? credsStore : credHelpers[own]
}

async function helped(
  file: LoginFile,
  name: string,
  registry: string,
  ask: AskHelper,
): Promise<Credentials | undefined> {
  const helper = helperFor(file, registry)
  if (helper === undefined) return undefined
  for (const key of serverKeys(registry)) {
    const found = await ask(helper, key)
    if (found !== undefined) return { ...found, source: `docker-credential-${helper} (${name})` }
  }
  return undefined
}

function readEntry(
  auths: LoginFile['auths'],
  source: string,
  registry: string,
  repository: string,
): Credentials | undefined {
  const said = Object.keys(auths).filter((key) => {
    const entry = auths[key]
    return entry !== null && (typeof entry !== 'object' || Object.keys(entry as object).length > 0)
  })
  const key = bestKey(said, registry, repository)
  if (key === undefined) return undefined
  const entry = objectOf(auths[key], source, `has a login for ${key} that is not an object`)
  const text = (member: string): string | undefined => {
    const value = entry[member] ?? undefined
    if (value === undefined || typeof value === 'string') return value
    throw unusable(source, `has a login for ${key} whose ${member} is not a string`)
  }
  const auth = text('auth')
  const decoded = auth ? Buffer.from(auth, 'base64').toString('utf8') : ''
  const colon = decoded.indexOf(':')
  if (auth && colon < 1) throw unusable(source, `has an "auth" for ${key} that is not USER:PASSWORD in base64`)
  const user = colon > 0 ? decoded.slice(0, colon) : text('username')
  const password = colon > 0 ? decoded.slice(colon + 1).replace(/\0+$/, '') : text('password')
  const identityToken = text('identitytoken')
  const registryToken = text('registrytoken')
  const about = { source, ...(/^http:/i.test(key) ? { plain: true } : {}) }
  if (identityToken) return { ...about, user, identityToken }
  if (registryToken) return { ...about, registryToken }
  return user === undefined || user === '' ? undefined : { ...about, user, password: password ?? '' }
}
