// Below what a person notices, and far above what a turn costs.
const longest = 50

/** Keeps long work that never waits from keeping everything else out: signals, timers, what a command prints. */
export class Pace {
  private readonly signal: AbortSignal | undefined
  private since = performance.now()

  constructor(signal?: AbortSignal) {
    this.signal = signal
  }

  /** Lets everything else have its turn, where that has been due for a while. Rejects once the signal is aborted. */
  async keep(): Promise<void> {
    this.signal?.throwIfAborted()
    if (performance.now() - this.since < longest) return
    await new Promise((resolve) => setImmediate(resolve))
    this.signal?.throwIfAborted()
    this.since = performance.now()
  }
}

/** Does the work from one `yield` to the next, and keeps its pace. Rejects once the signal is aborted. */
export async function unhurried<T>(work: Iterator<void, T>, signal: AbortSignal): Promise<T> {
  const pace = new Pace(signal)
  for (;;) {
    const { done, value } = work.next()
    if (done === true) return value
    await pace.keep()
  }
}
