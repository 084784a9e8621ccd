import { mkdirSync, realpathSync } from 'node:fs'
import { dirname } from 'node:path'
import { replaceFile, sweepBeside } from '../../../disk/index.ts'
import type { Environment } from '../../../net/index.ts'
import { TareError } from '../../../support/index.ts'
import { tellHelper } from './credential-helper.ts'
import { type AuthFile, authFiles, bareName, readAuthFile, serverKeys } from './credentials.ts'

/** Where a password or an identity token was put. */
export interface KeptCredentials {
  /** The file, or the helper's program. */
  readonly place: string
  /** Everybody who can read the file can read the password or the token. */
  readonly inClear: boolean
}

/**
 * Keeps a user's password, or the identity token instead of it, where docker keeps it, or in the file that
 * REGISTRY_AUTH_FILE names: with the credential helper that the file names, else in the file itself.
 */
export async function keepCredentials(
  registry: string,
  {
    user,
    password,
    identityToken,
  }: { readonly user: string; readonly password: string; readonly identityToken?: string | undefined },
  environment: Environment,
): Promise<KeptCredentials> {
  const path = configFile(environment)
  const file = readAuthFile(path, true) ?? {}
  const server = serverKeys(registry)[0]!
  const helper = serverKeys(registry).flatMap((key) => file.credHelpers?.[key] ?? [])[0] ?? file.credsStore
  if (helper) {
    // (docker-credential-helpers, "<token>")
    const secret = identityToken === undefined ? [user, password] : ['<token>', identityToken]
    const json = JSON.stringify({ ServerURL: server, Username: secret[0], Secret: secret[1] })
    await tellHelper(helper, 'store', json, environment)
    return { place: `docker-credential-${helper}`, inClear: false }
  }
  const text = identityToken === undefined ? `${user}:${password}` : `${user}:`
  const entry = {
    auth: Buffer.from(text).toString('base64'),
    ...(identityToken === undefined ? {} : { identitytoken: identityToken }),
  }
  writeConfig(path, { ...file, auths: { ...without(file.auths, registry), [server]: entry } })
  return { place: path, inClear: true }
}

/** Forgets what that file and its helper know of a registry. Answers whether there was anything. */
export async function forgetCredentials(registry: string, environment: Environment): Promise<boolean> {
  const path = configFile(environment)
  const file = readAuthFile(path, true)
  if (file === undefined) return false
  const keys = serverKeys(registry)
  const helper = keys.flatMap((key) => file.credHelpers?.[key] ?? [])[0] ?? file.credsStore
  if (helper) for (const key of keys) await tellHelper(helper, 'erase', key, environment)
  const auths = without(file.auths, registry)
  if (Object.keys(auths).length === Object.keys(file.auths ?? {}).length) return Boolean(helper)
  writeConfig(path, { ...file, auths })
  return true
}

/** What is kept of others. An entry may have an address for its name: an old one must not hide a new one. */
function without(auths: AuthFile['auths'], registry: string): NonNullable<AuthFile['auths']> {
  const names = serverKeys(registry).map(bareName)
  return Object.fromEntries(Object.entries(auths ?? {}).filter(([key]) => !names.includes(bareName(key))))
}

// The first that is asked: elsewhere, an older login could hide a new one.
function configFile(environment: Environment): string {
  return authFiles(environment)[0]!
}

function writeConfig(path: string, value: object): void {
  const real = realPath(path)
  try {
    mkdirSync(dirname(real), { recursive: true, mode: 0o700 })
    sweepBeside(real)
    replaceFile(real, `${JSON.stringify(value, undefined, '\t')}\n`, { mode: 0o600 })
  } catch (cause) {
    throw new TareError('CREDENTIALS_UNWRITABLE', `cannot write ${path}: ${(cause as Error).message}`, {
      cause,
      remedy: 'Set DOCKER_CONFIG to a folder that you can write to.',
    })
  }
}

/** A link to the file stays one. */
function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}
