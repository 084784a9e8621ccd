import type { PathMatcher } from './go-match.ts'

/** Part of a pattern: which characters match, and whether any number of them may. */
interface Item {
  readonly fits: (character: string) => boolean
  readonly many: boolean
  /** The items up to this index may be missing altogether. */
  readonly skipTo?: number
}

/**
 * Compiles a .dockerignore pattern with moby's rules, which differ from a shell's: `**` may begin and end anywhere. The time is
 * bounded by pattern length times path length.
 */
export function compileIgnorePattern(pattern: string): PathMatcher {
  if (!/[*?[\\]/.test(pattern)) return (path) => path === pattern
  // A leading ** and nothing else special: matches any path with this suffix, even in the middle of a name.
  const suffix = /^\*\*([^*?[\]\\]*)$/.exec(pattern)?.[1]
  if (suffix !== undefined)
    return (path) => path.endsWith(suffix) || (suffix.startsWith('/') && path === suffix.slice(1))
  const regex = new RegExp(`^${toRegex(pattern)}$`, 'u')
  // Each further run would multiply the ways in which a regular expression backtracks.
  return (pattern.match(/\*+/g)?.length ?? 0) < 3 ? (path) => regex.test(path) : compileItems(pattern)
}

const piece = /(?<deep>\*\*)\/?|(?<star>\*)|(?<any>\?)|\[(?<not>\^?)(?<members>(?:\\.|[^\\\]])*)\]|\\?(?<one>.)/gsu

function toRegex(pattern: string): string {
  return [...pattern.matchAll(piece)]
    .map(({ 0: text, index, groups = {} }) => {
      if (groups.deep !== undefined) return index + text.length === pattern.length ? '[^\\n]*' : '(?:[^\\n]*/)?'
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

function compileItems(pattern: string): PathMatcher {
  const items = readItems(pattern)
  const start = /^[^*?[\\]*/.exec(pattern)![0]
  const end = /[^*?[\]\\/]*$/.exec(pattern)![0]
  return (path) => path.startsWith(start) && path.endsWith(end) && matches(items, path)
}

function readItems(pattern: string): Item[] {
  const items: Item[] = []
  const inName = (character: string) => character !== '/'
  const inLine = (character: string) => character !== '\n'
  for (const { 0: text, index, groups = {} } of pattern.matchAll(piece)) {
    if (groups.deep !== undefined && index + text.length === pattern.length) items.push({ fits: inLine, many: true })
    else if (groups.deep !== undefined) {
      items.push({ fits: inLine, many: true, skipTo: items.length + 2 })
      items.push({ fits: (character) => character === '/', many: false })
    } else if (groups.star !== undefined) items.push({ fits: inName, many: true })
    else if (groups.any !== undefined) items.push({ fits: inName, many: false })
    else if (groups.members === undefined) items.push({ fits: (character) => character === groups.one, many: false })
    else {
      const one = new RegExp(`^[${groups.not}${membersOf(groups.members)}]$`, 'u')
      items.push({ fits: (character) => one.test(character), many: false })
    }
  }
  return items
}

/** Follows all possible matches in parallel, so that none is tried twice. */
function matches(items: readonly Item[], path: string): boolean {
  let states = new Uint8Array(items.length + 1)
  states[0] = 1
  for (const character of path) {
    const next = new Uint8Array(items.length + 1)
    let alive = false
    for (const [state, { fits, many, skipTo }] of items.entries()) {
      if (states[state] === 0) continue
      if (many) states[state + 1] = 1
      if (skipTo !== undefined) states[skipTo] = 1
      if (!fits(character)) continue
      next[many ? state : state + 1] = 1
      alive = true
    }
    if (!alive) return false
    states = next
  }
  for (const [state, { many, skipTo }] of items.entries()) {
    if (states[state] === 0) continue
    if (many) states[state + 1] = 1
    if (skipTo !== undefined) states[skipTo] = 1
  }
  return states[items.length] === 1
}
