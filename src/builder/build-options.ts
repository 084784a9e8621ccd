import type { BuildOptions, BuildWarning } from '../api/index.ts'
import { parseReference, type Reference } from '../oci/index.ts'
import { TareError } from '../support/index.ts'
import type { Planned } from './plan/index.ts'

/** Parses a name for the image. Throws `REFERENCE_INVALID`. */
export function readTag(text: string): Reference {
  let name: Reference
  try {
    name = parseReference(text)
  } catch (error) {
    if (!(error instanceof TareError)) throw error
    throw new TareError('REFERENCE_INVALID', `invalid tag "${text}": ${error.message.replace(`: "${text}"`, '')}`, {
      remedy: error.remedy,
    })
  }
  if (name.digest !== undefined)
    throw new TareError('REFERENCE_INVALID', `invalid tag "${text}": a tag cannot have a digest`)
  return name
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
