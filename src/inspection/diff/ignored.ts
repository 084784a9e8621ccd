import type { Ignorable } from '../../api/index.ts'

/** Tells differences that count from those that do not, and counts the latter. */
export class Ignored {
  readonly counts: Partial<Record<Ignorable, number>> = {}
  private readonly kinds: ReadonlySet<string>

  constructor(kinds: Iterable<Ignorable>) {
    this.kinds = new Set(kinds)
  }

  /** Whether differences of the kind do not count; each that is asked for is counted. */
  has(kind: string): boolean {
    if (!this.kinds.has(kind)) return false
    this.counts[kind as Ignorable] = (this.counts[kind as Ignorable] ?? 0) + 1
    return true
  }
}
