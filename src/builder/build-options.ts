import type { BuildOptions, BuildWarning } from '../api/index.ts'
import type { Warning } from '../dockerfile/index.ts'
import { formatPlatform, type Platform } from '../oci/index.ts'
import { type Reporter, silent, TareError } from '../support/index.ts'
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

/** Returns the warnings of all platforms, each once: those of some platforms only name them. */
function foundIn(planned: readonly Planned[]): readonly Warning[] {
  const found = new Map<string, { readonly warning: Warning; readonly platforms: string[] }>()
  for (const { warnings, output } of planned)
    for (const warning of warnings) {
      const key = JSON.stringify([warning.rule, warning.message, warning.where.line])
      const one = found.get(key) ?? { warning, platforms: [] }
      found.set(key, one)
      const platform = formatPlatform(output.platform)
      if (!one.platforms.includes(platform)) one.platforms.push(platform)
    }
  return [...found.values()].map(({ warning, platforms }) =>
    platforms.length === planned.length
      ? warning
      : { ...warning, message: `${warning.message} (${platforms.join(', ')})` },
  )
}

/** Returns the warnings of plans in the form of the result. */
export function warningsOf(planned: readonly Planned[]): BuildWarning[] {
  return foundIn(planned).map(({ rule, message, url, where }) => ({
    ...{ rule, message, line: where.line },
    ...(url === undefined ? {} : { url }),
  }))
}

/** Layers of Windows have their files below Files/, and other metadata. */
export function warnOfWindows({ os }: Platform, layers: number, report: Reporter = silent): void {
  if (os !== 'windows' || layers === 0) return
  const message =
    'the layers that the build makes for Windows have the form of those for Linux, which Windows cannot mount'
  report({ type: 'warning', rule: 'WindowsLayers', message })
}

/** Reports the warnings of plans. Throws `CHECK_FAILED` if they are errors. */
export function reportWarnings(planned: readonly Planned[], areErrors: boolean, report: Reporter): void {
  const warnings = foundIn(planned)
  for (const { rule, message, url, where } of warnings) report({ type: 'warning', rule, message, url, where })
  if (!areErrors || warnings.length === 0) return
  const rules = [...new Set(warnings.map(({ rule }) => rule))]
  throw new TareError('CHECK_FAILED', `lint violation found for rules: ${rules.join(', ')}`, {
    where: warnings[0]!.where,
    remedy: 'The Dockerfile turns warnings into errors with `# check=error=true`.',
  })
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
