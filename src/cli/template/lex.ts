import { lineOf, TemplateError } from './template-error.ts'

export interface TemplateToken {
  readonly kind:
    | 'text'
    | 'open'
    | 'close'
    | 'space'
    | 'field'
    | 'dot'
    | 'variable'
    | 'word'
    | 'number'
    | 'character'
    | 'string'
    | 'mark'
  /** As written in the template. */
  readonly source: string
  /** Index into the template. */
  readonly at: number
}

type Pattern = readonly [TemplateToken['kind'], RegExp]

/** What an action consists of, with the patterns of names. */
const withNames = (field: RegExp, variable: RegExp, word: RegExp): readonly Pattern[] => [
  ['space', /[ \t\r\n]+/y],
  ['string', /"(?:\\[^\n]|[^"\\\n])*"|`[^`]*`/y],
  ['character', /'(?:\\[^\n]|[^'\\\n])*'/y],
  ['number', /[+-]?(?:0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?)/y],
  ['field', field],
  ['dot', /\./y],
  ['variable', variable],
  ['word', word],
  ['mark', /:=|[=|(),]/y],
]

const inside = withNames(/\.[\p{L}_][\p{L}\p{Nd}_]*/uy, /\$[\p{L}\p{Nd}_]*/uy, /[\p{L}_][\p{L}\p{Nd}_]*/uy)
// Unicode's classes take a millisecond to compile, which an ASCII template can do without.
const insideAscii = withNames(/\.[A-Za-z_]\w*/y, /\$\w*/y, /[A-Za-z_]\w*/y)
const isAscii = (text: string) => /^[\x00-\x7f]*$/.test(text)

/** Splits a template into text and the tokens of its actions, without comments and trimmed blanks. */
export function lexTemplate(text: string): readonly TemplateToken[] {
  const tokens: TemplateToken[] = []
  const patterns = isAscii(text) ? insideAscii : inside
  let at = 0
  let trimNext = false
  const takeText = (end: number, trimEnd: boolean): void => {
    let source = text.slice(at, end)
    let start = at
    if (trimNext) {
      const trimmed = source.replace(/^[ \t\r\n]+/, '')
      start += source.length - trimmed.length
      source = trimmed
    }
    if (trimEnd) source = source.replace(/[ \t\r\n]+$/, '')
    if (source !== '') tokens.push({ kind: 'text', source, at: start })
  }
  for (;;) {
    const open = text.indexOf('{{', at)
    if (open < 0) {
      takeText(text.length, false)
      return tokens
    }
    const trims = /^-[ \t\r\n]/.test(text.slice(open + 2, open + 4))
    takeText(open, trims)
    at = open + (trims ? 3 : 2)
    const comment = /[ \t\r\n]?\/\*/y
    comment.lastIndex = at
    if (comment.test(text) && (trims || text[at] === '/')) {
      const end = /\*\/(?:[ \t\r\n]-)?\}\}/g
      end.lastIndex = at
      const found = end.exec(text)
      if (found === null)
        throw fail(text, at, text.includes('*/') ? 'comment ends before closing delimiter' : 'unclosed comment')
      trimNext = found[0].includes('-')
      at = end.lastIndex
      continue
    }
    tokens.push({ kind: 'open', source: '{{', at: open })
    at = lexAction(text, at, tokens, patterns)
    trimNext = tokens.at(-1)!.source.includes('-')
  }
}

function lexAction(text: string, start: number, tokens: TemplateToken[], patterns: readonly Pattern[]): number {
  let at = start
  let depth = 0
  for (;;) {
    const close = /[ \t\r\n]-\}\}|\}\}/y
    close.lastIndex = at
    const closed = close.exec(text)
    if (closed !== null) {
      if (depth > 0) throw fail(text, at, 'unclosed left paren')
      tokens.push({ kind: 'close', source: closed[0], at })
      return close.lastIndex
    }
    if (at >= text.length) throw fail(text, start, 'unclosed action')
    const token = lexToken(text, at, patterns)
    if (token.source === '(') depth += 1
    if (token.source === ')' && --depth < 0) throw fail(text, at, 'unexpected right paren')
    tokens.push(token)
    at += token.source.length
  }
}

function lexToken(text: string, at: number, patterns: readonly Pattern[]): TemplateToken {
  for (const [kind, pattern] of patterns) {
    pattern.lastIndex = at
    const source = pattern.exec(text)?.[0]
    if (source === undefined) continue
    const next = text[at + source.length] ?? ' '
    if (kind === 'number' && (isAscii(next) ? /\w/ : /[\p{L}\p{Nd}_]/u).test(next))
      throw fail(text, at, `bad number syntax: ${JSON.stringify(text.slice(at, at + source.length + 1))}`)
    return { kind, source, at }
  }
  const next = text[at]!
  if (next === '"') throw fail(text, at, 'unterminated quoted string')
  if (next === '`') throw fail(text, at, 'unterminated raw quoted string')
  if (next === "'") throw fail(text, at, 'unterminated character constant')
  const point = next.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')
  if (next === '}') throw fail(text, at, `bad character U+${point} '${next}'`)
  throw fail(text, at, `unexpected ${JSON.stringify(next)} in command`)
}

function fail(text: string, at: number, what: string): TemplateError {
  return new TemplateError(`template: :${lineOf(text, at)}: ${what}`)
}
