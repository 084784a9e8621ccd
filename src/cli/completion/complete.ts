import type { Tare } from '../../index.ts'
import type { AnyVerb } from '../command.ts'
import { findCommand, groups, listCommands } from '../commands.ts'
import type { Flag, FlagTable } from '../flags.ts'
import { stagesOf } from './stages.ts'

/** What may follow, and what the shell adds of its own. */
export interface Completion {
  readonly candidates: readonly Candidate[]
  readonly files: 'files' | 'directories' | 'none'
}

export interface Candidate {
  readonly word: string
  readonly help?: string | undefined
}

const nothing: Completion = { candidates: [], files: 'none' }
const anyFile: Completion = { candidates: [], files: 'files' }

/** What completion needs from outside; the library is opened only for names of images and stages. */
export interface Surroundings {
  readonly globals: FlagTable
  open(): Promise<Tare>
}

/** Completes a command line after `tare`; its last word is the one being written, possibly empty. */
export async function complete(words: readonly string[], around: Surroundings): Promise<Completion> {
  const before = words.slice(0, -1)
  const word = words.at(-1) ?? ''
  const { rest, flag } = walk(before, around.globals, true)
  if (flag !== undefined) return nothing
  const [first, ...more] = rest[0] === 'help' ? rest.slice(1) : rest
  if (first === undefined) return startingWith(word, word.startsWith('-') ? flagNames(around.globals) : commandNames())
  const isGroup = Object.hasOwn(groups, first)
  if (isGroup && more.length === 0) return startingWith(word, listed(first))
  const command = findCommand(isGroup ? `${first} ${more[0]}` : first)
  if (command === undefined || rest[0] === 'help') return nothing
  return completeVerb(await command.load(), isGroup ? more.slice(1) : more, word, around)
}

async function completeVerb(
  verb: AnyVerb,
  before: readonly string[],
  word: string,
  around: Surroundings,
): Promise<Completion> {
  const { rest, flag, ended } = walk(before, verb.flags, verb.flagsFirst)
  const context = { before, rest, verb, around }
  if (flag !== undefined) return valuesOf(flag, word, '', context)
  const joined = ended ? null : /^--([^=]+)=(.*)$/s.exec(word)
  if (joined !== null) {
    const own = Object.hasOwn(verb.flags, joined[1]!) ? verb.flags[joined[1]!] : undefined
    return own === undefined ? nothing : valuesOf({ ...own, name: joined[1]! }, joined[2]!, `--${joined[1]}=`, context)
  }
  if (word.startsWith('-') && !ended) return startingWith(word, flagNames(verb.flags))
  return argument(word, context)
}

interface Walked {
  /** The words that are no flags or their values. */
  readonly rest: readonly string[]
  /** The flag whose value comes next. */
  readonly flag?: NamedFlag | undefined
  /** Whether no flag can follow. */
  readonly ended: boolean
}

type NamedFlag = Flag & { readonly name: string }

/** Separates flags from arguments, as `parseFlags` does. */
function walk(words: readonly string[], table: FlagTable, flagsFirst: boolean): Walked {
  const rest: string[] = []
  const takes = (name: string | undefined): NamedFlag | undefined => {
    const flag = name !== undefined && Object.hasOwn(table, name) ? table[name] : undefined
    return flag === undefined || flag.type === 'bool' ? undefined : { ...flag, name: name! }
  }
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    if (word === '--') return { rest: [...rest, ...words.slice(i + 1)], ended: true }
    if (word.startsWith('-') && word !== '-') {
      const flag = word.startsWith('--')
        ? takes(word.includes('=') ? undefined : word.slice(2))
        : lastShort(word, table)
      if (flag !== undefined && ++i === words.length) return { rest, flag, ended: false }
      continue
    }
    if (flagsFirst) return { rest: [...rest, ...words.slice(i)], ended: true }
    rest.push(word)
  }
  return { rest, ended: false }
}

/** Of `-abc`, the flag that takes the next word: the last one, if only switches come before it. */
function lastShort(word: string, table: FlagTable): NamedFlag | undefined {
  const letters = [...word.slice(1)]
  for (const [i, letter] of letters.entries()) {
    const found = Object.entries(table).find(([, { short }]) => short === letter)
    if (found === undefined) return undefined
    if (found[1].type !== 'bool') return i === letters.length - 1 ? { ...found[1], name: found[0] } : undefined
  }
  return undefined
}

