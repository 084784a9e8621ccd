/** White space according to Go's unicode.IsSpace: includes U+0085 but not U+FEFF. */
const space = '\\t\\n\\v\\f\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000'
const isSpacePattern = new RegExp(`^[${space}]$`)
const leadingSpace = new RegExp(`^[${space}]+`)
const anyButSpace = new RegExp(`[^${space}]`)

export function isSpace(character: string): boolean {
  return isSpacePattern.test(character)
}

export function trimStart(text: string): string {
  return text.replace(leadingSpace, '')
}

export function trim(text: string): string {
  let end = text.length
  while (end > 0 && isSpace(text[end - 1]!)) end--
  return trimStart(text.slice(0, end))
}

export function isBlank(text: string): boolean {
  return !anyButSpace.test(text)
}

/** Splits at the first `separator`; also returns whether it was found. */
export function cut(text: string, separator: string): [before: string, after: string, found: boolean] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, '', false] : [text.slice(0, at), text.slice(at + separator.length), true]
}

const shortEscapes: Record<string, string> = {
  '"': '\\"',
  '\\': '\\\\',
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
}

/** Quotes a string like Go's `%q`. */
export function quote(text: string): string {
  return `"${text.replace(/["\\\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu, escapeCharacter)}"`
}

function escapeCharacter(character: string): string {
  const short = shortEscapes[character]
  if (short !== undefined) return short
  const code = character.codePointAt(0)!
  // An invalid byte, as represented by `decodeName`.
  if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`
  return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
}

/** Parses a boolean like Go's strconv.ParseBool. */
export function parseBoolean(text: string): boolean | undefined {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text)) return true
  if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(text)) return false
  return undefined
}

/**
 * Simplifies a path lexically, like Go's path.Clean: no `.`, no inner `..`, no double or trailing slashes; `.` if nothing is
 * left.
 */
export function cleanPath(path: string): string {
  const rooted = path.startsWith('/')
  const kept: string[] = []
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue
    if (part !== '..') kept.push(part)
    else if (kept.length > 0 && kept.at(-1) !== '..') kept.pop()
    else if (!rooted) kept.push(part)
  }
  const joined = kept.join('/')
  if (rooted) return `/${joined}`
  return joined === '' ? '.' : joined
}
