import type { Ignorable } from '../../api/index.ts'

/** Decides which differences count, and counts the others. */
export class Ignored {
  readonly counts: Partial<Record<Ignorable, number>> = {}
  private readonly kinds: ReadonlySet<string>

  constructor(kinds: Iterable<Ignorable>) {
    this.kinds = new Set(kinds)
  }

  /** Whether differences of this kind are ignored; counts each one. */
  has(kind: string): boolean {
    if (!this.kinds.has(kind)) return false
    this.counts[kind as Ignorable] = (this.counts[kind as Ignorable] ?? 0) + 1
    return true
  }
}
