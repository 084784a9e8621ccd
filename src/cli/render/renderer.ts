import type { Reporter } from '../../index.ts'

/** Shows what happens while a build runs. */
export interface Progress {
  readonly report: Reporter
  /** Shows text at once, whatever else is shown; it has been made printable. */
  interject(text: string): void
  /** Nothing more will happen: shows what was held back, and leaves the terminal as it was. */
  finish(): void
}

export interface ProgressOutput {
  /** Takes text at once. */
  readonly write: (text: string) => void
  readonly isTerminal: boolean
  /** Asked anew for each picture: a window may change. */
  readonly size: () => { readonly columns: number; readonly rows: number }
  readonly env: NodeJS.ProcessEnv
  /** Milliseconds since 1970. */
  readonly now: () => number
}
