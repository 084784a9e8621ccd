import { TareError } from '../../support/index.ts'

/** An element of a pattern of Go's path/filepath.Match. */
type Token =
  | { readonly kind: 'star' }
  | { readonly kind: 'any' }
  | { readonly kind: 'character'; readonly character: string }
  | { readonly kind: 'class'; readonly negated: boolean; readonly ranges: readonly (readonly [number, number])[] }

export type PathMatcher = (name: string) => boolean

/** Whether the whole name matches the pattern, like Go's path/filepath.Match. Throws PATH_PATTERN. */
export function matchPath(pattern: string, name: string): boolean {
  return compilePath(pattern)(name)
}

/** Compiles a pattern for many names. `*` matches any run without `/`, `?` any character but `/`; brackets and `\` as usual. */
export function compilePath(pattern: string): PathMatcher {
  const tokens = readTokens(pattern)
  return (name) => matches(tokens, [...name])
}

/** Whether a source of COPY is a pattern: contains an unescaped `*`, `?` or `[`. */
export function hasWildcard(pattern: string): boolean {
  return /^(?:[^*?[\\]|\\.)*[*?[]/s.test(pattern)
}

function readTokens(pattern: string): Token[] {
  const characters = [...pattern]
  const tokens: Token[] = []
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at]!
    if (character === '*') {
      if (tokens.at(-1)?.kind !== 'star') tokens.push({ kind: 'star' })
    } else if (character === '?') tokens.push({ kind: 'any' })
    else if (character === '[') {
      const [token, end] = readClass(characters, at + 1, pattern)
      tokens.push(token)
      at = end
    } else if (character === '\\') {
      const escaped = characters[++at]
      if (escaped === undefined) throw malformed(pattern)
      tokens.push({ kind: 'character', character: escaped })
    } else tokens.push({ kind: 'character', character })
  }
  return tokens
}

function readClass(characters: readonly string[], from: number, pattern: string): [Token, end: number] {
  const negated = characters[from] === '^'
  const ranges: [number, number][] = []
  let at = negated ? from + 1 : from
  const readOne = (): number => {
    const character = characters[at++]
    if (character === undefined || character === '-' || character === ']') throw malformed(pattern)
    const meant = character === '\\' ? characters[at++] : character
    if (meant === undefined) throw malformed(pattern)
    return meant.codePointAt(0)!
  }
  while (ranges.length === 0 || characters[at] !== ']') {
    const low = readOne()
    if (characters[at] !== '-') ranges.push([low, low])
    else {
      at++
      ranges.push([low, readOne()])
    }
  }
  return [{ kind: 'class', negated, ranges }, at]
}

/**
 * Scans both forward; on a mismatch returns to the last star, which takes one more character. Earlier stars never need to change.
 */
function matches(tokens: readonly Token[], name: readonly string[]): boolean {
  let token = 0
  let at = 0
  let star = -1
  let starAt = 0
  for (;;) {
    const current = tokens[token]
    if (current?.kind === 'star') {
      star = token++
      starAt = at
    } else if (current === undefined ? at === name.length : fits(current, name[at])) {
      if (current === undefined) return true
      token++
      at++
    } else {
      if (star < 0 || starAt >= name.length || name[starAt] === '/') return false
      token = star + 1
      at = ++starAt
    }
  }
}

function fits(token: Exclude<Token, { kind: 'star' }>, character: string | undefined): boolean {
  if (character === undefined) return false
  if (token.kind === 'any') return character !== '/'
  if (token.kind === 'character') return token.character === character
  const code = character.codePointAt(0)!
  return token.ranges.some(([low, high]) => low <= code && code <= high) !== token.negated
}

function malformed(pattern: string): TareError {
  return new TareError('PATH_PATTERN', `syntax error in pattern: ${pattern}`, {
    remedy: 'A [ needs a matching ] with something in between; for a literal bracket write [[].',
  })
}
