import type { BuildOptions, Tare } from '../../../index.ts'
import type { Call } from '../../command.ts'
import { UsageError } from '../../failure.ts'
import { formatCheck, type WarningEvent } from '../../render/warnings.ts'
import type { BuildFlags } from './build-flags.ts'

type BuildCall = Call<BuildFlags>

const methods = ['check', 'outline', 'targets', 'subrequests.describe'] as const

/** What is asked of the Dockerfile instead of a build. */
export interface BuildQuestion {
  readonly method: (typeof methods)[number]
  readonly json: boolean
  /** Findings do not change the exit code. */
  readonly ignoreStatus: boolean
}

/** Parses `--call`, `--check` and buildx 0.13's `--print`; undefined for a build. */
export function readQuestion({ flags, given }: Pick<BuildCall, 'flags' | 'given'>): BuildQuestion | undefined {
  const text = given.has('print') ? (flags.print ?? '') : (flags.call ?? '')
  const [name = '', ...fields] = text.split(',')
  const isBuild = name === '' || name === 'build'
  if (flags.check && !isBuild && name !== 'check' && name !== 'lint')
    throw new UsageError(`--check and --call=${name} cannot be combined`)
  const known = methods.find((method) => method === (name === 'lint' ? 'check' : name))
  const method = flags.check ? 'check' : known
  if (method === undefined && !isBuild)
    throw new UsageError(`invalid call "${name}"`, `The methods are build, ${methods.join(', ')}.`)
  let [json, ignoreStatus] = [false, false]
  for (const field of fields) {
    const [key, value = ''] = field.split('=')
    if (key === 'format' && /^(?:json|text|)$/.test(value)) json = value === 'json'
    else if (key === 'ignorestatus' && /^(?:true|false|1|0)$/.test(value)) ignoreStatus = /^(?:true|1)$/.test(value)
    else
      throw new UsageError(
        `invalid field "${field}" of --call`,
        'The fields are format=json|text and ignorestatus=true.',
      )
  }
  return method === undefined ? undefined : { method, json, ignoreStatus }
}

/** An answer to be printed. */
export interface Answer {
  readonly text: string
  readonly exitCode: number
}

/** Returns what is asked for. `warnings` are filled while the Dockerfile is checked. */
export async function answer(
  { method, json, ignoreStatus }: BuildQuestion,
  tare: Tare,
  options: BuildOptions,
  warnings: readonly WarningEvent[],
): Promise<Answer> {
  const texts = await import('../../render/answers.ts')
  const of = (text: string, exitCode = 0) => ({ text, exitCode })
  if (method === 'subrequests.describe') return of(json ? texts.describeJson() : texts.describeText())
  if (method === 'targets') {
    const targets = await tare.targets(options)
    return of(json ? texts.targetsJson(targets) : texts.targetsText(targets))
  }
  if (method === 'outline') {
    const outline = await tare.outline(options)
    return of(json ? texts.outlineJson(outline) : texts.outlineText(outline))
  }
  await checkOnly(tare, options)
  return of(json ? texts.checkJson(warnings) : formatCheck(warnings), warnings.length === 0 || ignoreStatus ? 0 : 1)
}

/** If the Dockerfile turns warnings into errors, they have already been printed. */
async function checkOnly(tare: Tare, options: BuildOptions): Promise<void> {
  try {
    await tare.checkDockerfile(options)
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'CHECK_FAILED') throw error
  }
}
