import type { ExpandOptions } from '../expansion/index.ts'
import { expand } from '../expansion/index.ts'
import type { Heredoc } from '../language/index.ts'

/** `<<-"EOF"` without its body. */
export type HeredocMark = Omit<Heredoc, 'body' | 'raw'>

const mark = /^(\d*)<<(-?)\s*([^<]*)$/
const nothing = new Map<string, string>()
const asWritten: ExpandOptions = { keepUnset: true }

/** Parses a word as a heredoc marker; returns undefined if it is none. Throws if its quotes do not match. */
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
    // Quotes around any part of the name turn off expansion in the body.
    expand: countQuotes(name) === countQuotes(withQuotes),
    stripTabs: match[2] === '-',
    descriptor: Number(match[1]),
  }
}

/** Whether a word is a heredoc marker; a malformed one is not. */
export function isHeredocMark(word: string): boolean {
  try {
    return readHeredocMark(word) !== undefined
  } catch {
    return false
  }
}

/** Lists the heredocs a line announces, in order. The escape character is always `\` here. */
export function heredocsOf(line: string): readonly HeredocMark[] {
  if (!line.includes('<<')) return []
  return wordsOf(line).flatMap((word) => readHeredocMark(word) ?? [])
}

function wordsOf(line: string): readonly string[] {
  try {
    return expand(line, nothing, { ...asWritten, quotes: 'keep', keepEscapes: true }).words
  } catch {
    // Unbalanced quotes in a shell command are left to the shell.
    return []
  }
}

function countQuotes(word: string): number {
  return word.split(/['"]/).length
}

/** Removes the leading tabs that `<<-` strips from a body. */
export function stripTabs(body: string): string {
  return body.replace(/(^|\n)\t+/g, '$1')
}
