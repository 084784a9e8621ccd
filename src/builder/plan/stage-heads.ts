import {
  type Dockerfile,
  expand,
  type From,
  findings,
  type Instruction,
  mountFrom,
  type Stage,
} from '../../dockerfile/index.ts'
import { normalizePlatform, type Platform, parsePlatform, parseReference } from '../../oci/index.ts'
import { closest, locate, TareError } from '../../support/index.ts'
import type { GlobalArguments } from './arguments.ts'
import { contextNamed } from './named-contexts.ts'
import type { PlanOptions } from './types.ts'
import type { Words } from './words.ts'

/** What a FROM says, read. */
export interface StageHead {
  /** The name of an image or of a stage. */
  readonly base: string
  /** Where --platform says one. */
  readonly platform?: Platform
}

interface Reading {
  readonly file: Dockerfile
  readonly options: PlanOptions
  readonly words: Words
  readonly globals: GlobalArguments
}

/**
 * Reads where every stage begins and what it copies from, also those that nothing needs: a forgotten argument is found wherever it
 * stands. Throws `BASE_BLANK`, `PLATFORM_INVALID`, `REFERENCE_INVALID`, `COPY_FROM_VARIABLE`, `COPY_FROM_INVALID` and
 * `STAGE_CIRCLE`, each with its place.
 */
export function readStageHeads(reading: Reading): readonly StageHead[] {
  const { file } = reading
  checkDefaults(reading)
  const heads = file.stages.map((stage) => readHead(stage, reading))
  const needs = file.stages.map((stage) => stage.instructions.flatMap((one) => sourcesOf(one, file)))
  refuseCircles(file, needs)
  for (const [index, { base }] of heads.entries())
    if (base !== 'scratch' && !isStage(base, file, index)) checkName(base, file.stages[index]!.from)
  for (const { name, at, stage } of needs.flat()) if (stage === undefined && name !== 'scratch') checkName(name, at)
  return heads
}

/** The stage that stands for a name of --from: the last one of it, in any case. */
export function stageNamed(file: Dockerfile, name: string): number | undefined {
  const wanted = name.toLowerCase()
  const found = file.stages.findLastIndex((stage) => stage.name === wanted)
  return found < 0 ? undefined : found
}

/** Stage names are lower case, and what FROM says is taken as it is; of several the last one before it counts. */
export function stageBefore(file: Dockerfile, name: string, index: number): number | undefined {
  const found = file.stages.findLastIndex((other, i) => i < index && other.name === name)
  return found < 0 ? undefined : found
}

/** The stage that a COPY means by its number; undefined where the word is none. Throws `COPY_FROM_INVALID`. */
export function stageNumbered(file: Dockerfile, word: string): number | undefined {
  if (!/^[+-]?\d+$/.test(word)) return undefined
  const index = Number(word)
  if (index >= 0 && index < file.stages.length) return index
  throw new TareError('COPY_FROM_INVALID', `invalid stage index ${index}`, {
    remedy: `Stages count from 0, and the last one here is ${file.stages.length - 1}; a name (FROM … AS name) is safer.`,
  })
}

/** As BuildKit calls it: its name, or its place. */
export function shownName(stage: Stage): string {
  return stage.name ?? `stage-${stage.index}`
}

function isStage(base: string, file: Dockerfile, index: number): boolean {
  return stageBefore(file, base, index) !== undefined
}

function checkName(name: string, at: From | Instruction): void {
  try {
    parseReference(name)
  } catch (error) {
    throw locate(error, at.where)
  }
}

