import { TareError, type TareErrorCode } from '../../support/index.ts'

const remedy =
  'The archive is damaged or truncated; create or download it again. `tar -tvf` shows how far it can be read.'

/** Returns the error for a damaged archive, with the byte position. */
export function damaged(code: TareErrorCode, position: number, what: string): TareError {
  return new TareError(code, `the tar archive cannot be read at byte ${position}: ${what}`, { remedy })
}

export function truncated(position: number, inside: string): TareError {
  return damaged('TAR_TRUNCATED', position, `it ends inside ${inside}`)
}
