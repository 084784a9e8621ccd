import type { BuildOptions, BuildWarning } from '../api/index.ts'
import type { Planned } from './plan/index.ts'

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
