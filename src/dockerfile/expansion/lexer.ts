import { TareError, wellFormed } from '../../support/index.ts'
import { isSpace, longestText, refusal, tooLong } from '../language/index.ts'
import { compileGlob, removePrefix, removeSuffix, replaceAll, replaceFirst } from './glob.ts'

/** Looks up the value of a variable; a Map will do. */
export interface Lookup {
  get(name: string): string | undefined
}

export interface ExpandOptions {
  /** The Dockerfile's escape character. Default: `\`. */
  readonly escape?: '\\' | '`'
  /**
   * `remove` (default): quotes group and are removed. `keep`: they group and are kept. `ignore`: they are ordinary characters, as
   * in the body of a heredoc.
   */
  readonly quotes?: 'remove' | 'keep' | 'ignore'
  /** Keeps escape characters in front of what they escape. */
  readonly keepEscapes?: boolean
  /** Leaves `$NAME` as written if NAME has no value. */
  readonly keepUnset?: boolean
}

/** Maximum nesting of `${a:-${b:-…}}`: far more than anyone needs, and far less than the stack allows. */
const deepest = 200

/** Splits text at white space; most callers do not need it. */
export class WordSplitter {
  readonly #pieces: { readonly text: string; readonly whole: boolean }[] = []

  /** `whole`: the text was quoted or escaped, so it is not split. */
  add(text: string, whole: boolean): void {
    this.#pieces.push({ text, whole })
  }

  split(): readonly string[] {
    const words: string[] = []
    let word = ''
    const end = () => {
      if (word !== '') words.push(word)
      word = ''
    }
    for (const { text, whole } of this.#pieces) {
      if (whole) word += text
      else
        for (const character of text) {
          if (isSpace(character)) end()
          else word += character
        }
    }
    end()
    return words
  }
}

/**
 * Reads one word with BuildKit's idea of a shell's quotes, escapes and variables (frontend/dockerfile/shell). Records the names
 * it looked up in `used`, `unset` and `defaulted`.
 */
export class Lexer {
  readonly used = new Set<string>()
  readonly unset = new Set<string>()
  readonly defaulted = new Set<string>()
  readonly #characters: readonly string[]
  readonly #variables: Lookup
  readonly #escape: string
  readonly #quotes: 'remove' | 'keep' | 'ignore'
  readonly #keepUnset: boolean
  #at = 0
  #depth = 0

  constructor(word: string, variables: Lookup, options: ExpandOptions) {
    // Invalid bytes are replaced.
    this.#characters = [...wellFormed(word)]
    this.#variables = variables
    this.#escape = options.escape ?? '\\'
    this.#quotes = options.quotes ?? 'remove'
    this.#keepUnset = options.keepUnset === true
  }

  /** Reads to the end, or past `stop`. Only the outermost call collects words. */
  readUntil(stop: string | undefined, keepEscapes: boolean, words?: WordSplitter): string {
    let result = ''
    for (let character = this.#peek(); character !== undefined; character = this.#peek()) {
      if (character === stop) {
        this.#at++
        return result
      }
      const [text, whole] = this.#readPiece(character, keepEscapes)
      result += text
      if (result.length > longestText) throw tooLong()
      words?.add(text, whole)
    }
    if (stop === undefined) return result
    throw refusal('DOCKERFILE_EXPANSION', `unexpected end of statement while looking for matching ${stop}`)
  }

