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

const inside: readonly (readonly [TemplateToken['kind'], RegExp])[] = [
  ['space', /[ \t\r\n]+/y],
  ['string', /"(?:\\[^\n]|[^"\\\n])*"|`[^`]*`/y],
  ['character', /'(?:\\[^\n]|[^'\\\n])*'/y],
  ['number', /[+-]?(?:0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?)/y],
  ['field', /\.[\p{L}_][\p{L}\p{Nd}_]*/uy],
  ['dot', /\./y],
  ['variable', /\$[\p{L}\p{Nd}_]*/uy],
  ['word', /[\p{L}_][\p{L}\p{Nd}_]*/uy],
  ['mark', /:=|[=|(),]/y],
]

/** Splits a template into text and the tokens of its actions, without comments and trimmed blanks. */
export function lexTemplate(text: string): readonly TemplateToken[] {
  const tokens: TemplateToken[] = []
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
    at = lexAction(text, at, tokens)
    trimNext = tokens.at(-1)!.source.includes('-')
  }
}

function lexAction(text: string, start: number, tokens: TemplateToken[]): number {
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
    const token = lexToken(text, at)
    if (token.source === '(') depth += 1
    if (token.source === ')' && --depth < 0) throw fail(text, at, 'unexpected right paren')
    tokens.push(token)
    at += token.source.length
  }
}

function lexToken(text: string, at: number): TemplateToken {
  for (const [kind, pattern] of inside) {
    pattern.lastIndex = at
    const source = pattern.exec(text)?.[0]
    if (source === undefined) continue
    if (kind === 'number' && /[\p{L}\p{Nd}_]/u.test(text[at + source.length] ?? ' '))
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
