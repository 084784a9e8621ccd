import { ticks } from '../../support/index.ts'

// Milliseconds: what is lost if the process is killed can soon be made again.
const longest = 2000

/**
 * Results that count once a look at files has shown that they may. For many files it takes as long as a quick step, and one look
 * tells about all steps that have ended before: so several wait for the same one.
 */
export class Unsettled {
  private readonly waiting: (() => Promise<void>)[] = []
  private since = ticks()
  private settled: Promise<void> = Promise.resolve()
  private steps: number

  /** `steps`: how many may have such results. */
  constructor(steps: number) {
    this.steps = steps
  }

  /** Whether only one step has not ended, so that what it finds out as soon as its command has ended serves for all. */
  get isLast(): boolean {
    return this.steps === 1
  }

  /** Called when a step has ended, whatever it has made. */
  ended(): void {
    this.steps--
  }

  /** Calls `settle` soon, or when all steps have ended. */
  add(settle: () => Promise<void>): void {
    this.waiting.push(settle)
    if (ticks() - this.since > longest) void this.settle()
  }

  /** Rejects if one of the results, of now or before, could not be settled. */
  settle(): Promise<void> {
    this.since = ticks()
    const [before, waiting] = [this.settled, this.waiting.splice(0)]
    const settle = async () => {
      await before
      for (const one of waiting) await one()
    }
    this.settled = settle()
    this.settled.catch(() => {})
    return this.settled
  }
}
