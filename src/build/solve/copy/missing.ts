import { type Directory, partsOf, type Tree } from '../../../files/tree/index.ts'
import { closest, TareError } from '../../../support/index.ts'
import type { Input } from '../input.ts'

/** The error for a source that is not there: why, and what was probably meant. */
export function explainMissing(source: string, input: Input): TareError {
  const path = partsOf(source).join('/')
  const shown = input.context === undefined ? `/${path}` : path === '' ? source : path
  return new TareError('COPY_SOURCE_MISSING', `"${shown}" is not in ${input.label}: not found`, {
    remedy: remedyFor(source, path, input),
  })
}

function remedyFor(source: string, path: string, input: Input): string {
  const rule = input.context?.ignoredBy(path)
  if (rule !== undefined) return `It is excluded by line ${rule.line} of ${rule.file}: ${rule.pattern}`
  const meant = nearest(input.tree, path)
  const guess = meant === undefined ? '' : ` Did you mean "${input.context === undefined ? '/' : ''}${meant}"?`
  if (input.context === undefined) return `Paths of ${input.label} count from its root.${guess}`
  if (source.split('/').includes('..'))
    return `A path cannot lead out of the build context (${input.context.name}): "${source}" means "${path}" in it.${guess}`
  return guess.trim() || `Paths are relative to the build context (${input.context.name}).`
}

/** A path that is there and looks like the wanted one: the first part that is missing is replaced by its nearest neighbour. */
function nearest(tree: Tree, path: string): string | undefined {
  let directory: Directory = tree.root
  const parts = path.split('/')
  for (const [i, part] of parts.entries()) {
    const node = directory.children.get(part)
    if (node?.kind === 'directory') {
      directory = node
      continue
    }
    if (node !== undefined) return parts.slice(0, i + 1).join('/')
    const name = closest(part, directory.children.keys())
    return name === undefined ? undefined : [...parts.slice(0, i), name].join('/')
  }
  return undefined
}
