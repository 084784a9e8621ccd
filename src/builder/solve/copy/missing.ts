import { hasWildcard } from '../../../dockerfile/values/index.ts'
import { type Directory, nodeAt, partsOf, type Symlink, type Tree } from '../../../files/tree/index.ts'
import { closest, TareError } from '../../../support/index.ts'
import type { Input } from '../input.ts'

/** Explains why a context lacks a path; see `Context`. */
export type IgnoredBy = (
  path: string,
) => { readonly file: string; readonly line: number; readonly pattern: string } | undefined

/**
 * Returns the error for a missing source: why, and what was probably meant. For a pattern, `source` is the part before the first
 * wildcard.
 */
export function explainMissing(source: string, input: Input): TareError {
  const all = partsOf(source)
  const wild = all.findIndex(hasWildcard)
  const parts = wild < 0 ? all : all.slice(0, wild)
  const path = parts.join('/')
  const shown = input.context === undefined ? `/${path}` : path === '' ? source : path
  const ignoredBy = input.context?.ignoredBy.bind(input.context)
  const link = linkOn(input.tree, parts)
  if (link === undefined || (input.tree.get(link.to) !== undefined && input.tree.find(path) === undefined))
    return missing(`"${shown}" is not in ${input.label}`, remedyFor(wild < 0 ? source : path, path, input))
  const said = `${link.name === path ? 'it' : `"${link.name}"`} is a symbolic link to ${JSON.stringify(link.target)}`
  if (input.tree.find(path) === undefined)
    return missing(`"${shown}" is not in ${input.label}: ${said}`, remedyOfLink(link, ignoredBy))
  return missing(`"${shown}" is not in ${input.label} as it is written: ${said}`, parentsRemedy)
}

const parentsRemedy = 'With --parents, paths are kept as they are and links are not followed: use the link’s target.'

function missing(message: string, remedy: string | undefined): TareError {
  return new TareError('COPY_SOURCE_MISSING', `${message}: not found`, { remedy })
}

/** Returns the error for a dangling symlink matched by a pattern. */
export function danglingLink(tree: Tree, path: string, source: string, ignoredBy?: IgnoredBy): TareError {
  const link = linkOn(tree, partsOf(path))
  const target = link === undefined ? '' : ` to "${link.target}", which does not exist`
  return new TareError('COPY_SOURCE_DANGLING', `"${path}" is a symbolic link${target}: not found`, {
    remedy:
      (link === undefined ? undefined : ignoredRemedy(link, ignoredBy)) ??
      `A link given as a source, such as "${source}", is followed. To copy the link itself, copy the directory containing it.`,
  })
}

interface Link {
  /** Its path. */
  readonly name: string
  readonly target: string
  /** Its target, below the root. */
  readonly to: string
}

/** Returns the last symlink on a path. */
function linkOn(tree: Tree, parts: readonly string[]): Link | undefined {
  for (let end = parts.length; end > 0; end--) {
    const name = parts.slice(0, end).join('/')
    const parent = tree.find(parts.slice(0, end - 1).join('/'))
    const node = parent?.kind === 'directory' ? nodeAt(parent, [parts[end - 1]!]) : undefined
    if (node?.kind === 'symlink') return { name, target: (node as Symlink).target, to: tree.resolve(name) }
  }
  return undefined
}

function ignoredRemedy({ to }: Link, ignoredBy: IgnoredBy | undefined): string | undefined {
  const rule = ignoredBy?.(to)
  return rule === undefined ? undefined : `"${to}" is excluded by line ${rule.line} of ${rule.file}: ${rule.pattern}`
}

function remedyOfLink(link: Link, ignoredBy: IgnoredBy | undefined): string {
  return (
    ignoredRemedy(link, ignoredBy) ??
    'A link given as a source is followed, but not out of the source. To copy the link itself, copy the directory containing it.'
  )
}

function remedyFor(source: string, path: string, input: Input): string {
  const rule = input.context?.ignoredBy(path)
  if (rule !== undefined) return `It is excluded by line ${rule.line} of ${rule.file}: ${rule.pattern}`
  const meant = nearest(input.tree, path)
  const guess = meant === undefined ? '' : ` Did you mean "${input.context === undefined ? '/' : ''}${meant}"?`
  if (input.context === undefined) return `Paths in ${input.label} are relative to its root.${guess}`
  if (source.split('/').includes('..'))
    return `A path cannot leave the build context (${input.context.name}): "${source}" means "${path}" in it.${guess}`
  return guess.trim() || `Paths are relative to the build context (${input.context.name}).`
}

/** Returns an existing path similar to the wanted one: the first missing part is replaced by the closest name. */
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
