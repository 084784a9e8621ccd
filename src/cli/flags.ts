import { UsageError } from './failure.ts'
import { nearest } from './nearest.ts'

/**
 * A parser with the rules of pflag, which docker uses: a value may start with a dash (`--memory -1`, `-f -`), a boolean may have
 * a value (`--no-cache=false`), and a short flag's value may be attached with or without `=` (`-fD`, `-f=D`). node:util's
 * parseArgs breaks all three, and its tokens come too late to fix that, because it has already decided which argument belongs to
 * which flag.
 */
export interface Flag {
  /** The name of its value in help, and the rule for valid values; `bool` flags have no value. */
  readonly type: 'bool' | 'string' | 'int' | 'bytes' | 'swap' | 'list' | 'strings'
  readonly short?: string
  readonly help: string
  /** Shown in help instead of `type`. */
  readonly placeholder?: string
  readonly default?: string | boolean
  /** What completion offers; by default, the values that the help quotes. */
  readonly values?: readonly string[]
  /** docker has it and tare does not yet: rejected if given. */
  readonly notYet?: true
  /** docker has it and tare will not, and why. Rejected if given. */
  readonly refused?: string
  /** Not shown in help: obsolete, or without a meaning here. */
  readonly hidden?: true
}

export type FlagTable = Readonly<Record<string, Flag>>

export type Values<T extends FlagTable> = {
  readonly [K in keyof T]: T[K]['type'] extends 'bool'
    ? boolean
    : T[K]['type'] extends 'list' | 'strings'
      ? readonly string[]
      : string | undefined
}

export interface ParsedFlags<T extends FlagTable> {
  readonly values: Values<T>
  /** The names given on the command line. */
  readonly given: ReadonlySet<string>
  readonly args: readonly string[]
  readonly help: boolean
}

const helpFlag: Flag = { type: 'bool', help: 'Print usage' }

/**
 * Parses the flags in the arguments. `interspersed` (default): flags may follow arguments; otherwise the first argument ends the
 * flags, as in `tare [OPTIONS] COMMAND`. Throws a UsageError worded like pflag's.
 */
export function parseFlags<T extends FlagTable>(
  table: T,
  argv: readonly string[],
  options: { readonly interspersed?: boolean } = {},
): ParsedFlags<T> {
  const all: FlagTable = { help: helpFlag, ...table }
  const shorts = new Map(
    Object.entries(all).flatMap(([name, flag]) => (flag.short ? [[flag.short, name] as const] : [])),
  )
  const values: Record<string, string | boolean | string[] | undefined> = {}
  for (const [name, flag] of Object.entries(all))
    values[name] = isList(flag) ? [] : (flag.default ?? (flag.type === 'bool' ? false : undefined))
  const given = new Set<string>()
  const args: string[] = []
  const rest = [...argv]

  const set = (name: string, text: string): void => {
    const flag = all[name]!
    const value = flag.refused === undefined || flag.type === 'bool' ? readValue(flag, name, text) : text
    // What is refused may be declined.
    if (flag.refused !== undefined && value !== false)
      throw new UsageError(`${labelOf(flag, name)} is not supported`, flag.refused)
    const list = values[name]
    if (Array.isArray(list)) list.push(...(flag.type === 'strings' ? text.split(',') : [text]))
    else values[name] = value
    given.add(name)
  }

  const takeLong = (arg: string): void => {
    const sign = arg.indexOf('=')
    const name = sign < 0 ? arg.slice(2) : arg.slice(2, sign)
    if (name === '' || name.startsWith('-')) throw new UsageError(`bad flag syntax: ${arg}`)
    const flag = Object.hasOwn(all, name) ? all[name] : undefined
    if (flag === undefined) throw new UsageError(`unknown flag: --${name}`, suggestFlag(name, all))
    const joined = sign >= 0 ? arg.slice(sign + 1) : flag.type === 'bool' ? 'true' : undefined
    const value = joined ?? rest.shift()
    if (value === undefined) throw new UsageError(`flag needs an argument: --${name}`)
    set(name, value)
  }

  /** Takes the first letter of `-abc`, or all of `-fvalue`; returns the rest. */
  const takeShort = (group: string): string => {
    const letter = group[0]!
    const after = group.slice(1)
    // docker accepts -h for --help unless a verb uses that letter.
    const name = shorts.get(letter) ?? (letter === 'h' ? 'help' : undefined)
    if (name === undefined) throw new UsageError(`unknown shorthand flag: '${letter}' in -${group}`)
    const joined = after.startsWith('=') && after.length > 1 ? after.slice(1) : undefined
    if (joined === undefined && all[name]!.type === 'bool') {
      set(name, 'true')
      return after
    }
    const value = joined ?? (after === '' ? rest.shift() : after)
    if (value === undefined) throw new UsageError(`flag needs an argument: '${letter}' in -${group}`)
    set(name, value)
    return ''
  }

  while (rest.length > 0) {
    const arg = rest.shift()!
    if (arg === '--') {
      args.push(...rest)
      break
    }
    if (arg.startsWith('--')) takeLong(arg)
    else if (arg.startsWith('-') && arg !== '-') for (let group = arg.slice(1); group !== ''; ) group = takeShort(group)
    else {
      args.push(arg)
      if (options.interspersed === false) {
        args.push(...rest)
        break
      }
    }
  }
  return { values: values as unknown as Values<T>, given, args, help: values['help'] === true }
}

function isList(flag: Flag): boolean {
  return flag.type === 'list' || flag.type === 'strings'
}

const booleans: Readonly<Record<string, boolean>> = {
  ...{ '1': true, t: true, T: true, true: true, TRUE: true, True: true },
  ...{ '0': false, f: false, F: false, false: false, FALSE: false, False: false },
}

function labelOf(flag: Flag, name: string): string {
  return flag.short ? `-${flag.short}, --${name}` : `--${name}`
}

const sizes = /^(\d+(?:\.\d+)*) ?([kmgtp]?)(?:i?b)?$/i

/**
 * Parses the value of a `bytes` flag, such as `64m` or `1.5GiB`; returns undefined if it is invalid. (docker/go-units:
 * RAMInBytes)
 */
export function sizeOf(text: string | undefined): number | undefined {
  const match = sizes.exec(text ?? '')
  if (match === null) return undefined
  return Math.floor(Number(match[1]) * 1024 ** ' kmgtp'.indexOf(match[2]!.toLowerCase() || ' '))
}

/** Parses a flag's value with the rules of pflag (strconv, go-units). */
function readValue(flag: Flag, name: string, text: string): string | boolean {
  const wrong = (why: string): UsageError => {
    return new UsageError(`invalid argument ${JSON.stringify(text)} for "${labelOf(flag, name)}" flag: ${why}`)
  }
  switch (flag.type) {
    case 'bool': {
      const value = Object.hasOwn(booleans, text) ? booleans[text] : undefined
      if (value === undefined) throw wrong(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`)
      return value
    }
    case 'int':
      if (!/^[+-]?(?:\d+|0x[\da-f]+|0b[01]+|0o[0-7]+)$/i.test(text))
        throw wrong(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`)
      return text
    case 'swap':
    case 'bytes':
      if (!(flag.type === 'swap' && text === '-1') && !sizes.test(text)) throw wrong(`invalid size: '${text}'`)
      return text
    default:
      return text
  }
}

function suggestFlag(name: string, table: FlagTable): string | undefined {
  const visible = Object.entries(table).filter(([, flag]) => flag.hidden !== true)
  const found = nearest(
    name,
    visible.map(([candidate]) => candidate),
  )
  return found === undefined ? undefined : `Did you mean --${found}?`
}
