import { type Environment, printable } from '../../../net/index.ts'
import { isMissingProgram, messageOf, TareError } from '../../../support/index.ts'
import type { Credentials } from './types.ts'

export type Secret = Pick<Credentials, 'user' | 'password' | 'identityToken'>

/** Returns what `docker-credential-NAME get` knows about a server; undefined if nothing. Rejects with `CREDENTIALS_INVALID`. */
export async function askHelper(
  name: string,
  server: string,
  environment: Environment,
  idleTimeout = usualPatience,
): Promise<Secret | undefined> {
  const { status, output, complaint } = await runHelper(name, 'get', server, environment, idleTimeout)
  if (status !== 0) {
    if (/credentials not found|no credentials|not found in native keychain/i.test(output)) return undefined
    throw helperFailed(name, `says: ${printable(output) || printable(complaint) || `exit code ${status}`}`)
  }
  // Its output may still be a secret, so it is not shown.
  const rubbish = helperFailed(name, 'printed something other than its JSON')
  let raw: unknown
  try {
    raw = JSON.parse(output)
  } catch {
    throw rubbish
  }
  const { Username: user = '', Secret: password } = (raw ?? {}) as { Username?: unknown; Secret?: unknown }
  if (password === undefined || password === null || password === '') return undefined
  if (typeof user !== 'string' || typeof password !== 'string') throw rubbish
  return user === '<token>' ? { identityToken: password } : { user, password }
}

/** Passes credentials to `docker-credential-NAME store`, as the helper's JSON. */
export async function tellHelper(
  name: string,
  verb: 'store' | 'erase',
  input: string,
  environment: Environment,
): Promise<void> {
  const { status, output, complaint } = await runHelper(name, verb, input, environment, usualPatience)
  if (status !== 0 && !(verb === 'erase' && /not found/i.test(output)))
    throw helperFailed(name, `cannot ${verb}: ${printable(output) || printable(complaint)}`)
}

const mostOutput = 1 << 20
// Some helpers contact a cloud, or ask the user.
const usualPatience = 20_000

interface Ended {
  readonly status: number
  readonly output: string
  /** What it printed to stderr. */
  readonly complaint: string
}

async function runHelper(
  name: string,
  verb: string,
  input: string,
  environment: Environment,
  idleTimeout: number,
): Promise<Ended> {
  if (!/^[\w.-]+$/.test(name)) throw helperFailed(name, 'is not a program’s name')
  // Loaded on demand: few users have a helper.
  const { spawn } = await import('node:child_process')
  return new Promise<Ended>((resolve, reject) => {
    const child = spawn(`docker-credential-${name}`, [verb], { env: environment as NodeJS.ProcessEnv })
    const fail = (why: string, cause?: unknown) => {
      clearTimeout(timer)
      child.kill('SIGKILL')
      // A program it started may keep its pipes open; that is not waited for.
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy()
      child.unref()
      reject(helperFailed(name, why, cause))
    }
    const timer = setTimeout(() => fail(`has not responded within ${idleTimeout / 1000} seconds`), idleTimeout)
    const collect = (stream: NodeJS.ReadableStream) => {
      let text = ''
      stream.setEncoding('utf8')
      stream.on('data', (chunk: string) => {
        text += chunk
        if (text.length > mostOutput) fail('prints without end')
      })
      return () => text
    }
    const output = collect(child.stdout)
    const complaint = collect(child.stderr)
    child.stdin.on('error', () => {})
    child.on('error', (error) => fail(isMissingProgram(error) ? 'is not installed' : error.message, error))
    child.on('close', (status) => {
      clearTimeout(timer)
      resolve({ status: status ?? 1, output: output(), complaint: complaint() })
    })
    child.stdin.end(input)
  }).catch((error: unknown) => {
    // Failing to start is an error.
    if (error instanceof TareError) throw error
    throw helperFailed(name, isMissingProgram(error) ? 'is not installed' : messageOf(error), error)
  })
}

function helperFailed(name: string, why: string, cause?: unknown): TareError {
  return new TareError('CREDENTIALS_INVALID', `the credential helper docker-credential-${name} ${why}`, {
    remedy:
      'Install or fix it, or remove it from credsStore and credHelpers in the login file (~/.docker/config.json).',
    cause,
  })
}
