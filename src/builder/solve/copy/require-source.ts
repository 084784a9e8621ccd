import { compilePath } from '../../../dockerfile/values/index.ts'
import { partsOf } from '../../../files/tree/index.ts'
import type { Input } from '../input.ts'
import { explainMissing } from './missing.ts'
import { pickParents } from './pick-parents.ts'
import { type Pick, pickSources } from './pick-sources.ts'

/** Resolves a source of COPY or ADD, with `parents` as for --parents. Throws `COPY_SOURCE_MISSING` if it does not exist. */
export function requireSource(path: string, parents: boolean, input: Input): readonly Pick[] {
  const { tree, context } = input
  const ignoredBy = context?.ignoredBy.bind(context)
  const picks = (parents ? pickParents : pickSources)(tree, path, ignoredBy)
  if (picks === undefined) throw explainMissing(path, input)
  // Docker's client rejects such a pattern; in a stage or an image it simply matches nothing.
  if (picks.length === 0 && context !== undefined) compilePath(partsOf(path).join('/'))
  return picks
}
