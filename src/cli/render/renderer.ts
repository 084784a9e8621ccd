import type { Reporter } from '../../index.ts'

/** Shows the progress of a build. */
export interface Progress {
  readonly report: Reporter
  /** Prints text at once, whatever else is shown; it has been made printable. */
  interject(text: string): void
  /** Ends: prints what was held back, and restores the terminal. */
  finish(): void
}

export interface ProgressOutput {
  /** Writes text at once. */
  readonly write: (text: string) => void
  readonly isTerminal: boolean
  /** Queried for each frame, since a window may be resized. */
  readonly size: () => { readonly columns: number; readonly rows: number }
  readonly env: NodeJS.ProcessEnv
  /** Milliseconds since 1970. */
  readonly now: () => number
}
