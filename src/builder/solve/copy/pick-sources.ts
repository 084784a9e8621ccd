import { compilePath, hasWildcard } from '../../../dockerfile/values/index.ts'
import { type Directory, partsOf, sortedNames, type Tree } from '../../../files/tree/index.ts'
import { danglingLink, type IgnoredBy } from './missing.ts'
import type { Selection } from './selection.ts'

/** What a source was found to mean. */
export interface Pick extends Selection {
  /** Where it was found, below the root of its tree. */
  readonly path: string
}

/**
 * What a source of COPY or ADD means in the tree. A path is followed through every symlink; of a pattern, the part
 * before the first wildcard is, and the rest is matched name by name. A match is not looked into for more. Empty where
 * a pattern matches nothing, undefined where the path, or what stands before the first wildcard, is not there. Throws
 * `COPY_SOURCE_DANGLING` where a match is a symbolic link to nothing.
 */
export function pickSources(tree: Tree, source: string, ignoredBy?: IgnoredBy): Pick[] | undefined {
  const parts = partsOf(source)
  const wild = parts.findIndex(hasWildcard)
  if (wild < 0) {
    const pick = pickPath(tree, parts.join('/'))
    return pick === undefined ? undefined : [pick]
  }
  const start = tree.resolve(parts.slice(0, wild).join('/'))
  const node = tree.get(start)
  if (node?.kind !== 'directory') return node === undefined ? undefined : []
  const matchers = parts.slice(wild).map(matcherOf)
  return matches(node, start === '' ? '' : `${start}/`, matchers).map((path) => {
    const pick = pickPath(tree, path)
    if (pick === undefined) throw danglingLink(tree, path, source, ignoredBy)
    return pick
  })
}

/** A malformed pattern matches nothing, as in Docker. */
function matcherOf(pattern: string): (name: string) => boolean {
  try {
    return compilePath(pattern)
  } catch {
    return () => false
  }
}

function pickPath(tree: Tree, path: string): Pick | undefined {
  const node = tree.find(path)
  return node === undefined ? undefined : { node, name: path.slice(path.lastIndexOf('/') + 1), path }
}

function matches(
  directory: Directory,
  prefix: string,
  [matcher, ...rest]: readonly ((name: string) => boolean)[],
): string[] {
  return sortedNames(directory).flatMap((name) => {
    if (!matcher!(name)) return []
    if (rest.length === 0) return [prefix + name]
    const child = directory.children.get(name)
    return child?.kind === 'directory' ? matches(child, `${prefix}${name}/`, rest) : []
  })
}
