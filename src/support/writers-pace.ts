import { ticks } from './ticks.ts'

/**
 * Times the writers of a document that others write as well, and of which only the last one is kept: each writes, waits until
 * whoever had read before that must have written too, looks whether its own part is still there, and otherwise tries again.
 */
export class WritersPace {
  private slowest: number
  private attempts = 0
  private since = 0

  /** `shortest`: what a write is taken to last at least, in milliseconds. */
  constructor(shortest: number) {
    this.slowest = shortest
  }

  /** Begins an attempt: called before what is to be replaced is read. */
  begin(): void {
    this.attempts += 1
    this.since = ticks()
  }

  /**
   * Ends an attempt's write. Returns how many milliseconds to wait before what is there can be believed. One retry shows that others
   * write too, and a busy registry is as slow for them.
   */
  written(): number {
    this.slowest = Math.max(this.slowest, ticks() - this.since)
    return this.slowest * (this.attempts === 1 ? 2 : 4)
  }

  /** Returns how many milliseconds to wait before another attempt, so that writers do not stay in step. */
  spread(): number {
    return Math.random() * this.attempts * this.slowest
  }
}
