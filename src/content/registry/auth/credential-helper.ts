import type { Environment } from '../../../net/index.ts'
import { systemCode, TareError } from '../../../support/index.ts'
import type { Credentials } from './types.ts'

type Secret = Pick<Credentials, 'user' | 'password' | 'identityToken'>

/** What `docker-credential-NAME get` knows of a server; undefined where it knows nothing. */
export async function askHelper(name: string, server: string, environment: Environment): Promise<Secret | undefined> {
  const { status, output } = await runHelper(name, 'get', server, environment)
  if (status !== 0) {
    if (/credentials not found|no credentials|not found in native keychain/i.test(output)) return undefined
    throw helperFailed(name, `says: ${output.trim() || `exit code ${status}`}`)
  }
  try {
    const { Username: user, Secret: password } = JSON.parse(output) as { Username: string; Secret: string }
    if (!password) return undefined
    return user === '<token>' ? { identityToken: password } : { user, password }
  } catch (cause) {
    throw helperFailed(name, 'answers something that is not its JSON', cause)
  }
}

/** `docker-credential-NAME store`, with the helper's JSON. */
export async function tellHelper(
  name: string,
  verb: 'store' | 'erase',
  input: string,
  environment: Environment,
): Promise<void> {
  const { status, output } = await runHelper(name, verb, input, environment)
  if (status !== 0 && !(verb === 'erase' && /not found/i.test(output)))
    throw helperFailed(name, `cannot ${verb}: ${output.trim()}`)
}

const mostOutput = 1 << 20

async function runHelper(
  name: string,
  verb: string,
  input: string,
  environment: Environment,
): Promise<{ status: number; output: string }> {
  if (!/^[\w.-]+$/.test(name)) throw helperFailed(name, 'is not a name of a program')
  // Loaded here: few have a helper.
  const { spawn } = await import('node:child_process')
  return new Promise((resolve, reject) => {
    const child = spawn(`docker-credential-${name}`, [verb], { env: environment as NodeJS.ProcessEnv, timeout: 60_000 })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      if (output.length < mostOutput) output += chunk.toString('utf8')
    })
    child.stderr.resume()
    child.stdin.on('error', () => {})
    child.on('error', (error) =>
      reject(helperFailed(name, systemCode(error) === 'ENOENT' ? 'is not installed' : error.message, error)),
    )
    child.on('close', (status) => resolve({ status: status ?? 1, output }))
    child.stdin.end(input)
  })
}

function helperFailed(name: string, why: string, cause?: unknown): TareError {
  return new TareError('CREDENTIALS_INVALID', `the credential helper docker-credential-${name} ${why}`, {
    remedy: 'Install it, or take it out of credsStore and credHelpers in ~/.docker/config.json.',
    cause,
  })
}
