import { setTimeout as sleep } from 'node:timers/promises'
import { systemCode, TareError } from '../support/index.ts'

export interface RetrySettings {
  /** The maximum number of attempts. */
  readonly attempts: number
  /** Milliseconds before the second attempt. Doubles with each attempt, with jitter. */
  readonly delay: number
  /** The longest Retry-After that is honoured, in milliseconds. */
  readonly longestWait: number
  readonly signal?: AbortSignal | undefined
}

/** Thrown by an attempt that should be repeated; `error` is thrown after the last one. */
export class TryAgain extends Error {
  readonly error: unknown
  /** Milliseconds the server asked us to wait. */
  readonly wait: number | undefined

  constructor(error: unknown, wait?: number) {
    super('try again')
    this.error = error
    this.wait = wait
    if (wait !== undefined && typeof error === 'object' && error !== null) waits.set(error, wait)
  }
}

const waits = new WeakMap<object, number>()

/** Returns the wait, in milliseconds, that a server requested with this error, for callers with their own retries. */
export function waitOf(error: unknown): number | undefined {
  return typeof error === 'object' && error !== null ? waits.get(error) : undefined
}

/** Repeats `attempt` until it stops throwing TryAgain or the attempts are used up. */
export async function persist<T>(settings: RetrySettings, attempt: (count: number) => Promise<T>): Promise<T> {
  for (let count = 1; ; count++) {
    try {
      settings.signal?.throwIfAborted()
      return await attempt(count)
    } catch (error) {
      if (settings.signal?.aborted) throw settings.signal.reason
      const again = error instanceof TryAgain ? error : mayPass(error) ? new TryAgain(error) : undefined
      if (again === undefined) throw error
      if (count >= settings.attempts || (again.wait ?? 0) > settings.longestWait) throw again.error
      await pause(settings, count, again.wait)
    }
  }
}

/** Waits before attempt number `count` + 1. */
export async function pause({ delay, signal }: RetrySettings, count: number, wait = 0): Promise<void> {
  // Half of the delay is random, so that clients refused together do not return together.
  const own = delay * 2 ** (count - 1) * (0.5 + Math.random() / 2)
  await sleep(Math.max(own, wait), undefined, signal === undefined ? {} : { signal })
}

const passing = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENETUNREACH', 'EHOSTUNREACH'])

/** Whether a network error may be temporary. Refused connections and unknown host names are not. */
export function mayPass(error: unknown): boolean {
  if (error instanceof TareError) return false
  const code = systemCode(error)
  // A parse error means a connection was cut in the middle of headers or a chunk.
  return code !== undefined && (passing.has(code) || code.startsWith('HPE_'))
}

/** Whether a status is temporary. */
export function isPassing(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status === 500 || (status >= 502 && status <= 504)
}

/** Parses a Retry-After header (seconds or a date) into milliseconds. */
export function readRetryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1000
  const date = Date.parse(header)
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}
