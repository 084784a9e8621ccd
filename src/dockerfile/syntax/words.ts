import { wellFormed } from '../../support/index.ts'
import type { KeyValue } from '../language/index.ts'
import { cut, isSpace, quote, refusal, trimStart } from '../language/index.ts'

const whitespace = /[\t\v\f\r ]+/

/** Splits at white space. Quotes have no meaning here: `COPY "a b" /c` has three words. */
export function splitWords(text: string): string[] {
  return text === '' ? [] : text.split(whitespace)
}

/** Returns the first word, and the rest after the white space. */
export function splitFirstWord(text: string): [first: string, rest: string | undefined] {
  const match = whitespace.exec(text)
  return match === null ? [text, undefined] : [text.slice(0, match.index), text.slice(match.index + match[0].length)]
}

/** Splits the words of ENV, LABEL and ARG: quotes and the escape character keep a word together and are kept. */
export function splitQuotedWords(text: string, escapeCharacter: string): string[] {
  const characters = [...text]
  const words: string[] = []
  let word: string | undefined
  let open: string | undefined
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i]!
    if (open === undefined && isSpace(character)) {
      if (word !== undefined && word !== '') words.push(word)
      word = undefined
      continue
    }
    word ??= ''
    if (character === escapeCharacter && open !== "'") {
      // An escape character at the very end is dropped.
      if (i + 1 < characters.length) word += character + characters[++i]!
      continue
    }
    if (open === undefined && (character === '"' || character === "'")) open = character
    else if (character === open) open = undefined
    word += character
  }
  if (word !== undefined && word !== '') words.push(word)
  return words
}

/**
 * Parses a JSON array of strings; returns undefined if the text is not a JSON array and so in shell form. Throws if the array
 * contains anything but strings.
 */
export function readJsonArray(text: string): string[] | undefined {
  const json = trimStart(text)
  if (!json.startsWith('[')) return undefined
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    return undefined
  }
  if (Array.isArray(value) && value.every((item): item is string => typeof item === 'string')) {
    // Replaces lone surrogates.
    return value.map(wellFormed)
  }
  throw refusal(
    'DOCKERFILE_SYNTAX',
    'when using JSON array syntax, arrays must be comprised of strings only',
    'Put double quotes around every element.',
  )
}

/**
 * Reads the pairs of ENV and LABEL: `a=1 b=2`, or the legacy form `a the rest of the line`. Returns none if there are no words.
 */
export function readPairs(
  instruction: string,
  text: string,
  escapeCharacter: string,
): { pairs: readonly KeyValue[]; legacy: boolean } {
  const words = splitQuotedWords(text, escapeCharacter)
  if (words.length === 0) return { pairs: [], legacy: false }
  if (!words[0]!.includes('=')) {
    const [key, value] = splitFirstWord(text)
    if (value === undefined) {
      const message = `${instruction} must have two arguments`
      throw refusal('DOCKERFILE_SYNTAX', message, `Write ${instruction} ${key}=value`)
    }
    return { pairs: [{ key, value }], legacy: true }
  }
  return { pairs: words.map(readPair), legacy: false }
}

function readPair(word: string): KeyValue {
  const [key, value, found] = cut(word, '=')
  if (found) return { key, value }
  throw refusal(
    'DOCKERFILE_SYNTAX',
    `Syntax error - can't find = in ${quote(word)}. Must be of the form: name=value`,
    'A value with blanks in it needs quotes.',
  )
}
