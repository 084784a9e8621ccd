import { longestText, refusal, tooLong } from '../language/index.ts'

/** A piece of a pattern of `${name#pattern}`: a character, or one of `*` and `?`. */
type Token =
  | { readonly kind: 'character'; readonly character: string }
  | { readonly kind: 'any' }
  | { readonly kind: 'one' }

/** What the substitutions of a word understand: `*`, `?` and `\` before either, before itself, `}` or `/`. No brackets. */
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
        throw refusal('DOCKERFILE_EXPANSION', message, 'A backslash may stand before *, ?, /, } and another backslash.')
      }
      tokens.push({ kind: 'character', character: escaped })
    }
  }
  return tokens
}

// What a second or two is enough for.
const mostWork = 20_000_000

/** The value without the shortest or the longest beginning that matches. */
export function removePrefix(glob: Glob, value: string, longest: boolean): string {
  const characters = [...value]
  const found = find(glob, characters, 0, { anchored: true, longest })
  return found === undefined ? value : characters.slice(found.end).join('')
}

/** The value without the shortest or the longest end that matches. */
export function removeSuffix(glob: Glob, value: string, longest: boolean): string {
  const characters = [...value].reverse()
  const found = find([...glob].reverse(), characters, 0, { anchored: true, longest })
  return found === undefined ? value : characters.slice(found.end).reverse().join('')
}

/** The value with its first match replaced, as written. */
export function replaceFirst(glob: Glob, value: string, replacement: string): string {
  const characters = [...value]
  const found = find(glob, characters, 0, { anchored: false, longest: true })
  if (found === undefined) return value
  return characters.slice(0, found.start).join('') + replacement + characters.slice(found.end).join('')
}

/**
 * The value with every match replaced. BuildKit hands the replacement to a regular expression, so `$0` in it is the match,
 * `$$` a dollar, and any other `$name` nothing.
 */
export function replaceAll(glob: Glob, value: string, replacement: string): string {
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
    // An empty match right behind the one before it does not count.
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

function fillIn(replacement: string, match: string): string {
  return replacement.replace(/\$(?:\$|\{(\w+)\}|(\w+))/g, (whole, braced?: string, bare?: string) => {
    if (whole === '$$') return '$'
    return (braced ?? bare) === '0' ? match : ''
  })
}

interface FindOptions {
  readonly anchored: boolean
  readonly longest: boolean
  /** What was done in all, where it is one of many. */
  readonly work?: { done: number }
}

/**
 * The leftmost match at or after `from`. All ways to match go forward together, each remembering where it began, so that
 * no pattern takes longer than its length times that of the text. `*` and `?` stop at a line break.
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
      throw refusal('DOCKERFILE_EXPANSION', 'the pattern and the value in a substitution are too long for one another')
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
