import { hasWildcard, ignoreMatcher, ignoreRules } from '../../../dockerfile/values/index.ts'
import { nodeAt, partsOf, type Tree } from '../../../files/tree/index.ts'
import type { IgnoredBy } from './missing.ts'
import { type Pick, pickSources } from './pick-sources.ts'

/**
 * Resolves a source of `COPY --parents`: a directory, which is the root unless there is a pivot `/./`, and what is copied from
 * it. The whole path after the pivot is kept; symlinks in it are not followed; wildcards work as in .dockerignore, so `**` may
 * appear anywhere. Returns undefined if the directory does not exist, or a path without wildcards does not. Throws
 * `IGNORE_PATTERN`.
 */
export function pickParents(tree: Tree, source: string, ignoredBy?: IgnoredBy): Pick[] | undefined {
  const { base, pattern } = splitAtPivot(source)
  const bases = pickSources(tree, base, ignoredBy)
  const parts = partsOf(pattern)
  if (bases === undefined || parts.length === 0) return bases
  if (!hasWildcard(base) && !hasWildcard(pattern) && !bases.some(({ node }) => isThere(node, parts))) return undefined
  const include = ignoreMatcher(ignoreRules([parts.join('/')]))
  return bases.map((pick) => ({ ...pick, include }))
}

/** Splits a source of --parents at its pivot. */
export function splitAtPivot(source: string): { readonly base: string; readonly pattern: string } {
  const pivot = source.indexOf('/./')
  return pivot < 0
    ? { base: '', pattern: source }
    : { base: source.slice(0, pivot), pattern: source.slice(pivot + '/./'.length) }
}

function isThere(node: Pick['node'], parts: readonly string[]): boolean {
  return node.kind !== 'directory' || nodeAt(node, parts) !== undefined
}
