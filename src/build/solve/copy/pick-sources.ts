import { compilePath, hasWildcard } from '../../../dockerfile/index.ts'
import { type Directory, type Node, partsOf, sortedNames, type Tree } from '../../../files/tree/index.ts'
import { TareError } from '../../../support/index.ts'

/** One thing to copy. */
export interface Pick {
  readonly node: Node
  /** The name it gets in a directory that it is copied into: its own, also where a symlink of that name was followed. */
  readonly name: string
  /** Where it was found, below the root of its tree. */
  readonly path: string
  /** Of a root: it has a time of its own, and not that of the copy. */
  readonly timed?: boolean
}

/**
 * What a source of COPY or ADD means in the tree. A path is followed through every symlink; of a pattern, the part
 * before the first wildcard is, and the rest is matched name by name. A match is not looked into for more. Empty where
 * nothing matches. Throws `COPY_SOURCE_DANGLING` where a match is a symbolic link to nothing.
 */
export function pickSources(tree: Tree, source: string): Pick[] {
  const parts = partsOf(source)
  const wild = parts.findIndex(hasWildcard)
  if (wild < 0) return pickPath(tree, parts.join('/'))
  const start = tree.resolve(parts.slice(0, wild).join('/'))
  const node = tree.get(start)
  if (node?.kind !== 'directory') return []
  const matchers = parts.slice(wild).map(matcherOf)
  return matches(node, start === '' ? '' : `${start}/`, matchers).map((path) => pickMatch(tree, path, source))
}

/** A malformed pattern matches nothing, as in Docker. */
function matcherOf(pattern: string): (name: string) => boolean {
  try {
    return compilePath(pattern)
  } catch {
    return () => false
  }
}

function pickPath(tree: Tree, path: string): Pick[] {
  const node = tree.find(path)
  return node === undefined ? [] : [{ node, name: path.slice(path.lastIndexOf('/') + 1), path }]
}

function pickMatch(tree: Tree, path: string, source: string): Pick {
  const [pick] = pickPath(tree, path)
  if (pick !== undefined) return pick
  const link = tree.get(path)
  const target = link?.kind === 'symlink' ? ` to "${link.target}", which is not there` : ''
  throw new TareError('COPY_SOURCE_DANGLING', `"${path}" is a symbolic link${target}: not found`, {
    remedy: `A link that is named as a source, as "${source}" does, is followed. Name the directory that holds it, and the link itself is copied.`,
  })
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
