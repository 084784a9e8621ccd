import type { LoginOptions, LoginResult, LogoutOptions } from '../../api/index.ts'
import type { Host } from '../../images/index.ts'
import { TareError } from '../../support/index.ts'

/**
 * Verifies a user's password with the registry and stores it, or the token it returns, where docker does; or verifies a stored
 * login.
 */
export async function login({ environment, retryDelay }: Host, options: LoginOptions): Promise<LoginResult> {
  const registry = registryName(options.registry)
  const { user, password, insecure, signal } = options
  const { findCredentials, keepCredentials, openRegistry } = await import('../../content/registry/index.ts')
  const plain = /^http:/i.test(options.registry ?? '')
  const given =
    user === undefined || password === undefined ? undefined : { source: 'this login', user, password, plain }
  const credentials = given ?? (await findCredentials(registry, '', environment))
  if (credentials === undefined)
    throw new TareError('CREDENTIALS_MISSING', `not logged in to ${registry}`, {
      remedy: `Give the user and the password: \`tare login -u NAME --password-stdin ${registry}\`.`,
    })
  const opened = openRegistry(registry, { repository: '', environment, credentials, insecure, signal, retryDelay })
  let identityToken: string | undefined
  try {
    identityToken = await opened.login()
  } finally {
    opened.close()
  }
  if (given === undefined) return { registry, user: credentials.user, storedIn: credentials.source, plaintext: false }
  return { registry, user, ...(await keepCredentials(registry, { ...given, identityToken }, environment)) }
}

/** Removes a stored login. Returns whether there was one. */
export async function logout({ environment }: Host, options: LogoutOptions): Promise<boolean> {
  const { forgetCredentials } = await import('../../content/registry/index.ts')
  return forgetCredentials(registryName(options.registry), environment)
}

/** Normalizes `https://index.docker.io/v1/` or `registry.example/` to the name used in image names. */
function registryName(text = 'docker.io'): string {
  const name = text.replace(/^https?:\/\//, '').replace(/\/.*$/, '')
  if (!/^[\w.-]+(?::\d+)?$|^\[[0-9a-f:]+\](?::\d+)?$/i.test(name))
    throw new TareError('REFERENCE_INVALID', `"${text}" is not the name of a registry`, {
      remedy: 'Write its host, with the port if needed: registry.example:5000.',
    })
  return /^(?:index\.docker\.io|registry-1\.docker\.io)$/.test(name) ? 'docker.io' : name
}
