/** Where in a text something stands. Lines count from 1; `text` is the whole file, so that an excerpt can be shown. */
export interface SourceRange {
  readonly file: string
  readonly line: number
  readonly endLine: number
  readonly text: string
}

export interface TareErrorOptions {
  /** What the user can do about it: a full sentence. */
  readonly remedy?: string | undefined
  readonly where?: SourceRange | undefined
  readonly cause?: unknown
}

/**
 * Something a user can meet: what happened, to what, and what to do. `code` is stable and upper-case (`COPY_SOURCE_MISSING`).
 * What only a defect of tare can cause is a plain Error.
 */
export class TareError extends Error {
  readonly code: string
  readonly remedy: string | undefined
  readonly where: SourceRange | undefined

  constructor(code: string, message: string, options: TareErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'TareError'
    this.code = code
    this.remedy = options.remedy
    this.where = options.where
  }

  /** For programs: everything but stack, cause and the text of the file. */
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

/** The same error with a place in the source, where it has none yet. Anything but a TareError comes back as it is. */
export function locate(error: unknown, where: SourceRange | undefined): unknown {
  if (!(error instanceof TareError) || error.where !== undefined || where === undefined) return error
  return new TareError(error.code, error.message, { remedy: error.remedy, where, cause: error.cause })
}

/** The system's error code (`ENOENT`, `EACCES`, …) of what was thrown, if it has one. */
export function systemCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined)?.code
  return typeof code === 'string' && !(error instanceof TareError) ? code : undefined
}

/** Whether a program could not be started because there is none of that name; a PATH may also lead through a file. */
export function isMissingProgram(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')
}

/** The text of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** An address, or a text with addresses, as it may be shown: user and password are crossed out, as Docker does. The user of ssh alone is no secret. */
export function withoutCredentials(text: string): string {
  return text.replace(/\b([a-z][a-z0-9+.-]*):\/\/([^/?#\s]*)@/gi, (whole, scheme: string, user: string) =>
    /^https?$/i.test(scheme) || user.includes(':') ? `${scheme}://xxxxx:xxxxx@` : whole,
  )
}

/** The candidate nearest to `word`, if near enough to have been meant: for "did you mean". Case does not count. */
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

/** Levenshtein's distance, or `limit` when it is not less. A string is compared by its UTF-16 units, a list by its items. */
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
