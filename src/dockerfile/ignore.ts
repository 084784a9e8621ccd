import { locate, messageOf, TareError } from '../support/index.ts'
import { compilePath, type PathMatcher } from './go-match.ts'
import { cleanPath, trim } from './text.ts'

/** One line of a .dockerignore, or one pattern of `COPY --exclude`. */
export interface IgnoreRule {
  /** Cleaned, without `!`. */
  readonly pattern: string
  /** `!`: what matches is let in again. */
  readonly negated: boolean
  /** Its line, or its place in the list, from 1. */
  readonly line: number
  /** As it was written. */
  readonly text: string
}

export interface IgnoreMatcher {
  /** Whether the path (relative, with `/`) is left out: by a rule for itself, or for a directory above it. */
  ignored(path: string): boolean
  /** The rule that had the last word on the path, whichever way; undefined if none spoke. */
  why(path: string): IgnoreRule | undefined
  /** Whether below this left-out directory something may be let in again: if not, a walk need not enter it. */
  mayReinclude(directory: string): boolean
  /** Whether any rule has `!`. */
  readonly hasNegations: boolean
}

/** How many directories' matches are remembered. A walk needs but those above it. */
const mostDirectories = 10_000

/** Reads a .dockerignore. Throws IGNORE_PATTERN with the line; `file` is its name in messages. */
export function parseIgnore(text: string, file = '.dockerignore'): IgnoreRule[] {
  const lines = text.replace(/^\ufeff/, '').split('\n')
  return lines.flatMap((raw, i) => {
    const written = trim(raw)
    if (raw.startsWith('#') || written === '') return []
    const negated = written.startsWith('!')
    const pattern = trim(negated ? written.slice(1) : written)
    const clean = pattern === '' ? '' : cleanPath(pattern)
    const relative = clean.length > 1 ? clean.replace(/^\//, '') : clean
    const rule = { pattern: relative, negated, line: i + 1, text: written }
    return [checked(rule, { file, line: i + 1, endLine: i + 1, text })]
  })
}

/** Rules from a plain list, as of `COPY --exclude`. Empty ones do not count. Throws IGNORE_PATTERN. */
export function ignoreRules(patterns: readonly string[]): IgnoreRule[] {
  return patterns.flatMap((raw, i) => {
    const written = trim(raw)
    if (written === '') return []
    const clean = cleanPath(written)
    const negated = clean.startsWith('!')
    return [checked({ pattern: negated ? clean.slice(1) : clean, negated, line: i + 1, text: written })]
  })
}

function checked(rule: IgnoreRule, where?: Parameters<typeof locate>[1]): IgnoreRule {
  try {
    if (rule.pattern === '') throw new Error('illegal exclusion pattern: "!"')
    compilePath(rule.pattern)
    compileRule(rule.pattern)
    return rule
  } catch (error) {
    const message = error instanceof SyntaxError ? `syntax error in pattern: ${rule.pattern}` : messageOf(error)
    const remedy = rule.pattern === '' ? 'Behind ! belongs the pattern to let in again.' : undefined
    throw locate(new TareError('IGNORE_PATTERN', message, { remedy, cause: error }), where)
  }
}

/**
 * Matches paths as moby/patternmatcher does while it walks: the last rule that matches wins, where a directory's matches
 * hold for everything below it. A rule is not even asked, neither for a path nor for what is below it, while it could not
 * change the outcome: after `a/b`, a later `!a` does not let a/b in again.
 */
export function ignoreMatcher(rules: readonly IgnoreRule[]): IgnoreMatcher {
  const matchers = rules.map(({ pattern }) => compileRule(pattern))
  const negations = rules.filter(({ negated }) => negated).map(({ pattern }) => canMatchBelow(pattern))
  const directories = new Map<string, readonly boolean[]>()

  const matchesOf = (path: string): { matched: readonly boolean[]; last: number } => {
    const slash = path.lastIndexOf('/')
    const above = slash > 0 ? matchesOfDirectory(path.slice(0, slash)) : undefined
    const matched: boolean[] = []
    let ignored = false
    let last = -1
    for (let i = 0; i < rules.length; i++) {
      const { negated } = rules[i]!
      const match = above?.[i] === true || (negated === ignored && matchers[i]!(path))
      matched.push(match)
      if (!match) continue
      ignored = !negated
      last = i
    }
    return { matched, last }
  }
  const matchesOfDirectory = (path: string): readonly boolean[] => {
    const known = directories.get(path)
    if (known !== undefined) return known
    const { matched } = matchesOf(path)
    if (directories.size >= mostDirectories) directories.clear()
    directories.set(path, matched)
    return matched
  }
  const why = (path: string): IgnoreRule | undefined => rules[matchesOf(path).last]

  return {
    why,
    ignored: (path) => why(path)?.negated === false,
    mayReinclude: (directory) => {
      const names = directory === '' || directory === '.' ? [] : directory.split('/')
      return negations.some((mayMatch) => mayMatch(names))
    },
    hasNegations: negations.length > 0,
  }
}

/** A pattern as the matcher understands it, which is not quite what a shell does: `**` begins and ends anywhere. */
function compileRule(pattern: string): PathMatcher {
  if (!/[*?[\\]/.test(pattern)) return (path) => path === pattern
  // Nothing but a ** in front: whatever ends so, even in the middle of a name.
  const suffix = /^\*\*([^*?[\]\\]*)$/.exec(pattern)?.[1]
  if (suffix !== undefined)
    return (path) => path.endsWith(suffix) || (suffix.startsWith('/') && path === suffix.slice(1))
  const regex = new RegExp(`^${toRegex(pattern)}$`, 'u')
  return (path) => regex.test(path)
}

const piece = /(?<deep>\*\*)\/?|(?<star>\*)|(?<any>\?)|\[(?<not>\^?)(?<members>(?:\\.|[^\\\]])*)\]|\\?(?<one>.)/gsu

function toRegex(pattern: string): string {
  return [...pattern.matchAll(piece)]
    .map(({ 0: text, index, groups = {} }) => {
      if (groups.deep !== undefined) return index + text.length === pattern.length ? '.*' : '(?:.*/)?'
      if (groups.star !== undefined) return '[^/]*'
      if (groups.any !== undefined) return '[^/]'
      return groups.members === undefined ? literal(groups.one!) : `[${groups.not}${membersOf(groups.members)}]`
    })
    .join('')
}

function membersOf(members: string): string {
  return members.replace(/\\(.)|[^-]/gsu, (all, escaped?: string) =>
    escaped === '-' ? '\\-' : literal(escaped ?? all),
  )
}

function literal(character: string): string {
  return character.replace(/[\\^$.*+?()[\]{}|/]/, '\\$&')
}

/** Whether a pattern may match something below a directory, given as its names: the first names agree and there are more. */
function canMatchBelow(pattern: string): (directory: readonly string[]) => boolean {
  const parts = pattern.split('/')
  const deep = parts.findIndex((part) => part.includes('**'))
  const matchers = parts.slice(0, deep < 0 ? undefined : deep).map((part) => compilePath(part))
  return (directory) =>
    (deep >= 0 || parts.length > directory.length) &&
    directory.every((name, i) => matchers[i] === undefined || matchers[i](name))
}
