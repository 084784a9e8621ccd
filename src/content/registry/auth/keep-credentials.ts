import { existsSync, mkdirSync, readdirSync, realpathSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { isLeftBy, replaceFile, sweepBeside, thisProcess, withLock } from '../../../disk/index.ts'
import type { Environment } from '../../../net/index.ts'
import { messageOf, TareError } from '../../../support/index.ts'
import { tellHelper } from './credential-helper.ts'
import { helperFor } from './credentials.ts'
import { type LoginFile, loginSources, readLoginFile, writtenFile } from './login-files.ts'
import { forgetAnswers } from './logins.ts'
import { isFor, serverKeys } from './server-names.ts'

/** Where a password or an identity token was stored. */
export interface KeptCredentials {
  /** The file, or the helper program. */
  readonly storedIn: string
  /** Whether everyone who can read the file can read the password or token. */
  readonly plaintext: boolean
  /** Another login for the registry that takes precedence: DOCKER_AUTH_CONFIG. */
  readonly overriddenBy?: string | undefined
}

/**
 * Stores a user's password, or an identity token instead of it, where docker does, or in the file named by REGISTRY_AUTH_FILE:
 * with the file's credential helper if it names one, otherwise in the file itself. `plain` ones are for http.
 */
export async function keepCredentials(
  registry: string,
  {
    user,
    password,
    identityToken,
    plain = false,
  }: {
    readonly user: string
    readonly password: string
    readonly identityToken?: string | undefined
    readonly plain?: boolean | undefined
  },
  environment: Environment,
): Promise<KeptCredentials> {
  const path = writtenFile(environment)
  const server = plain ? `http://${registry}` : serverKeys(registry)[0]!
  const overriddenBy = loginSources(environment).find(({ name, read }) => name !== path && has(read(), registry))
  const hidden = overriddenBy?.name === 'DOCKER_AUTH_CONFIG' ? { overriddenBy: overriddenBy.name } : {}
  forgetAnswers(environment)
  const helper = helperFor(readLoginFile(path, true) ?? nothing, registry)
  if (helper !== undefined) {
    // (docker-credential-helpers, "<token>")
    const secret = identityToken === undefined ? [user, password] : ['<token>', identityToken]
    const json = JSON.stringify({ ServerURL: server, Username: secret[0], Secret: secret[1] })
    await tellHelper(helper, 'store', json, environment)
    return { storedIn: `docker-credential-${helper}`, plaintext: false, ...hidden }
  }
  const text = identityToken === undefined ? `${user}:${password}` : `${user}:`
  const entry = {
    auth: Buffer.from(text).toString('base64'),
    ...(identityToken === undefined ? {} : { identitytoken: identityToken }),
  }
  await change(path, ({ whole, auths }) => ({ ...whole, auths: { ...without(auths, registry), [server]: entry } }))
  return { storedIn: path, plaintext: true, ...hidden }
}

/** Removes a registry's login from that file and its helper. Returns whether there was one. */
export async function forgetCredentials(registry: string, environment: Environment): Promise<boolean> {
  const path = writtenFile(environment)
  const file = readLoginFile(path, true)
  forgetAnswers(environment)
  if (file === undefined) {
    if (existsSync(dirname(path))) sweep(realPath(path))
    return false
  }
  const helper = helperFor(file, registry)
  if (helper !== undefined) for (const key of serverKeys(registry)) await tellHelper(helper, 'erase', key, environment)
  return (await change(path, forgetting(registry))) || helper !== undefined
}

const nothing: LoginFile = { auths: {}, credsStore: undefined, credHelpers: {}, whole: {} }

const forgetting =
  (registry: string) =>
  ({ whole, auths }: LoginFile): object | undefined => {
    const kept = without(auths, registry)
    return Object.keys(kept).length === Object.keys(auths).length ? undefined : { ...whole, auths: kept }
  }

function has(file: LoginFile | undefined, registry: string): boolean {
  return Object.keys(file?.auths ?? {}).some((key) => isFor(key, registry))
}

/** Returns the other logins. Keys may be URLs: an old entry must not hide a new one. */
function without(auths: LoginFile['auths'], registry: string): LoginFile['auths'] {
  return Object.fromEntries(Object.entries(auths).filter(([key]) => !isFor(key, registry)))
}

/** Changes the file under a lock; `to` returns undefined for no change. Returns whether the file changed. */
async function change(path: string, to: (file: LoginFile) => object | undefined): Promise<boolean> {
  const real = realPath(path)
  const unwritable = (why: string, cause?: unknown) =>
    new TareError('CREDENTIALS_UNWRITABLE', `cannot write ${path}: ${why}`, {
      cause,
      remedy: 'Set DOCKER_CONFIG to a folder you can write to.',
    })
  try {
    mkdirSync(dirname(real), { recursive: true, mode: 0o700 })
    const lock = join(dirname(real), `.${basename(real)}.lock`)
    return await withLock(
      lock,
      () => {
        sweep(real)
        const value = to(readLoginFile(path, true) ?? nothing)
        if (value === undefined) return false
        replaceFile(real, `${JSON.stringify(value, undefined, '\t')}\n`, { mode: 0o600 })
        return true
      },
      () => unwritable('another process has locked it for 30 seconds'),
    )
  } catch (error) {
    throw error instanceof TareError ? error : unwritable(messageOf(error), error)
  }
}

/** Removes temporary copies of the file left by dead processes, including those of an earlier naming scheme. */
function sweep(path: string): void {
  sweepBeside(path)
  for (const name of readdirSync(dirname(path))) {
    const pid = name.startsWith(basename(path))
      ? /^\.(\d{1,10})\.tmp$/.exec(name.slice(basename(path).length))?.[1]
      : undefined
    const copy = join(dirname(path), name)
    if (pid !== undefined && isLeftBy(`${thisProcess().space}-${pid}`, 0)) rmSync(copy, { force: true })
  }
}

/** Resolves a symlink, so that it stays one. */
function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}
