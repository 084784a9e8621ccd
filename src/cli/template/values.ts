/**
 * Go's values in JavaScript: strings, numbers, booleans, null and arrays are themselves, a Map is a Go map, and a Struct is a Go
 * struct.
 */
export class Struct {
  /** Go's name for the type, for errors. */
  readonly type: string
  /** In the order in which Go prints them. */
  readonly fields: Readonly<Record<string, unknown>>
  /** What `json` prints, and where fields are looked up that `fields` lacks. */
  readonly raw: unknown

  constructor(type: string, fields: Readonly<Record<string, unknown>>, raw: unknown = fields) {
    this.type = type
    this.fields = fields
    this.raw = raw
  }
}

/** A value printed differently from its JSON: a duration, a time. */
export class Printed {
  readonly text: string
  readonly raw: unknown

  constructor(text: string, raw: unknown) {
    this.text = text
    this.raw = raw
  }
}

/** Go's nil slice and nil map: empty, but `null` in JSON. */
export const nilList: readonly unknown[] = Object.freeze([])
export const nilMap: ReadonlyMap<string, unknown> = new Map()

/** The truth value for `if`. */
export function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0
  if (value instanceof Map) return value.size > 0
  return value instanceof Printed ? value.text !== '' : Boolean(value)
}

/** Formats `%v`: `[a b]`, `map[k:v]`, `{a b}`; with `plus`, a struct's fields are named. */
export function formatValue(value: unknown, plus = false): string {
  if (value === null || value === undefined) return '<nil>'
  if (typeof value === 'number') return formatNumber(value)
  if (value instanceof Printed) return value.text
  if (Array.isArray(value)) return `[${value.map((item) => formatValue(item, plus)).join(' ')}]`
  if (value instanceof Map)
    return `map[${sortedEntries(value)
      .map(([key, item]) => `${key}:${formatValue(item, plus)}`)
      .join(' ')}]`
  if (value instanceof Struct) return formatFields(value.fields, plus)
  if (typeof value === 'object') return formatFields(value as Record<string, unknown>, plus)
  return String(value)
}

function formatFields(fields: Readonly<Record<string, unknown>>, plus: boolean): string {
  const items = Object.entries(fields).map(([name, item]) => (plus ? `${name}:` : '') + formatValue(item, plus))
  return `{${items.join(' ')}}`
}

/** Formats `%v` of a number: integers in full, others as `%g` with the shortest digits. */
export function formatNumber(value: number): string {
  if (Number.isSafeInteger(value)) return Object.is(value, -0) ? '0' : String(value)
  const exponent = Math.floor(Math.log10(Math.abs(value)))
  if (exponent >= -4 && exponent < 6) return String(value)
  return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
}

/** Returns a map's entries sorted by key, as Go prints and ranges over them. */
export function sortedEntries(map: ReadonlyMap<string, unknown>): readonly (readonly [string, unknown])[] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
}

/** Formats Go's JSON: maps sorted by key, U+2028 and U+2029 escaped, and also `<>&` in a row of a listing. */
export function formatJson(value: unknown): string {
  const html = value instanceof Struct && value.raw === value.fields
  const text = JSON.stringify(plain(value)) ?? 'null'
  return text.replace(html ? /[<>&\u2028\u2029]/g : /[\u2028\u2029]/g, escapeCharacter)
}

export function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

function plain(value: unknown): unknown {
  if (value === nilList || value === nilMap) return null
  if (value instanceof Struct || value instanceof Printed) return plain(value.raw)
  if (Array.isArray(value)) return value.map(plain)
  if (value instanceof Map) return Object.fromEntries(sortedEntries(value).map(([key, item]) => [key, plain(item)]))
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]))
  return value
}

/** Returns Go's name for a value's type, for errors. */
export function typeName(value: unknown): string {
  if (value === null || value === undefined) return 'nil'
  if (typeof value === 'string') return 'string'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float64'
  if (Array.isArray(value)) return value.every((item) => typeof item === 'string') ? '[]string' : '[]interface {}'
  if (value instanceof Map) return 'map[string]interface {}'
  return value instanceof Struct ? value.type : 'interface {}'
}
