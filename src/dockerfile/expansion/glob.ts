import { longestText, refusal, tooLong } from '../language/index.ts'

/** An element of a pattern in `${name#pattern}`: a character, `*` or `?`. */
type Token =
  | { readonly kind: 'character'; readonly character: string }
  | { readonly kind: 'any' }
  | { readonly kind: 'one' }

/** A pattern of a variable substitution: `*`, `?`, and `\` before `*`, `?`, `\`, `}` or `/`. No brackets. */
export type Glob = readonly Token[]

export function compileGlob(pattern: string): Glob {
  const characters = [...pattern]
  const tokens: Token[] = []
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i]!
    if (character === '*') tokens.push({ kind: 'any' })
    else if (character === '?') tokens.push({ kind: 'one' })
    else if (character !== '\\') tokens.push({ kind: 'character', character })
    else {
      const escaped = characters[++i]
      if (escaped === undefined || !'*?\\}/'.includes(escaped)) {
        const message = `invalid pattern (${pattern}) in substitution: invalid escape '\\${escaped ?? ''}'`
        throw refusal(
          'DOCKERFILE_EXPANSION',
          message,
          'A backslash is allowed before *, ?, /, } and another backslash.',
        )
      }
      tokens.push({ kind: 'character', character: escaped })
    }
  }
  return tokens
}

// Limits the work to one or two seconds.
const mostWork = 20_000_000

/** Removes the shortest or longest matching prefix. */
export function removePrefix(glob: Glob, value: string, longest: boolean): string {
  const characters = [...value]
  const found = find(glob, characters, 0, { anchored: true, longest })
  return found === undefined ? value : characters.slice(found.end).join('')
}

/** Removes the shortest or longest matching suffix. */
export function removeSuffix(glob: Glob, value: string, longest: boolean): string {
  const characters = [...value].reverse()
  const found = find([...glob].reverse(), characters, 0, { anchored: true, longest })
  return found === undefined ? value : characters.slice(found.end).reverse().join('')
}

/** Replaces the first match; the replacement is literal. */
export function replaceFirst(glob: Glob, value: string, replacement: string): string {
  const characters = [...value]
  const found = find(glob, characters, 0, { anchored: false, longest: true })
  if (found === undefined) return value
  return characters.slice(0, found.start).join('') + replacement + characters.slice(found.end).join('')
}

/**
 * Replaces every match. BuildKit passes the replacement to a regular expression, so `$0` is the match, `$$` a dollar sign, and
 * any other `$name` is empty.
 */
export function replaceAll(glob: Glob, value: string, replacement: string): string {
  const literal = literalOf(glob)
  if (literal !== undefined) return replaceLiteral(literal, value, fillIn(replacement, literal))
  const characters = [...value]
  let result = ''
  let copied = 0
  let from = 0
  let last = -1
  const work = { done: 0 }
  for (;;) {
    const found =
      from > characters.length ? undefined : find(glob, characters, from, { anchored: false, longest: true, work })
    if (found === undefined) return result + characters.slice(copied).join('')
    // An empty match directly after the previous match does not count.
    if (found.end > found.start || found.start !== last) {
      result += characters.slice(copied, found.start).join('')
      result += fillIn(replacement, characters.slice(found.start, found.end).join(''))
      if (result.length > longestText) throw tooLong()
      copied = found.end
      last = found.end
    }
    from = found.end > found.start ? found.end : found.end + 1
  }
}

/** Returns the text that the pattern stands for; undefined if it is empty or has wildcards. */
function literalOf(glob: Glob): string | undefined {
  const text = glob.map((token) => (token.kind === 'character' ? token.character : '')).join('')
  return text !== '' && glob.every(({ kind }) => kind === 'character') ? text : undefined
}

function replaceLiteral(literal: string, value: string, replacement: string): string {
  let length = value.length
  for (let at = value.indexOf(literal); at >= 0; at = value.indexOf(literal, at + literal.length)) {
    length += replacement.length - literal.length
  }
  // Checked first, so that no more is made than may be used.
  if (length > longestText) throw tooLong()
  return value.replaceAll(literal, () => replacement)
}

function fillIn(replacement: string, match: string): string {
  return replacement.replace(/\$(?:\$|\{(\w+)\}|(\w+))/g, (whole, braced?: string, bare?: string) => {
    if (whole === '$$') return '$'
    return (braced ?? bare) === '0' ? match : ''
  })
}

interface FindOptions {
  readonly anchored: boolean
  readonly longest: boolean
  /** Work done so far, shared by several searches. */
  readonly work?: { done: number }
}

/**
 * Returns the leftmost match at or after `from`. Follows all possible matches in parallel, each remembering where it started, so
 * that the time is bounded by pattern length times text length. `*` and `?` do not match line breaks.
 */
function find(
  glob: Glob,
  text: readonly string[],
  from: number,
  { anchored, longest, work = { done: 0 } }: FindOptions,
): { start: number; end: number } | undefined {
  const none = Number.POSITIVE_INFINITY
  let begun = new Array<number>(glob.length + 1).fill(none)
  let best: { start: number; end: number } | undefined
  for (let at = from; at <= text.length; at++) {
    work.done += glob.length
    if (work.done > mostWork)
      throw refusal('DOCKERFILE_EXPANSION', 'the pattern and value in a substitution are too long')
    if (best === undefined && (!anchored || at === from)) begun[0] = Math.min(begun[0]!, at)
    for (let state = 0; state < glob.length; state++) {
      if (glob[state]!.kind === 'any') begun[state + 1] = Math.min(begun[state + 1]!, begun[state]!)
    }
    const start = begun[glob.length]!
    if (start !== none && (best === undefined || start <= best.start)) {
      best = { start, end: at }
      if (!longest) return best
    }
    const character = text[at]
    if (character === undefined) break
    const next = new Array<number>(glob.length + 1).fill(none)
    let alive = false
    for (let state = 0; state < glob.length; state++) {
      const start = begun[state]!
      if (start === none || (best !== undefined && start > best.start)) continue
      const token = glob[state]!
      if (token.kind === 'character' ? token.character !== character : character === '\n') continue
      const to = token.kind === 'any' ? state : state + 1
      next[to] = Math.min(next[to]!, start)
      alive = true
    }
    if (!alive && (best !== undefined || anchored)) break
    begun = next
  }
  return best
}
