import { TareError } from '../../support/index.ts'
import type { Heredoc } from '../language/index.ts'
import { quote } from '../language/index.ts'
import { type ExpandOptions, Lexer, type Lookup, WordSplitter } from './lexer.ts'

export interface Expansion {
  readonly text: string
  /** `text` split at unquoted white space. */
  readonly words: readonly string[]
  /** Variables that were used and have a value. */
  readonly used: readonly string[]
  /** Variables without a value, used in a form without a fallback: `$x`, `${x}`, `${x#p}`, `${x/p/r}`. */
  readonly unset: readonly string[]
  /**
   * Variables without a value, used in a form with a fallback: `${x:-w}`, `${x-w}`, `${x:+w}`, `${x+w}`. BuildKit's UndefinedVar
   * treats these like `unset`.
   */
  readonly defaulted: readonly string[]
}

/**
 * Expands variables in a word and removes its quotes and escapes, as BuildKit's lexer does. Throws DOCKERFILE_EXPANSION without a
 * location.
 */
export function expand(word: string, variables: Lookup, options: ExpandOptions = {}): Expansion {
  const lexer = new Lexer(word, variables, options)
  try {
    const words = new WordSplitter()
    const text = lexer.readUntil(undefined, options.keepEscapes === true, words)
    return {
      text,
      get words() {
        return words.split()
      },
      used: [...lexer.used],
      unset: [...lexer.unset],
      defaulted: [...lexer.defaulted],
    }
  } catch (error) {
    if (!(error instanceof TareError)) throw error
    const message = `failed to process ${quote(word.length > 1000 ? `${word.slice(0, 1000)}…` : word)}: ${error.message}`
    throw new TareError(error.code, message, { remedy: error.remedy, cause: error })
  }
}

/** Expands the words of an EXPOSE: variables are expanded before the text is split, as in `EXPOSE $PORTS`. */
export function expandWords(word: string, variables: Lookup, options: ExpandOptions = {}): readonly string[] {
  return expand(word, variables, options).words
}

/**
 * Expands the body of a heredoc of COPY or ADD. There `\` escapes any character, whatever `# escape=` says, and quotes are
 * literal.
 */
export function expandHeredoc(heredoc: Heredoc, variables: Lookup): Expansion {
  if (!heredoc.expand) return { text: heredoc.body, words: [], used: [], unset: [], defaulted: [] }
  return expand(heredoc.body, variables, { quotes: 'ignore' })
}