  #peek(): string | undefined {
    return this.#characters[this.#at]
  }

  #readPiece(character: string, keepEscapes: boolean): [text: string, whole: boolean] {
    if (character === '$') return [this.#readVariable(), false]
    if (character === "'" && this.#quotes !== 'ignore') return [this.#readSingleQuoted(), true]
    if (character === '"' && this.#quotes !== 'ignore') return [this.#readDoubleQuoted(keepEscapes), true]
    if (character === '<') return [this.#readAngle(), true]
    this.#at++
    if (character !== this.#escape) return [character, false]
    const escaped = this.#peek()
    if (escaped !== undefined) this.#at++
    return [(keepEscapes ? character : '') + (escaped ?? ''), true]
  }

  /** `<< NAME` is a single word: a heredoc may be written with blanks. */
  #readAngle(): string {
    const from = this.#at++
    if (this.#peek() !== '<') return '<'
    this.#at++
    for (let character = this.#peek(); character === ' ' || character === '\t' || character === '\r'; ) {
      this.#at++
      character = this.#peek()
    }
    return this.#characters.slice(from, this.#at).join('')
  }

  #readSingleQuoted(): string {
    const end = this.#characters.indexOf("'", this.#at + 1)
    if (end < 0) throw this.#unbalanced('single')
    const kept = this.#quotes === 'keep' ? 0 : 1
    const text = this.#characters.slice(this.#at + kept, end + 1 - kept).join('')
    this.#at = end + 1
    return text
  }

  /** Between double quotes, variables are expanded, and the escape character works only before `"`, `$` and itself. */
  #readDoubleQuoted(keepEscapes: boolean): string {
    const mark = this.#quotes === 'keep' ? '"' : ''
    let result = mark
    this.#at++
    for (;;) {
      const character = this.#peek()
      if (character === undefined) throw this.#unbalanced('double')
      if (character === '$') {
        result += this.#readVariable()
        if (result.length > longestText) throw tooLong()
        continue
      }
      this.#at++
      if (character === '"') return result + mark
      if (character !== this.#escape) {
        result += character
        continue
      }
      const next = this.#peek()
      if (next === undefined) continue
      if (next !== '"' && next !== '$' && next !== this.#escape) result += character
      else {
        result += keepEscapes ? character + next : next
        this.#at++
      }
    }
  }

  #unbalanced(kind: 'single' | 'double'): TareError {
    this.#at = this.#characters.length
    const message = `unexpected end of statement while looking for matching ${kind}-quote`
    return refusal('DOCKERFILE_EXPANSION', message, 'Close the quote, or escape it.')
  }

  #readVariable(): string {
    this.#at++
    if (this.#peek() === '{') return this.#readBraced()
    const name = this.#readName()
    if (name === '') return '$'
    const value = this.#look(name, this.unset)
    return value ?? (this.#keepUnset ? `$${name}` : '')
  }

  /**
   * Reads a variable's name: letters, digits and `_`; digits only; or one of the shell's special parameters (which never have a
   * value).
   */
  #readName(): string {
    const first = this.#peek()
    if (first === undefined) return ''
    const from = this.#at
    if (/^[@*#?$!-]$/.test(first)) this.#at++
    else {
      const more = /^\p{Nd}$/u.test(first) ? /^\p{Nd}$/u : /^[\p{L}\p{Nd}_]$/u
      while (more.test(this.#peek() ?? '')) this.#at++
    }
    return this.#characters.slice(from, this.#at).join('')
  }

  #look(name: string, missing: Set<string>): string | undefined {
    const value = this.#variables.get(name)
    ;(value === undefined ? missing : this.used).add(name)
    return value
  }

  #readBraced(): string {
    this.#at++
    const first = this.#peek()
    if (first === undefined) throw missingBrace()
    if (first === '{' || first === '}' || first === ':') throw badSubstitution()
    if (++this.#depth > deepest) throw refusal('DOCKERFILE_EXPANSION', 'substitutions are nested too deep')
    const name = this.#readName()
    const from = this.#at
    const result = this.#readModified(name)
    this.#depth--
    return result ?? `\${${name}${this.#characters.slice(from, this.#at).join('')}`
  }

  /** Reads what follows the name, up to the closing brace; returns undefined if the text is to stay as written. */
  #readModified(name: string): string | undefined {
    const modifier = this.#peek()
    if (modifier === undefined) throw missingBrace()
    this.#at++
    switch (modifier) {
      case '}':
        return this.#look(name, this.unset) ?? (this.#keepUnset ? undefined : '')
      case ':': {
        const second = this.#peek()
        if (second === undefined) throw missingBrace()
        this.#at++
        if (!'-+?'.includes(second)) throw unsupported(`:${second}`)
        return this.#choose(name, second, true)
      }
      case '-':
      case '+':
      case '?':
        return this.#choose(name, modifier, false)
      case '#':
      case '%':
        return this.#shorten(name, modifier)
      case '/':
        return this.#replace(name)
      default:
        throw unsupported(modifier)
    }
  }

  #choose(name: string, modifier: string, emptyIsUnset: boolean): string | undefined {
    const word = this.#readPart('}', false, missingBrace)
    const value = this.#look(name, this.defaulted)
    if (value === undefined && this.#keepUnset) return undefined
    const lacks = value === undefined || (emptyIsUnset && value === '')
    if (modifier === '+') return lacks ? '' : word
    if (!lacks) return value
    if (modifier === '-') return word
    const state = value === undefined ? 'unset' : 'empty'
    throw refusal('DOCKERFILE_EXPANSION', `${name}: ${word === '' ? `is not allowed to be ${state}` : word}`)
  }

  #shorten(name: string, modifier: '#' | '%'): string | undefined {
    const word = this.#readPart('}', true, missingBrace)
    const value = this.#look(name, this.unset)
    if (value === undefined && this.#keepUnset) return undefined
    const longest = word.startsWith(modifier)
    const glob = compileGlob(longest ? word.slice(1) : word)
    return (modifier === '#' ? removePrefix : removeSuffix)(glob, value ?? '', longest)
  }

  #replace(name: string): string | undefined {
    const all = this.#peek() === '/'
    if (all) this.#at++
    const pattern = this.#readPart('/', true, () => refusal('DOCKERFILE_EXPANSION', "syntax error: missing '/' in ${}"))
    const replacement = this.#readPart('}', true, missingBrace)
    const value = this.#look(name, this.unset)
    if (value === undefined && this.#keepUnset) return undefined
    return (all ? replaceAll : replaceFirst)(compileGlob(pattern), value ?? '', replacement)
  }

  #readPart(stop: string, keepEscapes: boolean, missing: () => TareError): string {
    try {
      return this.readUntil(stop, keepEscapes)
    } catch (error) {
      throw this.#peek() === undefined && error instanceof TareError ? missing() : error
    }
  }
}

function missingBrace(): TareError {
  return refusal('DOCKERFILE_EXPANSION', "syntax error: missing '}'")
}

function badSubstitution(): TareError {
  return refusal('DOCKERFILE_EXPANSION', 'syntax error: bad substitution')
}

function unsupported(modifier: string): TareError {
  return refusal(
    'DOCKERFILE_EXPANSION',
    `unsupported modifier (${modifier}) in substitution`,
    'Use ${name}, optionally with :- - :+ + :? ? # ## % %% / // after the name.',
  )
}
