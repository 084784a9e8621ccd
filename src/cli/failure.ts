export interface FailureOptions {
  readonly exitCode?: number | undefined
  /** What the user can do about it: a full sentence. */
  readonly remedy?: string | undefined
}

/**
 * Something the command line itself refuses, before or beside the library. The library's own refusals are TareErrors;
 * this one exists so that a wrong flag can be told without loading the library.
 */
export class Failure extends Error {
  readonly exitCode: number
  readonly remedy: string | undefined

  constructor(message: string, options: FailureOptions = {}) {
    super(message)
    this.name = 'Failure'
    this.exitCode = options.exitCode ?? 1
    this.remedy = options.remedy
  }
}

/** What docker exits with when a flag is wrong. */
export const usageExitCode = 125

/** The command line is wrong: the message is followed by where to read what is right. The exit code is docker's, 125 for a flag. */
export class UsageError extends Failure {
  constructor(message: string, remedy?: string, exitCode: number = usageExitCode) {
    super(message, { exitCode, remedy })
    this.name = 'UsageError'
  }
}

/** What docker has and tare will have. */
export function notYet(what: string, remedy?: string): Failure {
  return new Failure(`${what} is not supported by tare yet`, { remedy })
}
