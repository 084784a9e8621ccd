import { TareError } from '../../support/index.ts'

export type TomlValue = string | number | boolean | TomlTable | readonly TomlValue[]

export interface TomlEntry {
  /** Where it stands; counts from 1. */
  readonly line: number
  readonly value: TomlValue
}

export interface TomlTable {
  readonly line: number
  readonly entries: ReadonlyMap<string, TomlEntry>
}

interface Table extends TomlTable {
  readonly entries: Map<string, TomlEntry>
  /** Had a `[header]`, or stands in braces: a second header is an error. */
  closed: boolean
}

/**
 * Reads TOML as far as configurations of containers use it: tables, arrays of them, strings of one line, whole numbers,
 * booleans and arrays. Dates, fractions and strings of several lines are refused. Throws `REGISTRIES_INVALID` with the line.
 */
export function parseToml(text: string, path: string): TomlTable {
  return new Reader(text, path).read()
}

/** The error for something in a configuration file. */
export function misconfigured(path: string, line: number, what: string): TareError {
  return new TareError('REGISTRIES_INVALID', `${path}:${line}: ${what}`, {
    remedy: 'Mend the file, or name another in CONTAINERS_REGISTRIES_CONF.',
  })
}

const escapes: Readonly<Record<string, string>> = {
  ...{ b: '\b', t: '\t', n: '\n', f: '\f', r: '\r', '"': '"', '\\': '\\' },
}
const bareKey = /[\w-]+/y
const scalar = /[^\s,#\]}]+/y

class Reader {
  private readonly text: string
  private readonly path: string
  private at = 0
  private line = 1

  constructor(text: string, path: string) {
    this.text = text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n')
    this.path = path
  }

  read(): TomlTable {
    const root = table(1)
    let current = root
    for (this.skipLines(); this.at < this.text.length; this.skipLines()) {
      if (this.peek() === '[') current = this.header(root)
      else this.pair(current)
      this.endLine()
    }
    return root
  }

  /** `[a.b]` or `[[a.b]]`: the table that follows. */
  private header(root: Table): Table {
    const { line } = this
    const many = this.text.startsWith('[[', this.at)
    this.at += many ? 2 : 1
    const keys = this.keys()
    this.take(many ? ']]' : ']')
    const parent = this.descend(root, keys.slice(0, -1))
    const name = keys.at(-1)!
    const known = parent.entries.get(name)?.value
    if (many) {
      const fresh = { ...table(line), closed: true }
      if (known !== undefined && !(Array.isArray(known) && known.every(isTable)))
        throw this.error(`"${name}" is something else already`)
      parent.entries.set(name, { line, value: [...((known as Table[] | undefined) ?? []), fresh] })
      return fresh
    }
    if (known === undefined) {
      const fresh = { ...table(line), closed: true }
      parent.entries.set(name, { line, value: fresh })
      return fresh
    }
    if (!isTable(known) || known.closed) throw this.error(`"${name}" is there twice`)
    known.closed = true
    return known
  }

  /** `a.b = value`. */
  private pair(into: Table): void {
    const { line } = this
    const keys = this.keys()
    this.take('=')
    this.skipBlanks()
    const parent = this.descend(into, keys.slice(0, -1))
    const name = keys.at(-1)!
    if (parent.entries.has(name)) throw this.error(`"${name}" is there twice`)
    parent.entries.set(name, { line, value: this.value() })
  }

  private descend(from: Table, keys: readonly string[]): Table {
    let current = from
    for (const key of keys) {
      const known = current.entries.get(key)?.value
      const next = known === undefined ? table(this.line) : Array.isArray(known) ? known.at(-1) : known
      if (!isTable(next)) throw this.error(`"${key}" is not a table`)
      if (known === undefined) current.entries.set(key, { line: this.line, value: next })
      current = next
    }
    return current
  }

  private keys(): string[] {
    const keys: string[] = []
    for (;;) {
      this.skipBlanks()
      const quote = this.peek()
      const key = quote === '"' || quote === "'" ? this.string(quote) : this.match(bareKey)
      if (key === undefined) throw this.error('a name is expected here')
      keys.push(key)
      this.skipBlanks()
      if (this.peek() !== '.') return keys
      this.at += 1
    }
  }

  private value(): TomlValue {
    const first = this.peek()
    if (first === '"' || first === "'") return this.string(first)
    if (first === '[') return this.array()
    if (first === '{') return this.braces()
    const word = this.match(scalar)
    if (word === 'true' || word === 'false') return word === 'true'
    if (word !== undefined && /^[+-]?(?:0|[1-9](?:_?\d)*)$/.test(word)) return Number(word.replaceAll('_', ''))
    throw this.error(
      word === undefined ? 'a value is missing' : `${word} is no value that is known here: a string stands in quotes`,
    )
  }

  private string(quote: string): string {
    if (this.text.startsWith(quote.repeat(3), this.at)) throw this.error('strings of several lines are not read')
    let result = ''
    for (this.at += 1; ; this.at += 1) {
      const char = this.peek()
      if (char === '' || char === '\n') throw this.error(`a string has no closing ${quote}`)
      if (char === quote) break
      if (char === '\\' && quote === '"') result += this.escape()
      else result += char
    }
    this.at += 1
    return result
  }

  private escape(): string {
    this.at += 1
    const letter = this.peek()
    const length = { u: 4, U: 8 }[letter]
    if (length === undefined) {
      if (escapes[letter] === undefined) throw this.error(`\\${letter} means nothing in a string`)
      return escapes[letter]
    }
    const hex = this.text.slice(this.at + 1, this.at + 1 + length)
    const code = /^[0-9a-fA-F]+$/.test(hex) && hex.length === length ? Number.parseInt(hex, 16) : Number.NaN
    if (!(code <= 0x10ffff)) throw this.error(`\\${letter} needs ${length} hexadecimal digits`)
    this.at += length
    return String.fromCodePoint(code)
  }

  private array(): readonly TomlValue[] {
    const values: TomlValue[] = []
    this.at += 1
    for (;;) {
      this.skipLines()
      if (this.peek() === ']') break
      values.push(this.value())
      this.skipLines()
      if (this.peek() === ',') this.at += 1
      else if (this.peek() !== ']') throw this.error('a comma or ] is expected here')
    }
    this.at += 1
    return values
  }

  private braces(): Table {
    const result = { ...table(this.line), closed: true }
    this.at += 1
    this.skipBlanks()
    if (this.peek() !== '}')
      for (;;) {
        this.pair(result)
        this.skipBlanks()
        if (this.peek() !== ',') break
        this.at += 1
      }
    this.take('}')
    return result
  }

  private peek(): string {
    return this.text.charAt(this.at)
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.text)?.[0]
    this.at += found?.length ?? 0
    return found
  }

  private take(text: string): void {
    this.skipBlanks()
    if (!this.text.startsWith(text, this.at)) throw this.error(`${text} is expected here`)
    this.at += text.length
  }

  private skipBlanks(): void {
    while (this.peek() === ' ' || this.peek() === '\t') this.at += 1
  }

  /** Blanks, comments and ends of lines. */
  private skipLines(): void {
    for (;;) {
      this.skipBlanks()
      if (this.peek() === '#') while (this.at < this.text.length && this.peek() !== '\n') this.at += 1
      if (this.peek() !== '\n') return
      this.at += 1
      this.line += 1
    }
  }

  private endLine(): void {
    this.skipBlanks()
    const next = this.peek()
    if (next !== '' && next !== '\n' && next !== '#') throw this.error('something follows where the line should end')
  }

  private error(what: string): TareError {
    return misconfigured(this.path, this.line, what)
  }
}

function table(line: number): Table {
  return { line, entries: new Map(), closed: false }
}

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && 'entries' in value
}
