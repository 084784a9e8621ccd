import { cut, didYouMean, isSpace, refusal } from '../language/index.ts'

/** Takes `--flag=value` words off the beginning, with quotes and escapes removed. `--` ends them. */
export function takeFlags(text: string, escapeCharacter: string): { flags: readonly string[]; rest: string } {
  const flags: string[] = []
  let at = 0
  for (;;) {
    while (at < text.length && isSpace(text[at]!)) at++
    if (!text.startsWith('--', at)) return { flags, rest: text.slice(at) }
    const { word, end } = readFlagWord(text, at, escapeCharacter)
    at = end
    if (word === '--') return { flags, rest: text.slice(at) }
    flags.push(word)
  }
}

function readFlagWord(text: string, from: number, escapeCharacter: string): { word: string; end: number } {
  let word = ''
  let quote: string | undefined
  let at = from
  for (; at < text.length; at++) {
    const character = text[at]!
    if (quote === undefined && isSpace(character)) break
    if (character === escapeCharacter) word += text[++at] ?? ''
    else if (quote === undefined && (character === '"' || character === "'")) quote = character
    else if (character === quote) quote = undefined
    else word += character
  }
  return { word, end: Math.min(at, text.length) }
}

type FlagKind = 'text' | 'list' | 'boolean'
type FlagValue<Kind> = Kind extends 'text'
  ? string | undefined
  : Kind extends 'list'
    ? readonly string[]
    : boolean | undefined

/** Reads an instruction's flags. A flag that was not given is undefined, or an empty list. */
export function readFlags<Kinds extends Record<string, FlagKind>>(
  given: readonly string[],
  kinds: Kinds,
): { readonly [Name in keyof Kinds]: FlagValue<Kinds[Name]> } {
  const values: Record<string, unknown> = {}
  for (const [name, kind] of Object.entries(kinds)) values[name] = kind === 'list' ? [] : undefined
  for (const word of given) {
    const [flag, value, hasValue] = cut(word, '=')
    const name = flag.slice(2)
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined
    if (kind === undefined) throw unknownFlag(flag, Object.keys(kinds))
    if (kind !== 'list' && values[name] !== undefined) {
      throw refusal('DOCKERFILE_FLAG', `duplicate flag specified: ${flag}`)
    }
    if (kind === 'boolean') values[name] = readBoolean(flag, value, hasValue)
    else if (!hasValue) throw missingValue(flag)
    else if (kind === 'text') values[name] = value
    else (values[name] as string[]).push(value)
  }
  return values as { [Name in keyof Kinds]: FlagValue<Kinds[Name]> }
}

function readBoolean(flag: string, value: string, hasValue: boolean): boolean {
  if (hasValue && value === '') throw missingValue(flag)
  const lower = value.toLowerCase()
  if (lower === '' || lower === 'true') return true
  if (lower === 'false') return false
  throw refusal('DOCKERFILE_FLAG', `expecting boolean value for flag ${flag}, not: ${value}`)
}

function missingValue(flag: string): Error {
  return refusal(
    'DOCKERFILE_FLAG',
    `missing a value on flag: ${flag}`,
    `Write ${flag}=value, without blanks around the =.`,
  )
}

function unknownFlag(flag: string, known: readonly string[]): Error {
  const message = `unknown flag: ${flag}${didYouMean(flag.slice(2), known)}`
  const remedy =
    known.length === 0
      ? 'This instruction has no flags; use -- before an argument that starts with --.'
      : `Its flags are ${known.map((name) => `--${name}`).join(', ')}.`
  return refusal('DOCKERFILE_UNKNOWN_FLAG', message, remedy)
}

/** Drops undefined members, for optional properties. */
export function given<T extends object>(values: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [Name in keyof T]?: Exclude<T[Name], undefined>
  }
}
