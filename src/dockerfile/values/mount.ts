import { messageOf, type TareError } from '../../support/index.ts'
import type { Mount } from '../language/index.ts'
import { cut, didYouMean, parseBoolean, quote, refusal } from '../language/index.ts'
import { given } from '../syntax/index.ts'
import { readCsvFields } from './csv.ts'

const mountTypes = ['bind', 'cache', 'tmpfs', 'secret', 'ssh'] as const
const sharings = ['shared', 'private', 'locked'] as const
const keys = [
  ...['type', 'from', 'source', 'target', 'readonly', 'id', 'sharing', 'required', 'size', 'mode', 'uid', 'gid'],
  ...['src', 'dst', 'destination', 'ro', 'rw', 'readwrite', 'env'],
]

/** A mount while its fields are being read in order. */
type Draft = { -readonly [Name in keyof Mount]?: Mount[Name] | undefined } & { type: Mount['type'] }

/**
 * Parses the value of a `RUN --mount`; `expand` expands variables in each field that allows them. Fields are read in order:
 * `required` before `type=secret` is an error. Throws DOCKERFILE_MOUNT without a location.
 */
export function parseMount(value: string, expand: (word: string) => string = (word) => word): Mount {
  const draft: Draft = { type: 'bind' }
  for (const field of readFields(value)) {
    const [name, word, hasValue] = cut(field, '=')
    const key = name.toLowerCase()
    if (hasValue) setValue(draft, key, expand(word), field)
    else setSwitch(draft, key, field)
  }
  checkMount(draft)
  const { type, readonly = type !== 'cache' && type !== 'tmpfs', sharing = 'shared', required = false, ...rest } = draft
  return { type, readonly, sharing, required, ...given(rest) }
}

/** Checks as much of a `--mount` as is possible before variables have values. */
export function checkMountSyntax(value: string): void {
  for (const field of readFields(value)) {
    const [key, word] = cut(field, '=')
    const dollar = word.indexOf('$')
    if (key.toLowerCase() === 'from' && dollar >= 0 && dollar < word.length - 1) {
      throw refusal(
        'DOCKERFILE_MOUNT',
        `'${key}' doesn't support variable expansion, define alias stage instead`,
        'Write FROM $NAME AS alias, and from=alias.',
      )
    }
  }
}

/** Returns the `from` of a `--mount`, which cannot contain variables. */
export function mountFrom(value: string): string | undefined {
  const fields = readFields(value).map((field) => cut(field, '='))
  return fields.findLast(([key]) => key.toLowerCase() === 'from')?.[1] || undefined
}

function readFields(value: string): string[] {
  try {
    return readCsvFields(value)
  } catch (error) {
    throw refusal('DOCKERFILE_MOUNT', `failed to parse csv mounts: ${messageOf(error)}`)
  }
}

function setSwitch(draft: Draft, key: string, field: string): void {
  if (key === 'readonly' || key === 'ro') draft.readonly = true
  else if (key === 'readwrite' || key === 'rw') draft.readonly = false
  else if (key === 'required') setRequired(draft, key, true)
  else throw wrong(`invalid field '${field}' must be a key=value pair`)
}

function setValue(draft: Draft, key: string, value: string, field: string): void {
  switch (key) {
    case 'type':
      draft.type = oneOf(mountTypes, value, `unsupported mount type ${quote(value)}`)
      return
    case 'from':
      draft.from = value || undefined
      return
    case 'source':
    case 'src':
      draft.source = value || undefined
      return
    case 'target':
    case 'dst':
    case 'destination':
      draft.target = value || undefined
      return
    case 'readonly':
    case 'ro':
      draft.readonly = readBoolean(key, value)
      return
    case 'readwrite':
    case 'rw':
      draft.readonly = !readBoolean(key, value)
      return
    case 'required':
      setRequired(draft, key, readBoolean(key, value))
      return
    case 'size':
      if (draft.type !== 'tmpfs') throw unexpected(key, draft.type)
      draft.size = readSize(value)
      return
    case 'id':
      draft.id = value || undefined
      return
    case 'sharing':
      draft.sharing = oneOf(sharings, value, `unsupported sharing value ${quote(value)}`)
      return
    case 'mode':
      draft.mode = readNumber(key, value, 8)
      return
    case 'uid':
    case 'gid':
      draft[key] = readNumber(key, value, 10)
      return
    case 'env':
      draft.env = value
      return
    default:
      throw wrong(`unexpected key '${key}' in '${field}'${didYouMean(key, keys)}`)
  }
}

function setRequired(draft: Draft, key: string, value: boolean): void {
  if (draft.type !== 'secret' && draft.type !== 'ssh') throw unexpected(key, draft.type)
  draft.required = value
}

function checkMount({ type, mode, uid, gid, from, source, target, id, sharing }: Draft): void {
  if (type === 'bind' || type === 'tmpfs') {
    for (const [name, value] of Object.entries({ mode, uid, gid })) {
      if (value !== undefined) throw wrong(`${name} not allowed for ${quote(type)} type mounts`)
    }
  }
  if (type === 'secret') {
    if (from !== undefined) throw wrong('secret mount should not have a from')
    if (sharing !== undefined) throw wrong('secret mount should not define sharing')
    if (source === undefined && target === undefined && id === undefined) {
      throw wrong('invalid secret mount. one of source, target required')
    }
    if (source !== undefined && id !== undefined) throw wrong("both source and id can't be set")
  }
  if (sharing !== undefined && type !== 'cache') throw wrong(`invalid cache sharing set for ${type} mount`)
}

function oneOf<T extends string>(options: readonly T[], value: string, message: string): T {
  const found = options.find((option) => option === value.toLowerCase())
  if (found === undefined) throw wrong(message + didYouMean(value, options))
  return found
}

function readBoolean(key: string, value: string): boolean {
  const read = parseBoolean(value)
  if (read === undefined) throw wrong(`invalid value for ${key}: ${value}`)
  return read
}

function readNumber(key: string, value: string, base: 8 | 10): number {
  const number = (base === 8 ? /^[0-7]+$/ : /^\d+$/).test(value) ? Number.parseInt(value, base) : Number.NaN
  if (!(number < 2 ** 32)) throw wrong(`invalid value ${value} for ${key}`)
  return number
}

/** Parses a size: a number with an optional binary unit, such as `64m` or `1.5GiB`. */
function readSize(value: string): number {
  const match = /^(\d+(?:\.\d+)?) ?(?:([kmgtp])i?)?b?$/i.exec(value)
  if (match === null) throw wrong(`invalid value for size: ${value}`)
  return Math.floor(Number(match[1]) * 1024 ** ('kmgtp'.indexOf(match[2]?.toLowerCase() ?? '') + (match[2] ? 1 : 0)))
}

function unexpected(key: string, type: Mount['type']): TareError {
  return wrong(
    `unexpected key '${key}' for mount type '${type}'`,
    `Put type=… before ${key}, with a type that supports it.`,
  )
}

function wrong(message: string, remedy?: string): TareError {
  return refusal('DOCKERFILE_MOUNT', message, remedy)
}