function commandNames(): readonly Candidate[] {
  const own = listed(undefined)
  return [...own, ...Object.entries(groups).map(([word, help]) => ({ word, help })), { word: 'help' }]
}

function listed(group: string | undefined): readonly Candidate[] {
  return listCommands(group).map(([word, { summary }]) => ({ word, help: summary }))
}

function flagNames(table: FlagTable): readonly Candidate[] {
  const shown = Object.entries(table).filter(([, flag]) => flag.hidden !== true && flag.refused === undefined)
  return [...shown.map(([name, { help }]) => ({ word: `--${name}`, help })), { word: '--help', help: 'Print usage' }]
}

interface Place {
  readonly before: readonly string[]
  readonly rest: readonly string[]
  readonly verb: AnyVerb
  readonly around: Surroundings
}

const platforms = ['amd64', 'arm64', 'arm/v7', 'arm/v6', '386', 'ppc64le', 'riscv64', 's390x'].map(
  (it) => `linux/${it}`,
)

/** Values of a flag: what its help quotes, or what its name stands for. `lead` precedes the value in the same word. */
async function valuesOf(flag: NamedFlag, word: string, lead: string, place: Place): Promise<Completion> {
  const of = (words: readonly string[], at = lead, part = word) =>
    startingWith(
      at + part,
      words.map((one) => ({ word: at + one })),
    )
  if (/^(?:set-)?platform$/.test(flag.name)) {
    const comma = flag.type === 'strings' ? word.lastIndexOf(',') + 1 : 0
    return of(platforms, lead + word.slice(0, comma), word.slice(comma))
  }
  if (flag.name === 'target' || flag.name === 'no-cache-filter')
    return of(await stagesOf(place.before, place.rest[0] ?? '.', place.around.open))
  if (/^(?:tag|new-base|old-base|base)$/.test(flag.name)) return of(await imagesOf(place.around))
  if (flag.values !== undefined) {
    const found = of(flag.values)
    return found.candidates.length > 0 ? found : anyFile
  }
  const quoted = [...flag.help.matchAll(/"([a-z][a-z0-9.-]*)"/g)].map((match) => match[1]!)
  return quoted.length > 0 ? of(quoted) : anyFile
}

async function imagesOf({ open }: Surroundings): Promise<readonly string[]> {
  return (await open()).images.names()
}

/** An argument: what the usage line calls it decides. */
async function argument(word: string, { rest, verb, around }: Place): Promise<Completion> {
  const meant = meantBy(verb.usage, rest.length)
  if (meant === undefined) return nothing
  if (/^[a-z|]+$/.test(meant) && meant.includes('|'))
    return startingWith(
      word,
      meant.split('|').map((one) => ({ word: one })),
    )
  if (/IMAGE|NAME|SOURCE|TARGET|REPOSITORY|OTHER/.test(meant)) {
    const found = startingWith(
      word,
      (await imagesOf(around)).map((name) => ({ word: name })),
    )
    return found.candidates.length > 0 ? found : anyFile
  }
  if (/^PATH$/.test(meant) && verb.usage.includes('URL')) return { candidates: [], files: 'directories' }
  return /PATH|TAR|DIRECTORY|DEST|file/.test(meant) ? anyFile : nothing
}

/** Returns the word of a usage line for an argument, counted from 0; the last may be repeated. */
function meantBy(usage: string, count: number): string | undefined {
  const words = usage
    .replaceAll(' | ', '|')
    .split(' ')
    .filter((one) => !/^\[OPTIONS\]$|^--/.test(one))
    .map((one) => one.replace(/^\[|\]$/g, ''))
  const word = words[count] ?? (words.at(-1)?.endsWith('...') === true ? words.at(-1) : undefined)
  return word?.replace(/^PATH\|.*$/, 'PATH')
}

function startingWith(word: string, candidates: readonly Candidate[]): Completion {
  return { candidates: candidates.filter((one) => one.word.startsWith(word)), files: 'none' }
}
