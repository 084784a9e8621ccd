import type { TareEvent } from '../../index.ts'
import { printableJson } from '../text/printable.ts'
import type { Progress, ProgressOutput } from './renderer.ts'

export const progressModes = ['auto', 'none', 'plain', 'quiet', 'rawjson', 'tty'] as const
export type ProgressMode = (typeof progressModes)[number]

/** Opens the renderer for a mode, loading only its file. Without a terminal, or with a dumb one, `tty` means `plain`. */
export async function openProgress(mode: ProgressMode, output: ProgressOutput): Promise<Progress> {
  if (mode === 'none' || mode === 'quiet') return { report: () => {}, interject: output.write, finish: () => {} }
  if (mode === 'rawjson')
    return { report: (event) => output.write(jsonLine(event)), interject: () => {}, finish: () => {} }
  const live = output.isTerminal && output.env['TERM'] !== 'dumb'
  if (mode === 'plain' || !live) return (await import('./plain.ts')).plainProgress(output)
  return (await import('./tty.ts')).ttyProgress(output)
}

/** JSON is read in logs, too: control characters are escaped. */
function jsonLine(event: TareEvent): string {
  return `${printableJson(JSON.stringify(event))}\n`
}