function readHead({ from, name }: Stage, { words, globals, options }: Reading): StageHead {
  const { values, declared } = globals
  const known = [...declared, ...values.keys()]
  const read = (word: string) => {
    const expansion = words.located(from, () => words.look(word, values))
    for (const missing of expansion.missing)
      if (!known.includes(missing)) words.warn(findings.undefinedArgInFrom(missing, closest(missing, known)), from)
    return expansion
  }
  const base = read(from.base).text
  if (base === '') {
    throw new TareError('BASE_BLANK', `base name (${from.base}) should not be blank`, {
      where: from.where,
      remedy: 'Give the argument a default before FROM, or a value with --build-arg.',
    })
  }
  if (from.platform === undefined) return { base }
  const { text, used, missing } = read(from.platform)
  if (text === '') {
    throw new TareError('PLATFORM_INVALID', `empty platform value from expression ${from.platform}`, {
      where: from.where,
      remedy: 'Give the argument a value with --build-arg, or a default.',
    })
  }
  const platform = words.located(from, () => normalizePlatform(parsePlatform(text, options.buildPlatform)))
  if (
    missing.length === 0 &&
    used.length === 1 &&
    used[0] === 'TARGETPLATFORM' &&
    text === values.get('TARGETPLATFORM')
  )
    words.warn(findings.redundantTargetPlatform(from.platform), from)
  const speaksOf = (part: string) => name?.includes(part) === true
  if (missing.length + used.length === 0 && !speaksOf(platform.os) && !speaksOf(platform.architecture))
    words.warn(findings.fromPlatformFlagConstDisallowed(text), from)
  return { base, platform }
}

/** Warns of a base that is none as long as nothing is given on the command line. */
function checkDefaults({ file, words, globals }: Reading): void {
  for (const { from } of file.stages) {
    const base = words.expandQuietly(from.base, globals.defaults)
    try {
      if (base !== 'scratch') parseReference(base)
    } catch {
      words.warn(findings.invalidDefaultArgInFrom(from.base), from)
    }
  }
}

/** What an instruction takes files from, besides the build context; `stage` where that is one. */
interface Source {
  readonly name: string
  readonly stage: number | undefined
  readonly at: Instruction
}

function sourcesOf(instruction: Instruction, file: Dockerfile): Source[] {
  try {
    if (instruction.kind === 'COPY' && instruction.from !== undefined) {
      const { from } = instruction
      refuseVariable(from)
      return [{ name: from, stage: stageNumbered(file, from) ?? stageNamed(file, from), at: instruction }]
    }
    if (instruction.kind !== 'RUN') return []
    return instruction.mounts.flatMap((value) => {
      const from = mountFrom(value)
      return from === undefined ? [] : [{ name: from, stage: stageNamed(file, from), at: instruction }]
    })
  } catch (error) {
    throw locate(error, instruction.where)
  }
}

/** Throws where `--from` is not to be taken as it is written. */
export function refuseVariable(from: string): void {
  if (isPlain(from)) return
  throw new TareError(
    'COPY_FROM_VARIABLE',
    'variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround',
  )
}

function isPlain(word: string): boolean {
  try {
    return expand(word, new Map()).text === word
  } catch {
    return false
  }
}

function refuseCircles(file: Dockerfile, needs: readonly (readonly Source[])[]): void {
  const state = new Array<'open' | 'done' | undefined>(needs.length)
  for (const first of needs.keys()) {
    // By hand: a chain may be longer than the stack is deep.
    const path: { readonly stage: number; next: number }[] = []
    const enter = (stage: number) => {
      state[stage] = 'open'
      path.push({ stage, next: 0 })
    }
    if (state[first] === undefined) enter(first)
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const source = needs[top.stage]![top.next++]
      if (source === undefined) {
        state[top.stage] = 'done'
        path.pop()
      } else if (source.stage !== undefined && state[source.stage] === 'open') {
        throw circle(file.stages[first]!, source.at)
      } else if (source.stage !== undefined && state[source.stage] === undefined) enter(source.stage)
    }
  }
}

function circle(stage: Stage, { where }: Instruction): TareError {
  return new TareError('STAGE_CIRCLE', `circular dependency detected on stage: ${shownName(stage)}`, {
    where,
    remedy: 'A stage cannot depend on itself, directly or through others.',
  })
}

/** Whether a context on the command line stands in for the whole stage. */
export function isReplaced({ name }: Stage, { contexts }: Pick<PlanOptions, 'contexts'>): boolean {
  return name !== undefined && contextNamed(contexts, name) !== undefined
}
