import { type Arg, type Dockerfile, type Stage, writtenName } from '../../dockerfile/index.ts'
import { locate, TareError } from '../../support/index.ts'
import type { GlobalArguments } from './arguments.ts'
import { contextKey, contextNamed } from './named-contexts.ts'
import { isRemote, type RemoteOperation, remoteOperation } from './remote-source.ts'
import type { EpochSource, PlanOptions } from './types.ts'
import type { WordExpander } from './word-expander.ts'

interface Reading {
  readonly file: Dockerfile
  readonly options: PlanOptions
  readonly words: WordExpander
  readonly globals: GlobalArguments
}

/** What to plan with once the epoch is known: SOURCE_DATE_EPOCH is replaced by the number. */
export interface Dated {
  readonly epoch?: number
  readonly globals: GlobalArguments
  readonly options: PlanOptions
}

const name = 'SOURCE_DATE_EPOCH'

/**
 * Evaluates SOURCE_DATE_EPOCH, a build argument or global ARG, to seconds since 1970: a number, `context`, or the name of a named
 * context or of a stage that ADDs one remote file. An empty value, or a source without a time, counts as not given. Throws
 * `EPOCH_INVALID`.
 */
export async function readEpoch({ file, options, words, globals }: Reading): Promise<Dated> {
  const text = options.buildArgs.get(name) ?? (globals.values.get(name) || undefined)
  if (text === undefined) return { globals, options }
  const epoch = text === '' ? undefined : await epochOf(text, { file, options, words, globals })
  return {
    ...(epoch === undefined ? {} : { epoch }),
    globals: { ...globals, values: withEpoch(globals.values, epoch) },
    options: { ...options, buildArgs: withEpoch(options.buildArgs, epoch) },
  }
}

function withEpoch(values: ReadonlyMap<string, string>, epoch: number | undefined): ReadonlyMap<string, string> {
  if (!values.has(name)) return values
  const changed = new Map(values)
  if (epoch === undefined) changed.delete(name)
  else changed.set(name, String(epoch))
  return changed
}

async function epochOf(text: string, reading: Reading): Promise<number | undefined> {
  if (/^[+-]?\d+$/.test(text)) return inRange(Number(text), text)
  const source = sourceOf(text, reading)
  const seconds = source === undefined ? undefined : await reading.options.timeOf?.(source)
  return seconds === undefined ? undefined : inRange(seconds, text)
}

// The range of RFC 3339: the years 0 to 9999.
const earliest = -62_167_219_200
const latest = 253_402_300_799

function inRange(seconds: number, text: string): number {
  if (seconds >= earliest && seconds <= latest) return seconds
  throw new TareError('EPOCH_INVALID', `${name} is out of range: ${text}`, {
    remedy: 'It is in seconds since 1970, not milliseconds, up to the year 9999.',
  })
}

/** Returns the source whose time is the epoch; undefined for something that never has one. */
function sourceOf(text: string, reading: Reading): EpochSource | undefined {
  if (text === 'context') return { kind: 'context', name: '' }
  const { file, options } = reading
  const named = contextNamed(options.contexts, text)
  if (named !== undefined) return named.kind === 'files' ? { kind: 'context', name: contextKey(text) } : undefined
  const stage = file.stages.find((stage) => stage.name === text.toLowerCase())
  if (stage !== undefined) return sourceOfStage(stage, reading)
  throw new TareError('EPOCH_INVALID', `${name} is not a number: ${JSON.stringify(text)}`, {
    remedy:
      'Use seconds since 1970, as printed by `date +%s`; or "context", or the name of a named context or of a stage.',
  })
}

function sourceOfStage(stage: Stage, { options, words, globals }: Reading): EpochSource {
  const refuse = (why: string, where = stage.from.where) =>
    new TareError('EPOCH_INVALID', `${name}=${stage.name}: ${why}`, {
      where,
      remedy: 'Such a stage is FROM scratch with ARGs and one ADD of a URL or a git repository.',
    })
  const values = new Map(globals.values)
  values.delete(name)
  const expand = (word: string, at: Stage['instructions'][number]) => words.expand(word, values, at)
  if (words.expand(stage.from.base, values, stage.from) !== 'scratch') throw refuse('the stage must use FROM scratch')
  let source: RemoteOperation | undefined
  for (const instruction of stage.instructions) {
    if (instruction.kind === 'ARG') declare(instruction, values, options.buildArgs, expand)
    else if (instruction.kind !== 'ADD')
      throw refuse(
        `the stage has an instruction that adds nothing remote: ${writtenName(instruction)}`,
        instruction.where,
      )
    else {
      const { sources, heredocs, checksum, where } = instruction
      const path =
        sources.length + heredocs.length === 1 && sources[0] !== undefined ? expand(sources[0], instruction) : ''
      if (source !== undefined || !isRemote(path))
        throw refuse('the stage must have exactly one ADD of a remote source', where)
      try {
        source = remoteOperation(path, checksum === undefined ? undefined : expand(checksum, instruction), instruction)
      } catch (error) {
        throw locate(error, where)
      }
    }
  }
  if (source === undefined) throw refuse('the stage must have exactly one ADD of a remote source')
  return source
}

function declare(
  arg: Arg,
  values: Map<string, string>,
  buildArgs: ReadonlyMap<string, string>,
  expand: (word: string, at: Arg) => string,
): void {
  for (const { key, value } of arg.args) {
    const given = buildArgs.get(key) ?? (value === undefined ? undefined : expand(value, arg))
    if (given !== undefined) values.set(key, given)
  }
}
