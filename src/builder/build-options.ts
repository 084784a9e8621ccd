import type { BuildOptions, BuildWarning } from '../api/index.ts'
import { TareError } from '../support/index.ts'
import type { Planned, PlanOptions } from './plan/index.ts'

/** Returns what is to be squashed. Throws `OPTION_INVALID` where the image has to have the layers of its steps. */
export function squashOf({ squash, squashFrom, cacheTo = [], buildArgs = {} }: BuildOptions): PlanOptions['squash'] {
  if (squash !== true && squashFrom === undefined) return undefined
  const isInline = /^(?:1|true)$/i.test(buildArgs['BUILDKIT_INLINE_CACHE'] ?? '')
  if (isInline || cacheTo.some(({ type }) => type === 'inline'))
    throw new TareError('OPTION_INVALID', 'an inline cache is made of the layers that squashing merges', {
      remedy: 'Export the cache to a registry or a folder.',
    })
  return { from: squashFrom }
}

/** Returns a plan's warnings in the form of the result. */
export function warningsOf({ warnings }: Planned): BuildWarning[] {
  return warnings.map(({ rule, message, url, where }) => ({
    ...{ rule, message, line: where.line },
    ...(url === undefined ? {} : { url }),
  }))
}

/** Returns the build arguments with values. Those without one, and SOURCE_DATE_EPOCH, come from the environment. */
export function buildArguments({ buildArgs = {}, environment = {} }: BuildOptions): Map<string, string> {
  const given = new Map<string, string>()
  const epoch = environment['SOURCE_DATE_EPOCH']
  if (epoch !== undefined && epoch !== '') given.set('SOURCE_DATE_EPOCH', epoch)
  for (const [name, value] of Object.entries(buildArgs)) {
    const found = value ?? environment[name]
    if (found !== undefined) given.set(name, found)
  }
  return given
}
