import { decodeName } from '../../support/index.ts'
import { readText } from './block.ts'
import { damaged } from './damage.ts'

/** The records of an extended header. */
export interface PaxRecords {
  readonly values: ReadonlyMap<string, Buffer>
  /** The numbers of GNU's sparse map, formats 0.0 and 0.1. */
  readonly sparseMap: readonly string[]
}

const space = 0x20
const equals = 0x3d
const newline = 0x0a

/**
 * Parses the records of an extended header as strictly as Go's archive/tar: lengths must be exact, and names must not contain
 * NUL. If a key occurs twice, the last one counts.
 */
export function parsePax(body: Buffer, position: number): PaxRecords {
  const values = new Map<string, Buffer>()
  const sparseMap: string[] = []
  for (let at = 0; at < body.length; ) {
    const wrong = (what: string) => damaged('TAR_PAX_INVALID', position + at, `in the extended header, ${what}`)
    const blank = body.indexOf(space, at)
    if (blank < 0 || blank - at > 20) throw wrong('a record has no length')
    const length = readDecimal(body.toString('latin1', at, blank))
    const end = at + length
    // The shortest record is "5 k=\n".
    if (!(length >= 5) || end > body.length || end - 1 <= blank) throw wrong('the length of a record is wrong')
    if (body[end - 1] !== newline) throw wrong('a record does not end where its length says')
    const sign = body.indexOf(equals, blank)
    if (sign < 0 || sign >= end - 1) throw wrong('a record has no "="')
    if (sign === blank + 1) throw wrong('a record has no name')
    if (body.subarray(blank, sign).includes(0)) throw wrong('the name of a record holds a NUL')
    const key = decodeName(body.subarray(blank + 1, sign))
    const value = body.subarray(sign + 1, end - 1)
    if (isName(key) && value.includes(0)) throw wrong(`the value of "${key}" holds a NUL`)
    if (key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes') {
      const expected = sparseMap.length % 2 === 0 ? 'GNU.sparse.offset' : 'GNU.sparse.numbytes'
      if (key !== expected) throw wrong(`"${key}" is where "${expected}" should be`)
      sparseMap.push(value.toString('latin1'))
    } else {
      values.set(key, value)
    }
    at = end
  }
  const map = values.get('GNU.sparse.map')
  if (sparseMap.length === 0 && map !== undefined && map.length > 0)
    return { values, sparseMap: map.toString('latin1').split(',') }
  return { values, sparseMap }
}

function isName(key: string): boolean {
  return key === 'path' || key === 'linkpath' || key === 'uname' || key === 'gname'
}

/** Returns a record's text; undefined if it is absent or empty, which both leave the ustar field in effect. */
export function paxText(records: PaxRecords, key: string): string | undefined {
  const value = records.values.get(key)
  return value === undefined || value.length === 0 ? undefined : readText(value, 0, value.length)
}

/** Returns a record's number, NaN if it is invalid; undefined if it is absent or empty. */
export function paxNumber(records: PaxRecords, key: string): number | undefined {
  const value = records.values.get(key)
  return value === undefined || value.length === 0 ? undefined : readDecimal(value.toString('latin1'))
}

/** Parses a decimal integer; returns NaN for anything else or if it exceeds 64 bits. */
export function readDecimal(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) return Number.NaN
  const value = Number(text)
  return Math.abs(value) < 2 ** 63 ? value : Number.NaN
}

/**
 * Parses seconds and non-negative nanoseconds: `-1.5` is -2 s and 500,000,000 ns. Returns undefined if the text is not a time.
 */
export function readTime(text: string): { readonly seconds: number; readonly nanoseconds: number } | undefined {
  const [whole = '', fraction = ''] = text.split(/\.(.*)/s)
  const seconds = readDecimal(whole)
  if (Number.isNaN(seconds) || !/^\d*$/.test(fraction)) return undefined
  const nanoseconds = Number(fraction.slice(0, 9).padEnd(9, '0'))
  if (!whole.startsWith('-')) return { seconds: seconds + 0, nanoseconds }
  return nanoseconds === 0
    ? { seconds: seconds + 0, nanoseconds }
    : { seconds: seconds - 1, nanoseconds: 1e9 - nanoseconds }
}
