import { ticks } from './ticks.ts'

// Milliseconds: too short for a person to notice, and much longer than a turn of the event loop.
const longest = 50

/** Keeps long synchronous work from blocking signals, timers and the output of running commands. */
export class Pace {
  private readonly signal: AbortSignal | undefined
  private since = ticks()

  constructor(signal?: AbortSignal) {
    this.signal = signal
  }

  /** Yields to the event loop if the last yield was too long ago. Rejects if the signal is aborted. */
  async keep(): Promise<void> {
    this.signal?.throwIfAborted()
    if (ticks() - this.since < longest) return
    await new Promise((resolve) => setImmediate(resolve))
    this.signal?.throwIfAborted()
    this.since = ticks()
  }
}

/** Runs an iterator to its end, yielding to the event loop regularly. Rejects if the signal is aborted. */
export async function unhurried<T>(work: Iterator<void, T>, signal: AbortSignal): Promise<T> {
  const pace = new Pace(signal)
  for (;;) {
    const { done, value } = work.next()
    if (done === true) return value
    await pace.keep()
  }
}
