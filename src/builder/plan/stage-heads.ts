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
import { locate, TareError } from '../../support/index.ts'
import type { GlobalArguments } from './arguments.ts'
import { contextNamed } from './named-contexts.ts'
import type { PlanOptions } from './types.ts'
import type { WordExpander } from './word-expander.ts'

/** A parsed FROM. */
export interface StageHead {
  /** The name of an image or a stage. */
  readonly base: string
  /** The stage with that name, if there is one before. */
  readonly earlier?: number
  /** The value of --platform, if given. */
  readonly platform?: Platform
}

interface Reading {
  readonly file: Dockerfile
  readonly options: PlanOptions
  readonly words: WordExpander
  readonly globals: GlobalArguments
}

/**
 * Checks the bases and sources of all stages, including those that are not needed, so that a forgotten argument is always found.
 * Throws `BASE_BLANK`, `PLATFORM_INVALID`, `REFERENCE_INVALID`, `COPY_FROM_VARIABLE`, `COPY_FROM_INVALID` and `STAGE_CIRCLE`,
 * each with its location.
 */
export function readStageHeads(reading: Reading): readonly StageHead[] {
  const { file } = reading
  checkDefaults(reading)
  const heads = readHeads(reading)
  const named = stagesByName(file)
  const needs = file.stages.map((stage) => stage.instructions.flatMap((one) => sourcesOf(one, file, named)))
  refuseCircles(file, needs)
  for (const [index, { base, earlier }] of heads.entries())
    if (base !== 'scratch' && earlier === undefined) checkName(base, file.stages[index]!.from)
  for (const { name, at, stage } of needs.flat()) if (stage === undefined && name !== 'scratch') checkName(name, at)
  return heads
}

/** Returns which stage a name in --from, in lower case, refers to: the last one with that name. */
export function stagesByName(file: Dockerfile): ReadonlyMap<string, number> {
  return new Map(file.stages.flatMap(({ name, index }) => (name === undefined ? [] : [[name, index] as const])))
}

/** Returns the stage a COPY refers to by number; undefined if the word is not one. Throws `COPY_FROM_INVALID`. */
export function stageNumbered(file: Dockerfile, word: string): number | undefined {
  if (!/^[+-]?\d+$/.test(word)) return undefined
  const index = Number(word)
  if (index >= 0 && index < file.stages.length) return index
  throw new TareError('COPY_FROM_INVALID', `invalid stage index ${index}`, {
    remedy: `Stages are numbered from 0, and the last one here is ${file.stages.length - 1}; a name (FROM … AS name) is safer.`,
  })
}

/** Returns BuildKit's name for a stage: its name or its index. */
export function shownName(stage: Stage): string {
  return stage.name ?? `stage-${stage.index}`
}

function checkName(name: string, at: From | Instruction): void {
  try {
    parseReference(name)
  } catch (error) {
    throw locate(error, at.where)
  }
}

/** Stage names are lower case, while FROM is taken literally; of several earlier ones the last counts. */
function readHeads(reading: Reading): readonly StageHead[] {
  const before = new Map<string, number>()
  return reading.file.stages.map((stage) => {
    const head = readHead(stage, reading)
    const earlier = before.get(head.base)
    if (stage.name !== undefined) before.set(stage.name, stage.index)
    return earlier === undefined ? head : { ...head, earlier }
  })
}

function readHead({ from, name }: Stage, { words, globals, options }: Reading): StageHead {
  const { values, declared } = globals
  const read = (word: string) => {
    const expansion = words.located(from, () => words.look(word, values))
    for (const missing of expansion.missing)
      if (!declared.has(missing) && !values.has(missing))
        words.warn(findings.undefinedArgInFrom(missing, words.meant(missing, declared, values)), from)
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

/** Warns of a base name that is empty or invalid unless build arguments are given. */
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

/** What an instruction takes files from, besides the build context; `stage` if that is one. */
interface Source {
  readonly name: string
  readonly stage: number | undefined
  readonly at: Instruction
}

function sourcesOf(instruction: Instruction, file: Dockerfile, named: ReadonlyMap<string, number>): Source[] {
  try {
    if (instruction.kind === 'COPY' && instruction.from !== undefined) {
      const { from } = instruction
      refuseVariable(from)
      const stage = stageNumbered(file, from) ?? named.get(from.toLowerCase())
      return [{ name: from, stage, at: instruction }]
    }
    if (instruction.kind !== 'RUN') return []
    return instruction.mounts.flatMap((value) => {
      const from = mountFrom(value)
      return from === undefined ? [] : [{ name: from, stage: named.get(from.toLowerCase()), at: instruction }]
    })
  } catch (error) {
    throw locate(error, instruction.where)
  }
}

/** Throws if `--from` contains a variable. */
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
    // Without recursion: a chain may exceed the stack.
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

/** Whether a named context replaces the whole stage. */
export function isReplaced({ name }: Stage, { contexts }: Pick<PlanOptions, 'contexts'>): boolean {
  return name !== undefined && contextNamed(contexts, name) !== undefined
}
