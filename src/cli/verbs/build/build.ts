import type { BuildResult, Reporter, TareEvent } from '../../../index.ts'
import { type Call, defineVerb } from '../../command.ts'
import { UsageError } from '../../failure.ts'
import { progressOutput } from '../../progress-output.ts'
import { openProgress, type ProgressMode, progressModes } from '../../render/progress.ts'
import type { Progress } from '../../render/renderer.ts'
import {
  formatLeak,
  formatLine,
  formatWarnings,
  isLeak,
  isUnchecked,
  type WarningEvent,
} from '../../render/warnings.ts'
import { print, printData, tell } from '../../streams.ts'
import { answer, readQuestion } from './build-call.ts'
import { refuseUnwritable, removeIdFile, writeIdFile, writeMetadataFile } from './build-files.ts'
import { type BuildFlags, buildFlags } from './build-flags.ts'
import { readBuildOptions } from './build-options.ts'
import { collectExplanations, type Explanations } from './explanations.ts'
import { pausable, readOnError, shellIn } from './failed-step.ts'
import { readOutputs } from './outputs/read-outputs.ts'

type BuildCall = Call<BuildFlags>

export const build = defineVerb({
  usage: '[OPTIONS] PATH | URL | -',
  args: { least: 1, most: 1 },
  flags: buildFlags,
  run: async (call) => {
    const mode = readMode(call)
    const wantsShell = readOnError(call)
    const question = readQuestion(call)
    const { toStdout, ...outputs } = readOutputs(call)
    const options = { ...(await readBuildOptions(call)), ...outputs }
    const { iidfile } = call.flags
    for (const path of [iidfile, call.flags['metadata-file']]) if (path !== undefined) refuseUnwritable(path)
    if (iidfile !== undefined && question === undefined) removeIdFile(iidfile)
    const tare = await call.open()
    const warnings: WarningEvent[] = []
    const progress = pausable(await openProgress(mode, progressOutput(call)))
    const explained = collectExplanations()
    const report = tee(progress, warnings, call, mode, explained)
    const onFailedStep = wantsShell ? shellIn(call, progress) : undefined
    if (question !== undefined) {
      const { text, exitCode } = await shown(progress, () => answer(question, tare, { ...options, report }, warnings))
      await (question.json ? printData(call.streams, text, 'json') : print(call.streams, text))
      return exitCode
    }
    const onImage = async (image: BuildResult) => {
      for (const text of pushedIn(image)) if (!call.flags.quiet) await tell(call.streams, `pushed ${text}\n`)
      writeFiles(call, image, explained)
      if (mode === 'quiet' && !toStdout) await print(call.streams, `${image.id}\n`)
    }
    const buildAll = async () => {
      if (call.flags.verify)
        await (await import('./verify/verify.ts')).verifyBuild(call, tare, { ...options, report, onFailedStep })
      return tare.build({ ...options, report, onFailedStep, onImage })
    }
    const work = () => shown(progress, buildAll)
    if (mode === 'quiet' || mode === 'rawjson') await work()
    else await withReports({ explained, warnings }, call, work)
    return 0
  },
})

/** Runs the work with its progress on the screen. */
async function shown<T>(progress: Progress, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } finally {
    progress.finish()
  }
}

interface Reports {
  readonly explained: Explanations
  readonly warnings: readonly WarningEvent[]
}

/** Explanations and warnings follow the work, even if it fails. */
async function withReports<T>({ explained, warnings }: Reports, call: BuildCall, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } finally {
    await tell(call.streams, explained.text())
    await tell(call.streams, formatWarnings(warnings, call.debug))
  }
}

function tee(
  progress: Progress,
  warnings: WarningEvent[],
  { streams, env }: BuildCall,
  mode: ProgressMode,
  explained: Explanations,
): Reporter {
  const isColored = () => streams.stderr.isTTY === true && !env['NO_COLOR']
  return (event: TareEvent) => {
    if (event.type === 'warning') warnings.push(event)
    explained.take(event)
    progress.report(event)
    if (isLeak(event)) progress.interject(formatLeak(event, isColored()))
    // The result may differ from what was requested.
    if (mode === 'quiet' && isUnchecked(event)) progress.interject(formatLine(event))
  }
}

/** `-q` is `--progress=quiet`; without either, BUILDKIT_PROGRESS decides. */
function readMode({ flags, given, env }: BuildCall): ProgressMode {
  const asked = (given.has('progress') ? flags.progress : env['BUILDKIT_PROGRESS']) || 'auto'
  const mode = progressModes.find((candidate) => candidate === asked)
  if (mode === undefined)
    throw new UsageError(`invalid progress mode ${JSON.stringify(asked)}`, `The modes are ${progressModes.join(', ')}.`)
  if (!flags.quiet) return mode
  if (given.has('progress') && mode !== 'quiet' && mode !== 'auto')
    throw new UsageError(`progress=${mode} and quiet cannot be used together`)
  return 'quiet'
}

function writeFiles({ flags }: BuildCall, result: BuildResult, explained: Explanations): void {
  if (flags.iidfile !== undefined) writeIdFile(flags.iidfile, result)
  if (flags['metadata-file'] !== undefined) writeMetadataFile(flags['metadata-file'], result, explained.steps())
}

/** Returns what was pushed, with its digest. */
function pushedIn({ outputs }: BuildResult): readonly string[] {
  return outputs.flatMap(({ kind, to, digest }) =>
    kind !== 'push' ? [] : to.includes('@') ? [to] : [`${to}@${digest}`],
  )
}
