import type { BuildOptions } from '../../../index.ts'
import type { Call } from '../../command.ts'
import { Failure, UsageError } from '../../failure.ts'
import type { Progress } from '../../render/renderer.ts'
import { tell } from '../../streams.ts'
import { printable } from '../../text/printable.ts'
import type { BuildFlags } from './build-flags.ts'

type BuildCall = Pick<Call<BuildFlags>, 'flags' | 'streams'>

/** Whether `--on-error=shell` was given. Throws if there is no terminal for the shell. */
export function readOnError({ flags, streams }: BuildCall): boolean {
  const asked = flags['on-error']
  if (asked === undefined || asked === '') return false
  if (asked !== 'shell') throw new UsageError(`invalid --on-error ${JSON.stringify(asked)}`, 'It is shell.')
  if (streams.stdin.isTTY === true && streams.stdout.isTTY === true && streams.stderr.isTTY === true) return true
  throw new Failure('--on-error=shell needs a terminal', {
    remedy: 'Drop it; a step’s output is shown anyway.',
  })
}

export interface PausableProgress extends Progress {
  /** Ends the display; nothing more is drawn. */
  stop(): void
}

export function pausable(progress: Progress): PausableProgress {
  let stopped = false
  return {
    report: (event) => {
      if (!stopped) progress.report(event)
    },
    interject: (text) => progress.interject(text),
    finish: () => {
      if (!stopped) progress.finish()
    },
    stop: () => {
      if (!stopped) progress.finish()
      stopped = true
    },
  }
}

/** Opens a shell in what a failed step left; if several fail, in the first. */
export function shellIn(call: BuildCall, progress: PausableProgress): BuildOptions['onFailedStep'] {
  let opened = false
  return async ({ title, message, shell }) => {
    if (opened) return
    opened = true
    progress.stop()
    await tell(
      call.streams,
      `\n${printable(title)}\n${printable(message)}\nThis shell runs in the filesystem the step left; changes are discarded when you leave it (exit or Ctrl-D).\n`,
    )
    await shell()
  }
}
