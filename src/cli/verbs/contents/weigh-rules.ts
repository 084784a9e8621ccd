import { existsSync, readFileSync } from 'node:fs'
import type { WeighRules } from '../../../index.ts'
import { Failure, UsageError } from '../../failure.ts'

type Writable<T> = { -readonly [K in keyof T]: T[K] }

interface RuleFlags {
  readonly 'max-size': string | undefined
  readonly 'max-wasted': string | undefined
  readonly 'min-efficiency': string | undefined
}

/** The rules that the flags give. Throws a UsageError for what is no size, or no share. */
export function rulesOfFlags(flags: RuleFlags): WeighRules {
  const rules: Writable<WeighRules> = {}
  const size = (name: 'max-size' | 'max-wasted') => {
    const text = flags[name]
    if (text === undefined) return undefined
    const bytes = readSize(text)
    if (bytes === undefined) throw new UsageError(`invalid argument "${text}" for "--${name}" flag: invalid size`)
    return bytes
  }
  const maxSize = size('max-size')
  const maxWasted = size('max-wasted')
  const least = flags['min-efficiency']
  if (maxSize !== undefined) rules.maxSize = maxSize
  if (maxWasted !== undefined) rules.maxWasted = maxWasted
  if (least !== undefined) {
    if (!isShare(least))
      throw new UsageError(`invalid argument "${least}" for "--min-efficiency" flag: must be a number from 0 to 1`)
    rules.minEfficiency = Number(least)
  }
  return rules
}

/** The rules of the file, or else of `.dive-ci` where there is one. Throws a Failure for a file that cannot be read. */
export function rulesOfDive(path: string | undefined): WeighRules {
  const file = path ?? '.dive-ci'
  if (path === undefined && !existsSync(file)) return {}
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new Failure(`cannot read the rules in ${file}: ${(cause as Error).message}`)
  }
  return readDiveRules(text, file)
}

/** By their names in small letters, without dashes: dive has written them `lowestEfficiency` and `lowest-efficiency`. */
const diveRules = {
  lowestefficiency: 'minEfficiency',
  highestuserwastedpercent: 'maxWastedShare',
  highestwastedbytes: 'maxDiveWasted',
} as const

/**
 * The rules of a `.dive-ci`: three lines below `rules:`, each a number, a size or `disabled`. Throws a Failure for what is neither.
 * (dive, README, "CI Integration")
 */
export function readDiveRules(text: string, file: string): WeighRules {
  const rules: Writable<WeighRules> = {}
  for (const [i, line] of text.split('\n').entries()) {
    const where = `${file}, line ${i + 1}`
    const plain = line.replace(/(?:^|\s)#.*/, '').trim()
    if (plain === '' || plain === '---' || plain === '...' || plain === '{}') continue
    const [, short] = /^rules\s*:\s*\{(.*)\}$/i.exec(plain) ?? []
    for (const one of short === undefined ? [plain] : inBraces(short)) readDiveRule(one.trim(), where, rules)
  }
  return rules
}

function inBraces(text: string): readonly string[] {
  return text.match(/(?:"[^"]*"|'[^']*'|[^,])+/g) ?? []
}

function readDiveRule(line: string, where: string, rules: Writable<WeighRules>): void {
  if (line === '') return
  const [, key, written = ''] = /^["']?([\w-]+)["']?\s*:(?:\s+(.*)|)$/.exec(line) ?? []
  if (key === undefined)
    throw new Failure(`${where}: ${JSON.stringify(line)} is no rule`, {
      remedy: 'A rule has a name, a colon, a space and a value: lowestEfficiency: 0.95',
    })
  const value = written.replace(/^(["'])(.*)\1$/, '$2')
  const name = key.toLowerCase().replaceAll('-', '')
  if (name === 'rules' && (value === '' || value === '{}' || value === 'null' || value === '~')) return
  if (!Object.hasOwn(diveRules, name))
    throw new Failure(`${where}: there is no rule "${key}"`, {
      remedy: 'Rules are lowestEfficiency, highestWastedBytes and highestUserWastedPercent.',
    })
  if (value === 'disabled' || value === '') return
  const rule = diveRules[name as keyof typeof diveRules]
  const invalid = (wanted: string) =>
    new Failure(`${where}: ${key} must be ${wanted}, not ${JSON.stringify(value)}`, {
      remedy: 'To leave it out, write "disabled".',
    })
  if (rule === 'maxDiveWasted') {
    const bytes = readSize(value)
    if (bytes === undefined) throw invalid('a size such as 20MB')
    rules[rule] = bytes
  } else {
    if (!isShare(value)) throw invalid('a number from 0 to 1')
    rules[rule] = Number(value)
  }
}

function isShare(text: string): boolean {
  return /^\+?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text) && Number(text) <= 1
}

const powers = ['', 'k', 'm', 'g', 't', 'p', 'e']

/** `20MB` in powers of 1000, `20MiB` in powers of 1024, in bytes; undefined for what is no size. */
function readSize(text: string): number | undefined {
  const [, digits, unit = '', binary] = /^(\d[\d,]*(?:\.\d*)?|\.\d+)\s*([kmgtpe]?)(i?)b?$/i.exec(text) ?? []
  if (digits === undefined) return undefined
  return Math.round(
    Number(digits.replaceAll(',', '')) * (binary === '' ? 1000 : 1024) ** powers.indexOf(unit.toLowerCase()),
  )
}
