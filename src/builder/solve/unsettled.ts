// Milliseconds: what is lost if the process is killed can soon be made again.
const longest = 2000

/**
 * Results that count once a look at files has shown that they may. For many files it takes as long as a quick step, and one look
 * tells about all steps that have ended before: so several wait for the same one.
 */
export class Unsettled {
  private readonly waiting: (() => void)[] = []
  private since = performance.now()

  /** Calls `settle` now, soon, or when all steps have ended. */
  add(settle: () => void): void {
    this.waiting.push(settle)
    if (performance.now() - this.since > longest) this.settle()
  }

  settle(): void {
    this.since = performance.now()
    for (const settle of this.waiting.splice(0)) settle()
  }
}
