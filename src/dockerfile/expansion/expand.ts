import { TareError } from '../../support/index.ts'
import type { Heredoc } from '../language/index.ts'
import { quote } from '../language/index.ts'
import { type ExpandOptions, Lexer, type Lookup, Words } from './lexer.ts'

export interface Expansion {
  readonly text: string
  /** `text` split at white space, except where it was quoted. */
  readonly words: readonly string[]
  /** Names of variables that were looked at and have a value. */
  readonly used: readonly string[]
  /** Names without a value, in a form that says nothing about that: `$x`, `${x}`, `${x#p}`, `${x/p/r}`. */
  readonly unset: readonly string[]
  /**
   * Names without a value, in a form that foresees it: `${x:-w}`, `${x-w}`, `${x:+w}`, `${x+w}`. BuildKit's UndefinedVar
   * makes no difference between these and `unset`.
   */
  readonly defaulted: readonly string[]
}

/**
 * Puts the values of variables into a word and takes its quotes and escapes away, as BuildKit's lexer does.
 * Throws DOCKERFILE_EXPANSION, without a place.
 */
export function expand(word: string, variables: Lookup, options: ExpandOptions = {}): Expansion {
  const lexer = new Lexer(word, variables, options)
  try {
    const words = new Words()
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

/** The words of an EXPOSE: values are put in first and split then, `EXPOSE $PORTS`. */
export function expandWords(word: string, variables: Lookup, options: ExpandOptions = {}): readonly string[] {
  return expand(word, variables, options).words
}

/** The body of a heredoc of COPY or ADD. There `\` escapes anything, whatever `# escape=` says, and quotes mean nothing. */
export function expandHeredoc(heredoc: Heredoc, variables: Lookup): Expansion {
  if (!heredoc.expand) return { text: heredoc.body, words: [], used: [], unset: [], defaulted: [] }
  return expand(heredoc.body, variables, { quotes: 'ignore' })
}
