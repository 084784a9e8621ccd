import { type SourceRange, TareError } from '../../support/index.ts'

/** What may be wrong with a Dockerfile, as the code of the error. */
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

/** An error in BuildKit's words. Its place is added by whoever knows the line. */
export function refusal(code: DockerfileError, message: string, remedy?: string): TareError {
  return new TareError(code, message, { remedy })
}

/** The error as BuildKit reports it for an instruction that it could split into words but not accept. */
export function onLine(error: unknown, where: SourceRange): unknown {
  if (!(error instanceof TareError) || error.where !== undefined) return error
  const message = `dockerfile parse error on line ${where.line}: ${error.message}`
  return new TareError(error.code, message, { remedy: error.remedy, where, cause: error.cause })
}

/** The longest text that a word may come to, in characters: far beyond use, and no trouble for the machine. */
export const longestText = 16 << 20

/** Variables that are made of one another may double with every line. */
export function tooLong(): TareError {
  const remedy = 'Variables that are made of one another may double with every line.'
  return refusal('DOCKERFILE_EXPANSION', `the text is longer than ${longestText} characters`, remedy)
}
