export interface FailureOptions {
  readonly exitCode?: number | undefined
  /** What the user can do about it, as a full sentence. */
  readonly remedy?: string | undefined
}

/**
 * An error of the command line itself, before or besides the library, whose errors are TareErrors. It exists so that a wrong flag
 * can be reported without loading the library.
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

/** docker's exit code for a wrong flag. */
export const usageExitCode = 125

/** An invalid command line: the message is followed by a pointer to the help. The exit code is docker's, 125 for a flag. */
export class UsageError extends Failure {
  constructor(message: string, remedy?: string, exitCode: number = usageExitCode) {
    super(message, { exitCode, remedy })
    this.name = 'UsageError'
  }
}

/** Returns the error for something docker has and tare does not have yet. */
export function notYet(what: string, remedy?: string): Failure {
  return new Failure(`${what} is not supported by tare yet`, { remedy })
}
