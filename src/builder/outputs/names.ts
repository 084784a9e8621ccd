import { parseReference, type Reference } from '../../oci/index.ts'
import { TareError } from '../../support/index.ts'

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

/** Parses a repository for a push by digest. */
export function readRepository(text: string): Reference {
  const { tag: _, ...name } = readTag(text)
  if (/:[^/]*$/.test(text))
    throw new TareError('REFERENCE_INVALID', `can't push tagged ref ${text} by digest`, {
      remedy: 'Name the repository alone.',
    })
  return name
}
