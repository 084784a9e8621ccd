import { compareOrder, isEqual } from './compare.ts'
import { printf } from './printf.ts'
import { escapeCharacter, formatJson, formatValue, isTrue, Printed, typeName } from './values.ts'

export type Parameter = 'any' | 'string' | 'int' | 'strings'

export interface TemplateFunction {
  readonly takes: readonly Parameter[]
  /** The type of variadic arguments. */
  readonly more?: Parameter
  /** What it throws is reported as `error calling NAME: …`. */
  readonly call: (...args: never[]) => unknown
}

export type FunctionTable = Readonly<Record<string, TemplateFunction>>

function define(takes: readonly Parameter[], call: TemplateFunction['call'], more?: Parameter): TemplateFunction {
  return more === undefined ? { takes, call } : { takes, call, more }
}

const text = (value: unknown): string => (value instanceof Printed ? value.text : formatValue(value))

/** Go's own functions and docker's. `and` and `or` are in the evaluator, since they do not evaluate all arguments. */
export const templateFunctions: FunctionTable = {
  and: define(['any'], () => undefined, 'any'),
  or: define(['any'], () => undefined, 'any'),
  not: define(['any'], (value: unknown) => !isTrue(value)),
  len: define(['any'], lengthOf),
  index: define(['any'], indexInto, 'any'),
  slice: define(['any'], sliceOf, 'any'),
  eq: define(
    ['any'],
    (first: unknown, ...others: unknown[]) => {
      if (others.length === 0) throw new Error('missing argument for comparison')
      return others.some((other) => isEqual(first, other))
    },
    'any',
  ),
  ne: define(['any', 'any'], (a: unknown, b: unknown) => !isEqual(a, b)),
  lt: define(['any', 'any'], (a: unknown, b: unknown) => compareOrder(a, b) < 0),
  le: define(['any', 'any'], (a: unknown, b: unknown) => compareOrder(a, b) <= 0),
  gt: define(['any', 'any'], (a: unknown, b: unknown) => compareOrder(a, b) > 0),
  ge: define(['any', 'any'], (a: unknown, b: unknown) => compareOrder(a, b) >= 0),
  print: define([], (...args: unknown[]) => print(args), 'any'),
  println: define([], (...args: unknown[]) => `${args.map(text).join(' ')}\n`, 'any'),
  printf: define(['string'], printf as (...args: never[]) => string, 'any'),
  html: define([], (...args: unknown[]) => escapeHtml(print(args)), 'any'),
  js: define([], (...args: unknown[]) => escapeScript(print(args)), 'any'),
  urlquery: define([], (...args: unknown[]) => encodeURIComponent(print(args)).replaceAll('%20', '+'), 'any'),
  json: define(['any'], (value: unknown) => formatJson(value)),
  split: define(['string', 'string'], (value: string, separator: string) =>
    separator === '' ? [...value] : value.split(separator),
  ),
  join: define(['strings', 'string'], (list: readonly unknown[], separator: string) => list.join(separator)),
  title: define(['string'], (value: string) => value.replace(/(?<![\p{L}\p{N}_'])\p{L}/gu, (c) => c.toUpperCase())),
  lower: define(['string'], (value: string) => value.toLowerCase()),
  upper: define(['string'], (value: string) => value.toUpperCase()),
  pad: define(['string', 'int', 'int'], (value: string, before: number, after: number) =>
    value === '' ? '' : ' '.repeat(Math.max(0, before)) + value + ' '.repeat(Math.max(0, after)),
  ),
  truncate: define(['string', 'int'], (value: string, length: number) => bytes(value, 0, length)),
}

const asItIs = define(['any'], (value: unknown) => value, 'any')

/** For table headers: functions that change a value leave a heading alone. */
export const headerFunctions: FunctionTable = {
  ...templateFunctions,
  ...{ json: asItIs, split: asItIs, join: asItIs, title: asItIs, lower: asItIs, upper: asItIs, truncate: asItIs },
}

/** Adds a blank between two arguments if neither is a string. */
function print(args: readonly unknown[]): string {
  return args
    .map((arg, i) => (i > 0 && typeof arg !== 'string' && typeof args[i - 1] !== 'string' ? ' ' : '') + text(arg))
    .join('')
}

/** Go slices strings by bytes. */
function bytes(value: string, start: number, end?: number): string {
  return Buffer.from(value).subarray(start, end).toString()
}

function lengthOf(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value)
  if (Array.isArray(value)) return value.length
  if (value instanceof Map) return value.size
  if (value === null || value === undefined) throw new Error('len of nil pointer')
  throw new Error(`len of type ${typeName(value)}`)
}

function indexInto(value: unknown, ...keys: unknown[]): unknown {
  let found = value
  for (const key of keys) {
    if (found === null || found === undefined) throw new Error('index of untyped nil')
    if (found instanceof Map) found = indexMap(found, key)
    else if (Array.isArray(found)) found = found[position(key, found.length)]
    else if (typeof found === 'string') found = Buffer.from(found)[position(key, Buffer.byteLength(found))]
    else if (typeof found === 'object' && typeof key === 'string') found = (found as Record<string, unknown>)[key]
    else throw new Error(`can't index item of type ${typeName(found)}`)
  }
  return found
}

/** Returns a key's value; for a missing key Go's zero value, which is an empty string in a map of strings. */
function indexMap(map: ReadonlyMap<unknown, unknown>, key: unknown): unknown {
  if (typeof key !== 'string') throw new Error(`value has type ${typeName(key)}; should be string`)
  if (map.has(key)) return map.get(key)
  return [...map.values()].every((value) => typeof value === 'string') ? '' : undefined
}

function position(key: unknown, length: number): number {
  if (typeof key !== 'number') throw new Error(`cannot index slice/array with type ${typeName(key)}`)
  if (key < 0 || key >= length) throw new Error(`index out of range: ${key}`)
  return key
}

function sliceOf(value: unknown, ...ends: unknown[]): unknown {
  if (ends.length > 3) throw new Error(`too many slice indexes: ${ends.length}`)
  if (typeof value !== 'string' && !Array.isArray(value)) throw new Error(`can't slice item of type ${typeName(value)}`)
  const length = lengthOf(value)
  const [start = 0, end = length] = ends.map((key) => position(key, length + 1))
  if (start > end) throw new Error(`invalid slice index: ${start} > ${end}`)
  return typeof value === 'string' ? bytes(value, start, end) : value.slice(start, end)
}

const entities: Readonly<Record<string, string>> = {
  ...{ '"': '&#34;', "'": '&#39;', '&': '&amp;', '<': '&lt;', '>': '&gt;', '\0': '\ufffd' },
}

function escapeHtml(value: string): string {
  return value.replace(/["'&<>\0]/g, (character) => entities[character]!)
}

function escapeScript(value: string): string {
  return value.replace(/[\\'"<>&=\u0000-\u001f\u2028\u2029]/g, (character) =>
    `\\'"`.includes(character) ? `\\${character}` : escapeCharacter(character).toUpperCase().replace('\\U', '\\u'),
  )
}
