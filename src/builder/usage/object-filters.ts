import { readTime } from '../../images/index.ts'
import { TareError } from '../../support/index.ts'
import type { CacheObject } from './cache-objects.ts'
import type { ObjectFilter } from './choose-objects.ts'

const types: readonly string[] = ['regular', 'exec.cachemount', 'internal']

/** Parses `until=24h`, `type=…`, `inuse`, `id~=…`: with `=`, `!=` or `~=`, which is a regular expression. Throws `FILTER_INVALID`. */
export function readObjectFilters(filters: readonly string[], now: Date): readonly ObjectFilter[] {
  const before = readUntil(filters, now)
  const rest = filters.filter((text) => !isUntil(text)).map(readFilter)
  const positives = rest.filter(({ positive, key }) => positive && key === 'type')
  return [
    ({ lastUsed }) => lastUsed < before,
    // Of several types, each will do.
    ...(positives.length === 0 ? [] : [(object: CacheObject) => positives.some(({ matches }) => matches(object))]),
    ...rest.filter((filter) => !positives.includes(filter)).map(({ matches }) => matches),
  ]
}

/** Returns the time, in milliseconds since 1970, before which something was last used; infinity without such a filter. */
export function readUntil(filters: readonly string[], now: Date): number {
  const times = filters.filter(isUntil).map((text) => {
    const time = readTime(text.slice('until='.length), now)
    if (time === undefined) throw invalid(text)
    return time
  })
  return Math.min(...times, Number.POSITIVE_INFINITY)
}

function isUntil(filter: string): boolean {
  return filter.startsWith('until=')
}

interface ReadFilter {
  readonly key: string
  readonly positive: boolean
  readonly matches: ObjectFilter
}

function readFilter(text: string): ReadFilter {
  const [, key = '', sign, value = ''] = /^([a-z]+)(?:(!=|~=|=)(.*))?$/s.exec(text) ?? []
  const partOf = {
    type: (object: CacheObject) => object.type,
    id: ({ id }: CacheObject) => id,
    inuse: ({ inUse }: CacheObject) => String(inUse),
  }[key]
  if (partOf === undefined || (sign === undefined && key !== 'inuse')) throw invalid(text)
  if (key === 'type' && sign !== '~=' && !types.includes(value)) throw invalid(text)
  const wanted = sign === undefined ? 'true' : value
  if (key === 'inuse' && !['true', 'false', '1', '0'].includes(wanted)) throw invalid(text)
  const plain = key === 'inuse' ? String(wanted === 'true' || wanted === '1') : wanted
  if (sign === '~=') {
    const pattern = patternOf(plain, text)
    return { key, positive: true, matches: (object) => pattern.test(partOf(object)) }
  }
  const isEqual = (object: CacheObject) =>
    partOf(object) === plain || (key === 'id' && partOf(object) === `sha256:${plain}`)
  return sign === '!='
    ? { key, positive: false, matches: (object) => !isEqual(object) }
    : { key, positive: true, matches: isEqual }
}

function patternOf(source: string, text: string): RegExp {
  try {
    return new RegExp(source)
  } catch {
    throw invalid(text)
  }
}

function invalid(filter: string): TareError {
  return new TareError('FILTER_INVALID', `invalid filter "${filter}"`, {
    remedy: `The filters are until=TIME (24h, a date, or seconds since 1970), type=${types.join('|')}, inuse and id=ID, with =, != or ~=.`,
  })
}
