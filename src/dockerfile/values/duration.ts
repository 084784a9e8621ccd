import { quote, refusal } from '../language/index.ts'

const units = new Map([
  ['ns', 1],
  ['us', 1e3],
  ['µs', 1e3],
  ['μs', 1e3],
  ['ms', 1e6],
  ['s', 1e9],
  ['m', 60e9],
  ['h', 3600e9],
])

/** Parses a Go duration (`1h30m`, `1.5s`, `300ms`) into nanoseconds. Beyond 104 days the last digits are inexact. */
export function parseGoDuration(text: string): number {
  const invalid = (what: string): Error =>
    refusal('DOCKERFILE_FLAG', `time: ${what} ${quote(text)}`, 'Durations are numbers with units: 30s, 1m30s, 500ms.')
  const [, sign, amount] = /^([-+]?)(.*)$/s.exec(text)!
  if (amount === '0') return 0
  if (amount === '') throw invalid('invalid duration')
  let total = 0
  for (let rest = amount!; rest !== ''; ) {
    const [all, whole = '', fraction = '', unit = ''] = /^(\d*)(?:\.(\d*))?([^.\d]*)/.exec(rest)!
    if (whole === '' && fraction === '') throw invalid('invalid duration')
    if (unit === '') throw invalid(rest.length > all.length ? 'invalid duration' : 'missing unit in duration')
    const size = units.get(unit)
    if (size === undefined) throw invalid(`unknown unit ${quote(unit)} in duration`)
    total += Number(whole || '0') * size + Math.trunc(Number(`0.${fraction || '0'}`) * size)
    rest = rest.slice(all.length)
  }
  if (total > 2 ** 63) throw invalid('invalid duration')
  return sign === '-' && total !== 0 ? -total : total
}

/** Formats nanoseconds like Go's time.Duration: `5m0s`, `1.5s`, `0s`. */
export function formatGoDuration(nanoseconds: number): string {
  if (nanoseconds === 0) return '0s'
  if (nanoseconds < 0) return `-${formatGoDuration(-nanoseconds)}`
  if (nanoseconds < 1e3) return `${nanoseconds}ns`
  if (nanoseconds < 1e6) return `${decimal(nanoseconds, 1e3)}µs`
  if (nanoseconds < 1e9) return `${decimal(nanoseconds, 1e6)}ms`
  const hours = Math.floor(nanoseconds / 3600e9)
  const minutes = Math.floor((nanoseconds % 3600e9) / 60e9)
  const seconds = `${decimal(nanoseconds % 60e9, 1e9)}s`
  if (hours > 0) return `${hours}h${minutes}m${seconds}`
  return minutes > 0 ? `${minutes}m${seconds}` : seconds
}

/** Quotients of integers this small print exactly. */
function decimal(value: number, unit: number): string {
  return (value / unit).toFixed(Math.log10(unit)).replace(/\.?0+$/, '')
}
