import { createRequire } from 'node:module'
import { TareError } from '../../../support/index.ts'

export type TomlTable = Readonly<Record<string, unknown>>

// Most machines have no such file, or one with nothing but comments.
const says = /^[^\S\n]*[^\s#]/m

/** Parses TOML. Throws `REGISTRIES_INVALID` with the line. */
export function parseToml(text: string, path: string): TomlTable {
  if (!says.test(text)) return {}
  const { parse, TomlError } = createRequire(import.meta.url)('smol-toml') as typeof import('smol-toml')
  try {
    return parse(text.replace(/^\uFEFF/, ''))
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    const [first = ''] = error.message.split('\n')
    throw misconfigured(path, error.line, first.replace(/^Invalid TOML document: /, ''))
  }
}

/** Returns the lines of the headers `[[name]]`, in order; empty if they are written in another way. */
export function headerLines(text: string, name: string, count: number): readonly number[] {
  const header = new RegExp(`^\\s*\\[\\[\\s*${name}\\s*\\]\\]`)
  const lines = text.split('\n').flatMap((line, i) => (header.test(line) ? [i + 1] : []))
  return lines.length === count ? lines : []
}

/** Returns the error for a mistake in a configuration file. */
export function misconfigured(path: string, line: number | undefined, what: string): TareError {
  return new TareError('REGISTRIES_INVALID', `${path}${line === undefined ? '' : `:${line}`}: ${what}`, {
    remedy: 'Fix the file, or name another in CONTAINERS_REGISTRIES_CONF.',
  })
}

export function isTable(value: unknown): value is TomlTable {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
}
