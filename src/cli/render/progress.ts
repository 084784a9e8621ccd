import type { TareEvent } from '../../index.ts'
import { printableJson } from '../text/printable.ts'
import type { Progress, ProgressOutput } from './renderer.ts'

export const progressModes = ['auto', 'none', 'plain', 'quiet', 'rawjson', 'tty'] as const
export type ProgressMode = (typeof progressModes)[number]

/** The renderer for a mode; only its file is loaded. `tty` where there is no terminal, or a dumb one, is `plain`. */
export async function openProgress(mode: ProgressMode, output: ProgressOutput): Promise<Progress> {
  if (mode === 'none' || mode === 'quiet') return { report: () => {}, interject: output.write, finish: () => {} }
  if (mode === 'rawjson')
    return { report: (event) => output.write(jsonLine(event)), interject: () => {}, finish: () => {} }
  const live = output.isTerminal && output.env['TERM'] !== 'dumb'
  if (mode === 'plain' || !live) return (await import('./plain.ts')).plainProgress(output)
  return (await import('./tty.ts')).ttyProgress(output)
}

/** Logs are looked at, too: their JSON says what it says in escapes. */
function jsonLine(event: TareEvent): string {
  return `${printableJson(JSON.stringify(event))}\n`
}
