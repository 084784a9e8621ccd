import { compilePath, hasWildcard } from '../../../dockerfile/values/index.ts'
import { type Directory, partsOf, sortedNames, type Tree } from '../../../files/tree/index.ts'
import { danglingLink, type IgnoredBy } from './missing.ts'
import type { Selection } from './selection.ts'

/** A resolved source. */
export interface Pick extends Selection {
  /** Its path below the root of its tree. */
  readonly path: string
}

/**
 * Resolves a source of COPY or ADD in the tree. In a path all symlinks are followed; in a pattern those before the first
 * wildcard, and the rest is matched name by name. Matches are not searched further. Returns an empty list if a pattern matches
 * nothing, undefined if the path, or the part before the first wildcard, does not exist. Throws `COPY_SOURCE_DANGLING` if a match
 * is a dangling symlink.
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
