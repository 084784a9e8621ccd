import { type SourceRange, TareError } from '../../support/index.ts'

/** Error codes for a faulty Dockerfile. */
export type DockerfileError =
  | 'DOCKERFILE_EMPTY'
  | 'DOCKERFILE_ENCODING'
  | 'DOCKERFILE_LINE_TOO_LONG'
  | 'DOCKERFILE_DIRECTIVE'
  | 'DOCKERFILE_SYNTAX'
  | 'DOCKERFILE_HEREDOC'
  | 'DOCKERFILE_UNKNOWN_INSTRUCTION'
  | 'DOCKERFILE_UNKNOWN_FLAG'
  | 'DOCKERFILE_FLAG'
  | 'DOCKERFILE_ARGUMENTS'
  | 'DOCKERFILE_STAGE'
  | 'DOCKERFILE_ONBUILD'
  | 'DOCKERFILE_EXPANSION'
  | 'DOCKERFILE_MOUNT'
  | 'DOCKERFILE_EXPOSE'
  | 'DOCKERFILE_SIGNAL'
  | 'DOCKERFILE_CHMOD'
  | 'GIT_ADDRESS_INVALID'

/** Creates an error in BuildKit's words, to which a caller that knows the line adds the location. */
export function refusal(code: DockerfileError, message: string, remedy?: string): TareError {
  return new TareError(code, message, { remedy })
}

/** Formats an error as BuildKit does for an instruction that was split into words but not accepted. */
export function onLine(error: unknown, where: SourceRange): unknown {
  if (!(error instanceof TareError) || error.where !== undefined) return error
  const message = `dockerfile parse error on line ${where.line}: ${error.message}`
  return new TareError(error.code, message, { remedy: error.remedy, where, cause: error.cause })
}

/** Maximum length of an expanded word in characters: far more than anyone needs. */
export const longestText = 16 << 20

/** Variables defined in terms of each other may double with every line. */
export function tooLong(): TareError {
  const remedy = 'Variables defined in terms of each other can double with every line.'
  return refusal('DOCKERFILE_EXPANSION', `the text is longer than ${longestText} characters`, remedy)
}
