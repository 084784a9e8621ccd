import { createHmac, randomBytes } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { BuildSecret } from '../../api/index.ts'
import { makePrivateFolder, replaceFile } from '../../disk/index.ts'
import type { Host } from '../../images/index.ts'
import { messageOf, systemCode, TareError } from '../../support/index.ts'

/** A secret given to a build. */
export interface ReadSecret {
  readonly id: string
  readonly bytes: Buffer
  /** Whether its content is part of the keys of steps that use it. */
  readonly cached: boolean
}

type Environment = Readonly<Record<string, string | undefined>>

/** Reads what a build was given as a secret. Throws `SECRET_MISSING` and `SECRET_INVALID`. */
export function readSecret(secret: BuildSecret, environment: Environment): ReadSecret {
  return { id: secret.id, bytes: contentOf(secret, environment), cached: secret.cache === 'content' }
}

function contentOf(secret: BuildSecret, environment: Environment): Buffer {
  const { id } = secret
  if ('path' in secret) return ofFile(id, secret.path)
  if ('variable' in secret) return ofEnvironment(id, secret.variable, environment)
  return ofLimitedSize(id, Buffer.from(secret.value as Uint8Array))
}

function ofEnvironment(id: string, variable: string, environment: Environment): Buffer {
  const value = environment[variable]
  if (value === undefined)
    throw new TareError('SECRET_MISSING', `the variable ${variable} of secret ${id} is not set`, {
      remedy: 'Set and export it.',
    })
  return ofLimitedSize(id, Buffer.from(value, 'utf8'))
}

function ofLimitedSize(id: string, bytes: Buffer): Buffer {
  if (bytes.length > limit) throw tooLarge(id, bytes.length)
  return bytes
}

function tooLarge(id: string, size: number): TareError {
  return new TareError('SECRET_INVALID', `secret ${id} is too large: ${size} bytes, at most ${limit} are allowed`)
}

// (BuildKit, session/secrets: MaxSecretSize)
const limit = 500 * 1024

function ofFile(id: string, path: string): Buffer {
  try {
    const { size } = statSync(path)
    if (size > limit) throw tooLarge(id, size)
    return readFileSync(path)
  } catch (cause) {
    if (cause instanceof TareError) throw cause
    throw new TareError(
      'SECRET_MISSING',
      `cannot read secret ${id}: ${systemCode(cause) === 'ENOENT' ? `${path} does not exist` : messageOf(cause)}`,
      { cause, remedy: 'Its src is relative to the working directory.' },
    )
  }
}

/** Shorter ones would be found everywhere. */
export const shortest = 8

/** Returns what to search for, without the final newline of a file; undefined if it is too short. */
export function needleOf({ bytes }: ReadSecret): Buffer | undefined {
  let end = bytes.length
  while (end > 0 && (bytes[end - 1] === 0x0a || bytes[end - 1] === 0x0d)) end--
  return end < shortest ? undefined : bytes.subarray(0, end)
}

/** Hashes a secret's content for use in cache keys, with a key of this store: without it, nobody can tell the content. */
export function keyedHash(folder: string, { id, bytes }: ReadSecret): string {
  return createHmac('sha256', keyOfStore(folder)).update(`${id}\0`).update(bytes).digest('hex')
}

/** Returns a name for something of this machine that tells others nothing about it. */
export function sharedKey({ store }: Host, about: string): string {
  return createHmac('sha256', keyOfStore(store.own)).update(`shared\0${about}`).digest('hex').slice(0, 32)
}

function keyOfStore(folder: string): Buffer {
  const path = join(folder, 'secret-key')
  const length = 32
  try {
    const key = readFileSync(path)
    // A power failure may have truncated it.
    if (key.length === length) return key
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error
  }
  makePrivateFolder(folder)
  // If another build does the same at once, one of them will not find its steps again.
  replaceFile(path, randomBytes(length), { mode: 0o600 })
  return readFileSync(path)
}
