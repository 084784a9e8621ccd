import type { Reporter } from '../../index.ts'

/** Shows what happens while a build runs. */
export interface Progress {
  readonly report: Reporter
  /** Nothing more will happen: shows what was held back, and leaves the terminal as it was. */
  finish(): void
}

export const progressModes = ['auto', 'none', 'plain', 'quiet', 'rawjson', 'tty'] as const
export type ProgressMode = (typeof progressModes)[number]

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

/** The renderer for a mode; only its file is loaded. `tty` where there is no terminal, or a dumb one, is `plain`. */
export async function openProgress(mode: ProgressMode, output: ProgressOutput): Promise<Progress> {
  if (mode === 'none' || mode === 'quiet') return { report: () => {}, finish: () => {} }
  if (mode === 'rawjson') return { report: (event) => output.write(`${JSON.stringify(event)}\n`), finish: () => {} }
  const live = output.isTerminal && output.env['TERM'] !== 'dumb'
  if (mode === 'plain' || !live) return (await import('./plain.ts')).plainProgress(output)
  return (await import('./tty.ts')).ttyProgress(output)
}
