import { formatNumber, formatValue, Printed, typeName } from './values.ts'

/** Go's fmt.Sprintf, for the verbs that templates use. */
export function printf(format: string, ...args: readonly unknown[]): string {
  let next = 0
  let reordered = false
  const text = format.replace(
    /%([-+# 0]*)(\*|\d+)?(?:\.(\*|\d*))?(?:\[(\d+)\])?(.|$)/gsu,
    (
      _whole,
      flags: string,
      width: string | undefined,
      precision: string | undefined,
      index: string | undefined,
      verb: string,
    ) => {
      if (verb === '%') return '%'
      if (verb === '') return '%!(NOVERB)'
      const wide = width === '*' ? Number(args[next++]) : width === undefined ? undefined : Number(width)
      const precise = precision === '*' ? Number(args[next++]) : precision === undefined ? undefined : Number(precision)
      if (index !== undefined) {
        next = Number(index) - 1
        reordered = true
      }
      if (next >= args.length) return `%!${verb}(${index === undefined ? 'MISSING' : 'BADINDEX'})`
      const value = args[next++]
      return padTo(formatVerb(value, verb, flags, precise), wide, flags, typeof value === 'number')
    },
  )
  if (reordered || next >= args.length) return text
  const extra = args.slice(next).map((arg) => `${typeName(arg)}=${formatValue(arg)}`)
  return `${text}%!(EXTRA ${extra.join(', ')})`
}

function formatVerb(value: unknown, verb: string, flags: string, precision: number | undefined): string {
  if (verb === 'v') return formatPlain(value, flags, precision)
  if (verb === 'T') return typeName(value)
  if (Array.isArray(value)) return `[${value.map((item) => formatVerb(item, verb, flags, precision)).join(' ')}]`
  const text = value instanceof Printed ? value.text : value
  if (value instanceof Printed && typeof value.raw === 'number' && verb === 'd') return String(value.raw)
  if (typeof text === 'string') return formatString(text, verb, flags, precision) ?? bad(value, verb)
  if (typeof text === 'number') return formatNumeric(text, verb, flags, precision) ?? bad(value, verb)
  if (typeof text === 'boolean' && verb === 't') return String(text)
  if (verb === 's' && typeof text === 'object' && text !== null) return formatValue(text)
  return bad(value, verb)
}

function formatPlain(value: unknown, flags: string, precision: number | undefined): string {
  if (typeof value === 'number' && precision !== undefined) return formatNumeric(value, 'g', flags, precision)!
  if (typeof value === 'string') return formatString(value, flags.includes('#') ? 'q' : 's', '', precision)!
  return formatValue(value, flags.includes('+'))
}

function formatString(text: string, verb: string, flags: string, precision: number | undefined): string | undefined {
  const cut = precision === undefined ? text : [...text].slice(0, precision).join('')
  switch (verb) {
    case 's':
      return cut
    case 'q':
      return flags.includes('#') && !/[`\n]/.test(cut) ? `\`${cut}\`` : JSON.stringify(cut)
    case 'x':
      return Buffer.from(cut).toString('hex')
    case 'X':
      return Buffer.from(cut).toString('hex').toUpperCase()
    default:
      return undefined
  }
}

function formatNumeric(value: number, verb: string, flags: string, precision: number | undefined): string | undefined {
  const sign = value < 0 ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : ''
  const size = Math.abs(value)
  const digits = Number.isInteger(value) ? formatInteger(size, verb, flags) : undefined
  if (digits !== undefined) return 'cqU'.includes(verb) ? digits : sign + digits
  switch (verb) {
    case 'f':
    case 'F':
      return sign + size.toFixed(precision ?? 6)
    case 'e':
    case 'E': {
      const text = size.toExponential(precision ?? 6).replace(/e([+-])(\d)$/, 'e$10$2')
      return sign + (verb === 'E' ? text.toUpperCase() : text)
    }
    case 'g':
    case 'G':
      return sign + (precision === undefined ? formatNumber(size) : significant(size, precision))
    default:
      return undefined
  }
}

function formatInteger(size: number, verb: string, flags: string): string | undefined {
  const prefixed = (prefix: string, digits: string) => (flags.includes('#') ? prefix : '') + digits
  switch (verb) {
    case 'd':
      return String(size)
    case 'b':
      return prefixed('0b', size.toString(2))
    case 'o':
      return prefixed('0', size.toString(8))
    case 'O':
      return `0o${size.toString(8)}`
    case 'x':
      return prefixed('0x', size.toString(16))
    case 'X':
      return prefixed('0X', size.toString(16).toUpperCase())
    case 'c':
      return String.fromCodePoint(size)
    case 'q':
      return `'${String.fromCodePoint(size)}'`
    case 'U':
      return `U+${size.toString(16).toUpperCase().padStart(4, '0')}`
    default:
      return undefined
  }
}

/** Formats `%.3g`: that many significant digits, without trailing zeros. */
export function significant(size: number, precision: number): string {
  const [digits, exponent] = size.toExponential(Math.max(precision, 1) - 1).split('e') as [string, string]
  const power = Number(exponent)
  const trim = (text: string) => (text.includes('.') ? text.replace(/\.?0+$/, '') : text)
  if (power < -4 || power >= Math.max(precision, 1))
    return `${trim(digits)}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
  return trim(Number(`${digits}e${power}`).toFixed(Math.max(0, precision - 1 - power)))
}

function padTo(text: string, width: number | undefined, flags: string, number: boolean): string {
  if (width === undefined) return text
  const missing = width - [...text].length
  if (missing <= 0) return text
  if (flags.includes('-')) return text + ' '.repeat(missing)
  if (!flags.includes('0') || !number) return ' '.repeat(missing) + text
  const sign = /^[+-]?/.exec(text)![0]
  return sign + '0'.repeat(missing) + text.slice(sign.length)
}

function bad(value: unknown, verb: string): string {
  if (value === null || value === undefined) return `%!${verb}(<nil>)`
  return `%!${verb}(${typeName(value)}=${formatValue(value)})`
}
