import type { ExpandOptions } from '../expansion/index.ts'
import { expand } from '../expansion/index.ts'
import type { Heredoc } from '../language/index.ts'

/** `<<-"EOF"` without its body. */
export type HeredocMark = Omit<Heredoc, 'body' | 'raw'>

const mark = /^(\d*)<<(-?)\s*([^<]*)$/
const nothing = new Map<string, string>()
const asWritten: ExpandOptions = { keepUnset: true }

/** What the word says if it is a heredoc's. Throws if its quotes do not match. */
export function readHeredocMark(word: string): HeredocMark | undefined {
  const match = mark.exec(word)
  const rest = match?.[3] ?? ''
  if (match === null || rest === '') return undefined
  const { words } = expand(rest, nothing, asWritten)
  if (words.length !== 1) return undefined
  const name = words[0]!
  const withQuotes = expand(rest, nothing, { ...asWritten, quotes: 'keep' }).words.join(' ')
  return {
    name,
    // Quotes around any part of the name say that the body is to stay as it is.
    expand: countQuotes(name) === countQuotes(withQuotes),
    stripTabs: match[2] === '-',
    descriptor: Number(match[1]),
  }
}

/** The same, but a word that cannot be read is no heredoc. */
export function isHeredocMark(word: string): boolean {
  try {
    return readHeredocMark(word) !== undefined
  } catch {
    return false
  }
}

/** The heredocs that a line announces, in their order. Always read with `\` as the escape character. */
export function heredocsOf(line: string): readonly HeredocMark[] {
  if (!line.includes('<<')) return []
  return wordsOf(line).flatMap((word) => readHeredocMark(word) ?? [])
}

function wordsOf(line: string): readonly string[] {
  try {
    return expand(line, nothing, { ...asWritten, quotes: 'keep', keepEscapes: true }).words
  } catch {
    // An odd quote in a shell command is the shell's business.
    return []
  }
}

function countQuotes(word: string): number {
  return word.split(/['"]/).length
}

/** A body without the tabs that `<<-` takes off. */
export function stripTabs(body: string): string {
  return body.replace(/(^|\n)\t+/g, '$1')
}
