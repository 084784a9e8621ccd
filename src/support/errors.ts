import type { TareErrorCode } from './error-codes.ts'

/** A range of lines in a source file. Lines count from 1; `text` is the whole file, for showing an excerpt. */
export interface SourceRange {
  readonly file: string
  readonly line: number
  readonly endLine: number
  readonly text: string
}

/** What a TareError has besides its code and message. */
export interface TareErrorOptions {
  /** What the user can do about it, as a full sentence. Default: none. */
  readonly remedy?: string | undefined
  /** The lines it is about. Default: none. */
  readonly where?: SourceRange | undefined
  /** The error that led to it. Default: none. */
  readonly cause?: unknown
}

/**
 * An error a user can run into: what happened, to what, and what to do about it. `code` is stable and upper-case (`COPY_SOURCE_MISSING`). A plain
 * Error means a bug in tare.
 */
export class TareError extends Error {
  /** What happened, for programs: stable, upper-case. */
  readonly code: TareErrorCode
  /** What can be done about it: a full sentence. */
  readonly remedy: string | undefined
  /** The lines of the Dockerfile (or of another file) that it is about. */
  readonly where: SourceRange | undefined

  constructor(code: TareErrorCode, message: string, options: TareErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'TareError'
    this.code = code
    this.remedy = options.remedy
    this.where = options.where
  }

  /** Serializes the error for programs, without stack, cause and file text. */
  toJSON(): object {
    const { code, message, remedy, where } = this
    const { file, line, endLine } = where ?? {}
    return {
      ...{ code, message },
      ...(remedy === undefined ? {} : { remedy }),
      ...(where === undefined ? {} : { where: { file, line, endLine } }),
    }
  }
}

/** Returns the error with a source location, unless it already has one. Anything but a TareError is returned unchanged. */
export function locate(error: unknown, where: SourceRange | undefined): unknown {
  if (!(error instanceof TareError) || error.where !== undefined || where === undefined) return error
  return new TareError(error.code, error.message, { remedy: error.remedy, where, cause: error.cause })
}

/** Returns the system error code (`ENOENT`, `EACCES`, …) of a thrown value, if it has one. */
export function systemCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined)?.code
  return typeof code === 'string' && !(error instanceof TareError) ? code : undefined
}

/** Whether a program failed to start because it does not exist. (ENOTDIR: an entry of PATH is a file.) */
export function isMissingProgram(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')
}

/** Returns the message of any thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Masks user names and passwords in URLs within a text, as Docker does. A user name alone in an ssh URL is not a secret. */
export function withoutCredentials(text: string): string {
  return text.replace(/\b([a-z][a-z0-9+.-]*):\/\/([^/?#\s]*)@/gi, (whole, scheme: string, user: string) =>
    /^https?$/i.test(scheme) || user.includes(':') ? `${scheme}://xxxxx:xxxxx@` : whole,
  )
}

/** Returns the candidate closest to `word` for a "did you mean" hint, if one is close enough. Ignores case. */
export function closest(word: string, candidates: Iterable<string>): string | undefined {
  const wanted = word.toLowerCase()
  let best: string | undefined
  let least = Math.max(2, Math.ceil(wanted.length / 3)) + 1
  for (const candidate of candidates) {
    const distance = editDistance(wanted, candidate.toLowerCase(), least)
    if (distance < least && distance < Math.max(wanted.length, candidate.length)) {
      best = candidate
      least = distance
    }
  }
  return best
}

/** Returns the Levenshtein distance, capped at `limit`. Strings are compared by UTF-16 unit, lists by item. */
export function editDistance(a: ArrayLike<string>, b: ArrayLike<string>, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const swap = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(swap, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return Math.min(row[b.length]!, limit)
}
