import type { PathOutline } from './outline.ts'

/**
 * Returns for each path whether a text is found in it: 1 or 0. The text is a regular expression, or if it is none, itself. Paths
 * start with a slash. Capital letters are told from small ones only if the text has any.
 */
export function findPaths(outline: PathOutline, text: string): Uint8Array {
  const ignoresCase = text === text.toLowerCase()
  const pattern = patternOf(text, ignoresCase)
  if (pattern === undefined && !text.includes('/')) return findInNames(outline, text, ignoresCase)
  const isFound =
    pattern !== undefined
      ? (path: string) => pattern.test(path)
      : (path: string) => (ignoresCase ? path.toLowerCase() : path).includes(text)
  const paths = pathsOf(outline)
  const found = new Uint8Array(paths.length)
  for (let path = 1; path < found.length; path++) if (isFound(paths[path]!)) found[path] = 1
  return found
}

/** A text without a slash is in a path if it is in one of its names: hundreds of thousands of paths need not be made. */
function findInNames({ contents, parents }: PathOutline, text: string, ignoresCase: boolean): Uint8Array {
  const { name } = contents.paths
  const found = new Uint8Array(name.length)
  for (let path = 1; path < found.length; path++) {
    const own = ignoresCase ? name[path]!.toLowerCase() : name[path]!
    if (found[parents[path]!] === 1 || own.includes(text)) found[path] = 1
  }
  return found
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

const paths = new WeakMap<PathOutline, readonly string[]>()

function pathsOf(outline: PathOutline): readonly string[] {
  const known = paths.get(outline)
  if (known !== undefined) return known
  const { contents, parents } = outline
  const found = ['']
  for (const [path, name] of contents.paths.name.entries())
    if (path > 0) found.push(`${found[parents[path]!]!}/${name}`)
  paths.set(outline, found)
  return found
}
