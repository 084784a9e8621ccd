import { setTimeout as sleep } from 'node:timers/promises'
import { systemCode, TareError } from '../support/index.ts'

export interface RetrySettings {
  /** How often something is tried in all. */
  readonly attempts: number
  /** Milliseconds before the second try; doubles with each, and a random part of it is left out. */
  readonly delay: number
  /** Milliseconds that a registry may ask us to wait. */
  readonly longestWait: number
  readonly signal?: AbortSignal | undefined
}

/** Thrown by an attempt to ask for another; `error` is what is thrown in the end. */
export class TryAgain extends Error {
  readonly error: unknown
  /** Milliseconds that the other side asked for. */
  readonly wait: number | undefined

  constructor(error: unknown, wait?: number) {
    super('try again')
    this.error = error
    this.wait = wait
    if (wait !== undefined && typeof error === 'object' && error !== null) waits.set(error, wait)
  }
}

const waits = new WeakMap<object, number>()

/** Milliseconds that the other side asked for with this error, for whoever tries again by himself. */
export function waitOf(error: unknown): number | undefined {
  return typeof error === 'object' && error !== null ? waits.get(error) : undefined
}

/** Does `attempt` until it does not ask for another try, or there were enough. */
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

/** Waits before try number `count` + 1. */
export async function pause({ delay, signal }: RetrySettings, count: number, wait = 0): Promise<void> {
  // Half of it by chance: many clients that were refused together should not come back together.
  const own = delay * 2 ** (count - 1) * (0.5 + Math.random() / 2)
  await sleep(Math.max(own, wait), undefined, signal === undefined ? {} : { signal })
}

const passing = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENETUNREACH', 'EHOSTUNREACH'])

/** Whether an error of the network may be gone the next time. Nobody listening, and a name that does not exist, stay. */
export function mayPass(error: unknown): boolean {
  if (error instanceof TareError) return false
  const code = systemCode(error)
  // The parser of HTTP met nonsense: a connection that was cut inside of a head or a chunk.
  return code !== undefined && (passing.has(code) || code.startsWith('HPE_'))
}

/** Whether a status is said for the moment only. */
export function isPassing(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status === 500 || (status >= 502 && status <= 504)
}

/** Milliseconds that a Retry-After header asks for: seconds, or a date. */
export function readRetryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1000
  const date = Date.parse(header)
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}
