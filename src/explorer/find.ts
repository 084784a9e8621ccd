import { absent } from './marks.ts'
import { pathsOf } from './tree.ts'
import type { View } from './view.ts'

/** Which paths match a search, and which are on the way to some that do. */
export interface Matches {
  /** 0: no; 1: something in it does; 2: it does; 3: a directory that it is in does. */
  readonly found: Uint8Array
  /** How many do. */
  readonly count: number
}

/** Whether a text is what is looked for, and whether the text is a whole path, or the last name of one. */
interface Query {
  readonly isOfPath: boolean
  isIn(text: string): boolean
}

/**
 * Finds paths with all words in their name, in small letters or capital ones; a word with `/` is looked for in the whole path.
 * Undefined for no words.
 */
export function findWords(views: readonly View[], text: string): Matches | undefined {
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
  if (words.length === 0) return undefined
  return find(views, {
    isOfPath: words.some((word) => word.includes('/')),
    isIn: (own) => {
      const lower = own.toLowerCase()
      return words.every((word) => lower.includes(word))
    },
  })
}

/**
 * Finds the paths that a regular expression matches, or if the text is none, those with the text in them. Paths start with a slash.
 * Capital letters are told from small ones only if the text has any.
 */
export function findPattern(views: readonly View[], text: string): Matches | undefined {
  if (text === '') return undefined
  const ignoresCase = text === text.toLowerCase()
  const pattern = patternOf(text, ignoresCase)
  if (pattern !== undefined) return find(views, { isOfPath: true, isIn: (path) => pattern.test(path) })
  return find(views, {
    isOfPath: text.includes('/'),
    isIn: (own) => (ignoresCase ? own.toLowerCase() : own).includes(text),
  })
}

/** Returns nothing for what stands for itself: most searches, which are many times as fast without an expression. */
function patternOf(text: string, ignoresCase: boolean): RegExp | undefined {
  if (!/[\\^$.*+?()[\]{}|]/.test(text)) return undefined
  try {
    return new RegExp(text, ignoresCase ? 'i' : '')
  } catch {
    return undefined
  }
}

function find(views: readonly View[], { isOfPath, isIn }: Query): Matches {
  const { tree } = views[0]!.image
  const { count, parent } = tree
  const found = new Uint8Array(count)
  const texts = isOfPath ? pathsOf(tree) : tree.name
  const isThere = (path: number): boolean => {
    for (const { mark } of views) if (mark[path] !== absent) return true
    return false
  }
  let matches = 0
  for (let path = 1; path < count; path++) {
    if (isIn(texts[path]!) && isThere(path)) {
      found[path] = 2
      matches += 1
    } else if (!isOfPath && found[parent[path]!]! >= 2) found[path] = 3
  }
  for (let path = count - 1; path > 0; path--)
    if ((found[path] === 1 || found[path] === 2) && found[parent[path]!] === 0) found[parent[path]!] = 1
  return { found, count: matches }
}
