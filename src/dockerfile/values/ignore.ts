import { locate, messageOf, TareError } from '../../support/index.ts'
import { cleanPath, trim } from '../language/index.ts'
import { refuseWideCharacters } from '../syntax/index.ts'
import { compilePath } from './go-match.ts'
import { compileIgnorePattern } from './ignore-pattern.ts'

/** A line of a .dockerignore, or a pattern of `COPY --exclude`. */
export interface IgnoreRule {
  /** Normalized, without `!`. */
  readonly pattern: string
  /** `!`: matching paths are included again. */
  readonly negated: boolean
  /** The line number, or the position in the list, from 1. */
  readonly line: number
  /** As written. */
  readonly text: string
}

export interface IgnoreMatcher {
  /** Whether a path (relative, with `/`) is excluded, by a rule for it or for a directory above it. */
  ignored(path: string): boolean
  /** Returns the last rule that matches the path, whatever its effect; undefined if none does. */
  why(path: string): IgnoreRule | undefined
  /** Whether something below this excluded directory may be included again. If not, a walk can skip it. */
  mayReinclude(directory: string): boolean
  /** Whether something below the directory may match a rule without `!`, directly or through a directory. */
  mayMatchBelow(directory: string): boolean
  /** Whether any rule has `!`. */
  readonly hasNegations: boolean
}

/** Maximum number of directories whose matches are cached. A walk needs only the current ancestors. */
const mostDirectories = 10_000

/** Parses a .dockerignore. Throws IGNORE_PATTERN with the line; `file` is its name in messages. */
export function parseIgnore(text: string, file = '.dockerignore'): IgnoreRule[] {
  refuseWideCharacters(text, file)
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

/** Parses a list of patterns, as of `COPY --exclude`. Empty ones are ignored. Throws IGNORE_PATTERN. */
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
    compileIgnorePattern(rule.pattern)
    return rule
  } catch (error) {
    const message = error instanceof SyntaxError ? `syntax error in pattern: ${rule.pattern}` : messageOf(error)
    const remedy = rule.pattern === '' ? '! must be followed by the pattern to include again.' : undefined
    throw locate(new TareError('IGNORE_PATTERN', message, { remedy, cause: error }), where)
  }
}

/**
 * Matches paths like moby/patternmatcher during a walk: the last matching rule wins, and a directory's matches apply to
 * everything below it. A rule that could not change the outcome is not evaluated, for a path and for what is below it: after
 * `a/b`, a later `!a` does not include a/b again.
 */
export function ignoreMatcher(rules: readonly IgnoreRule[]): IgnoreMatcher {
  const matchers = rules.map(({ pattern }) => compileIgnorePattern(pattern))
  const below = (wanted: boolean) =>
    rules.filter(({ negated }) => negated === wanted).map(({ pattern }) => canMatchBelow(pattern))
  const negations = below(true)
  const others = below(false)
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
    mayReinclude: (directory) => negations.some((mayMatch) => mayMatch(namesOf(directory))),
    mayMatchBelow: (directory) => others.some((mayMatch) => mayMatch(namesOf(directory))),
    hasNegations: negations.length > 0,
  }
}

/** Whether a pattern may match something below a directory, given as a list of names: its first names match and more follow. */
function canMatchBelow(pattern: string): (directory: readonly string[]) => boolean {
  const parts = pattern.split('/')
  const deep = parts.findIndex((part) => part.includes('**'))
  const matchers = parts.slice(0, deep < 0 ? undefined : deep).map((part) => compilePath(part))
  return (directory) =>
    (deep >= 0 || parts.length > directory.length) &&
    directory.every((name, i) => matchers[i] === undefined || matchers[i](name))
}

function namesOf(directory: string): readonly string[] {
  return directory === '' || directory === '.' ? [] : directory.split('/')
}
