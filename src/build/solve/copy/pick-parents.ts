import { compilePath, hasWildcard } from '../../../dockerfile/index.ts'
import { type Directory, type Node, partsOf, sortedNames, type Tree } from '../../../files/tree/index.ts'

/** One thing that --parents copies, and the directories that come with it. */
export interface ParentPick {
  readonly node: Node
  /** Where it goes, below the destination. */
  readonly path: string
  /** The directories of `path`, outermost first. */
  readonly parents: readonly Directory[]
}

/**
 * What a source of `COPY --parents` means in the tree: all of its path from the pivot `/./` on is kept, and `**` stands for
 * any number of directories. Empty where nothing matches.
 */
export function pickParents(tree: Tree, source: string): ParentPick[] {
  const pivot = /(?:^|\/)\.\//.exec(source.replace(/^\.\//, ''))
  const plain = source.replace(/^\.\//, '')
  const base = pivot === null ? '' : plain.slice(0, pivot.index)
  const rest = partsOf(pivot === null ? plain : plain.slice(pivot.index + pivot[0].length))
  const root = tree.find(base)
  if (root?.kind !== 'directory') return []
  if (rest.length === 0) return [{ node: root, path: '', parents: [] }]
  const found = new Map<string, ParentPick>()
  descend(root, '', [], rest.map(matcherOf), found)
  return [...found.values()]
}

type Matcher = ((name: string) => boolean) | 'any'

function matcherOf(part: string): Matcher {
  if (part === '**') return 'any'
  return hasWildcard(part) ? compilePath(part) : (name) => name === part
}

function descend(
  directory: Directory,
  prefix: string,
  parents: readonly Directory[],
  matchers: readonly Matcher[],
  found: Map<string, ParentPick>,
): void {
  const [matcher, ...rest] = matchers
  if (matcher === 'any' && rest.length > 0) descend(directory, prefix, parents, rest, found)
  for (const name of sortedNames(directory)) {
    const node = directory.children.get(name)!
    const path = prefix + name
    const deeper = matcher === 'any' ? matchers : rest
    if (matcher !== 'any' && !matcher!(name)) continue
    if (rest.length === 0) found.set(path, { node, path, parents })
    else if (node.kind === 'directory') descend(node, `${path}/`, [...parents, node], deeper, found)
  }
}
