import { createHmac, randomBytes } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { makePrivateFolder, replaceFile } from '../../disk/index.ts'
import { messageOf, systemCode, TareError } from '../../support/index.ts'
import { fieldsOf, invalid } from './option-text.ts'

/** A secret given to a build. */
export interface Secret {
  readonly id: string
  readonly bytes: Buffer
  /** Whether its content is part of the keys of steps that use it. */
  readonly cached: boolean
}

type Environment = Readonly<Record<string, string | undefined>>

const help = 'Write --secret id=NAME,src=FILE, or --secret id=NAME,env=VARIABLE.'

/**
 * Parses `id=name[,src=path][,env=VARIABLE][,type=file|env][,cache=content]`: without a source, the variable of that name,
 * otherwise the file. (buildx, --secret) Throws `SECRET_MISSING`, `SECRET_INVALID`, `OPTION_INVALID`.
 */
export function readSecret(text: string, environment: Environment): Secret {
  const fields = fieldsOf(text, 'secret')
  for (const [key, value] of fields) {
    if (!['id', 'src', 'source', 'env', 'type', 'cache'].includes(key))
      throw invalid('secret', text, `unexpected key "${key}". ${help}`)
    if (key === 'type' && value !== 'file' && value !== 'env')
      throw invalid('secret', text, `unsupported secret type "${value}": use file or env.`)
    if (key === 'cache' && value !== 'content' && value !== 'none')
      throw invalid('secret', text, `unsupported cache "${value}": use content or none.`)
  }
  const id = fields.get('id')
  if (id === undefined || id === '') throw invalid('secret', text, `It has no id. ${help}`)
  return { id, bytes: contentOf(id, fields, environment), cached: fields.get('cache') === 'content' }
}

function contentOf(id: string, fields: ReadonlyMap<string, string>, environment: Environment): Buffer {
  const source = fields.get('src') ?? fields.get('source')
  const type = fields.get('type')
  const variable = fields.get('env') ?? (type === 'env' ? (source ?? id) : undefined)
  if (variable !== undefined) return ofEnvironment(id, variable, environment)
  const inherited = source === undefined && type !== 'file' ? environment[id] : undefined
  return inherited === undefined ? ofFile(id, source ?? id) : Buffer.from(inherited, 'utf8')
}

function ofEnvironment(id: string, variable: string, environment: Environment): Buffer {
  const value = environment[variable]
  if (value === undefined)
    throw new TareError('SECRET_MISSING', `the variable ${variable} of secret ${id} is not set`, {
      remedy: 'Set and export it.',
    })
  return Buffer.from(value, 'utf8')
}

// (BuildKit, session/secrets: MaxSecretSize)
const limit = 500 * 1024

function ofFile(id: string, path: string): Buffer {
  try {
    const { size } = statSync(path)
    if (size > limit)
      throw new TareError('SECRET_INVALID', `secret ${id} is too large: ${size} bytes, at most ${limit} are allowed`)
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
export function needleOf({ bytes }: Secret): Buffer | undefined {
  let end = bytes.length
  while (end > 0 && (bytes[end - 1] === 0x0a || bytes[end - 1] === 0x0d)) end--
  return end < shortest ? undefined : bytes.subarray(0, end)
}

/** Hashes a secret's content for use in cache keys, with a key of this store: without it, nobody can tell the content. */
export function keyedHash(home: string, { id, bytes }: Secret): string {
  return createHmac('sha256', keyOfStore(home)).update(`${id}\0`).update(bytes).digest('hex')
}

function keyOfStore(home: string): Buffer {
  const path = join(home, 'tare', 'secret-key')
  const length = 32
  try {
    const key = readFileSync(path)
    // A power failure may have truncated it.
    if (key.length === length) return key
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error
  }
  makePrivateFolder(join(home, 'tare'))
  // If another build does the same at once, one of them will not find its steps again.
  replaceFile(path, randomBytes(length), { mode: 0o600 })
  return readFileSync(path)
}
