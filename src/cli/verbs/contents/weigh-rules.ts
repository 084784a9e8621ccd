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

/**
 * The rules of a `.dive-ci`: three lines below `rules:`, each a number, a size or `disabled`. Throws a Failure for what is neither.
 * (dive, README, "CI Integration")
 */
export function readDiveRules(text: string, file: string): WeighRules {
  const rules: Writable<WeighRules> = {}
  for (const [i, line] of text.split('\n').entries()) {
    const [, key, written = ''] = /^\s*([A-Za-z]+)\s*:\s*(.*?)\s*(?:\s#.*)?$/.exec(line) ?? []
    if (key === undefined) continue
    const value = written.replace(/^(["'])(.*)\1$/, '$2')
    if (value === 'disabled' || value === '') continue
    const invalid = (wanted: string) =>
      new Failure(`${file}, line ${i + 1}: ${key} must be ${wanted}, not ${JSON.stringify(value)}`)
    if (key === 'lowestEfficiency' || key === 'highestUserWastedPercent') {
      if (!isShare(value)) throw invalid('a number from 0 to 1')
      rules[key === 'lowestEfficiency' ? 'minEfficiency' : 'maxWastedShare'] = Number(value)
    } else if (key === 'highestWastedBytes') {
      const bytes = readSize(value)
      if (bytes === undefined) throw invalid('a size such as 20MB')
      rules.maxDiveWasted = bytes
    } else {
      throw new Failure(`${file}, line ${i + 1}: there is no rule "${key}"`, {
        remedy: 'Rules are lowestEfficiency, highestWastedBytes and highestUserWastedPercent.',
      })
    }
  }
  return rules
}

function isShare(text: string): boolean {
  return /^(?:0|1|[01]?\.\d+)$/.test(text) && Number(text) <= 1
}

const powers = ['', 'k', 'm', 'g', 't', 'p']

/** `20MB` in powers of 1000, `20MiB` in powers of 1024, in bytes; undefined for what is no size. */
function readSize(text: string): number | undefined {
  const [, digits, unit = '', binary] = /^(\d+(?:\.\d+)?)\s*([kmgtp]?)(i?)b?$/i.exec(text) ?? []
  if (digits === undefined) return undefined
  return Math.round(Number(digits) * (binary === '' ? 1000 : 1024) ** powers.indexOf(unit.toLowerCase()))
}
