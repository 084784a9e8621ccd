import {
  type Dockerfile,
  findings,
  type Instruction,
  parseTrigger,
  titleOf,
  type Warning,
} from '../../dockerfile/index.ts'
import { closest, locate, TareError, withoutCredentials } from '../../support/index.ts'
import { type GlobalArguments, globalArguments, platformArguments } from './arguments.ts'
import { contextKey, nameOf, StageBeginner } from './begin-stage.ts'
import { type CopyContext, planCopy } from './copy.ts'
import { Graph } from './graph.ts'
import { applyMetadata } from './metadata.ts'
import { planRun } from './run.ts'
import { absolutePath, type MutableConfig, makesLayer, type StageState } from './stage-state.ts'
import type { Operation, OperationId, Output, Plan, PlanOptions } from './types.ts'
import { Words } from './words.ts'

/** A plan, and what the build checks found on the way. */
export interface Planned extends Plan {
  readonly warnings: readonly Warning[]
}

/**
 * Turns a Dockerfile into a plan for one platform. Only what the target needs is in it. Throws what the language room
 * throws, `TARGET_UNKNOWN`, `STAGE_CIRCLE`, and what `resolveBase` rejects with; each names the instruction.
 */
export function planBuild(file: Dockerfile, options: PlanOptions): Promise<Planned> {
  return new Planner(file, options).plan()
}

class Planner {
  private readonly file: Dockerfile
  private readonly options: PlanOptions
  private readonly words: Words
  private readonly globals: GlobalArguments
  private readonly graph = new Graph()
  private readonly beginner: StageBeginner
  private readonly stages = new Map<number, Promise<StageState> | 'begun'>()

  constructor(file: Dockerfile, options: PlanOptions) {
    this.file = file
    this.options = options
    this.words = new Words(file)
    const stage = options.target?.toLowerCase() ?? file.stages.at(-1)?.name ?? 'default'
    this.globals = globalArguments(
      file,
      platformArguments(options.platform, options.buildPlatform, stage),
      options.buildArgs,
      this.words,
    )
    const { words, globals, graph } = this
    this.beginner = new StageBeginner({
      ...{ file, options, words, globals, graph },
      stageOf: (index) => this.stage(index),
      need: (target) => this.need(target),
    })
  }

  async plan(): Promise<Planned> {
    const state = await this.stage(this.target())
    const { labels } = this.options
    const config: MutableConfig = { ...state.config }
    if (Object.keys(labels).length > 0) config.Labels = { ...config.Labels, ...labels }
    const epoch = this.epoch()
    const output: Output = {
      platform: state.base?.platform ?? state.platform,
      root: state.root,
      ...(state.base === undefined ? {} : { base: state.base }),
      config,
      ...(state.author === undefined ? {} : { author: state.author }),
      history: state.history,
      ...(epoch === undefined ? {} : { epoch }),
    }
    return {
      operations: this.graph.operations,
      output,
      warnings: [
        ...this.file.warnings.filter(({ stage }) => stage === undefined || this.stages.has(stage)),
        ...this.words.warnings,
      ],
    }
  }

  private target(): number {
    const { target } = this.options
    if (target === undefined || target === '') return this.file.stages.length - 1
    const found = this.find(target)
    if (found !== undefined) return found
    const names = this.file.stages.flatMap(({ name }) => name ?? [])
    const meant = closest(target, names)
    throw new TareError(
      'TARGET_UNKNOWN',
      `target stage "${target}" could not be found${meant === undefined ? '' : ` (did you mean ${meant}?)`}`,
      {
        remedy:
          names.length === 0
            ? 'No stage of this Dockerfile has a name: write FROM … AS name.'
            : `Its stages are ${names.join(', ')}.`,
      },
    )
  }

  /** The last stage of that name, in any case; before `limit` where that is given. */
  private find(name: string, limit = this.file.stages.length): number | undefined {
    const wanted = name.toLowerCase()
    const found = this.file.stages.findLastIndex((stage, i) => i < limit && stage.name === wanted)
    return found < 0 ? undefined : found
  }

  /** Seconds since 1970 of SOURCE_DATE_EPOCH. */
  private epoch(): number | undefined {
    const text = this.options.buildArgs.get('SOURCE_DATE_EPOCH')
    if (text === undefined || text === '') return undefined
    if (/^-?\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text)
    throw new TareError('EPOCH_INVALID', `SOURCE_DATE_EPOCH is not a number: ${JSON.stringify(text)}`, {
      remedy: 'It counts seconds since 1970, as `date +%s` prints them.',
    })
  }

  private async stage(index: number): Promise<StageState> {
    const known = this.stages.get(index)
    const stage = this.file.stages[index]!
    if (known === 'begun') {
      throw new TareError('STAGE_CIRCLE', `circular dependency detected on stage: ${nameOf(stage)}`, {
        where: stage.from.where,
        remedy: 'A stage cannot need, by way of others or not, its own result.',
      })
    }
    if (known !== undefined) return known
    this.stages.set(index, 'begun')
    const state = await this.beginner.begin(stage)
    const triggers = (state.config.OnBuild ?? []).map((trigger) =>
      this.words.located(stage.from, () => parseTrigger(trigger, stage.from.where)),
    )
    delete state.config.OnBuild
    const instructions = [...triggers, ...stage.instructions]
    const counted: StageState = { ...state, steps: state.steps + instructions.filter(makesLayer).length }
    for (const instruction of instructions) {
      try {
        await this.apply(counted, instruction, index)
      } catch (error) {
        throw locate(error, instruction.where)
      }
    }
    this.stages.set(index, Promise.resolve(counted))
    return counted
  }

  private need(target: string): number {
    const found = this.find(target)
    if (found === undefined) throw new TareError('TARGET_UNKNOWN', `target stage "${target}" could not be found`)
    return found
  }

  private async apply(state: StageState, instruction: Instruction, index: number): Promise<void> {
    const { words, globals } = this
    const { buildArgs, network } = this.options
    const where = instruction.where
    const place = () => ({ title: this.title(state, instruction), where, stage: state.name, onto: state.root })
    switch (instruction.kind) {
      case 'COPY':
      case 'ADD': {
        const add: CopyContext['add'] = (operation) =>
          this.graph.add({ ...operation, title: titleOfSource(operation), where, stage: state.name })
        const { createdBy, ...copy } = await planCopy(state, instruction, {
          words,
          add,
          from: (name) => this.from(name, index, instruction),
        })
        return this.layer(state, createdBy, { kind: 'copy', ...place(), ...copy })
      }
      case 'RUN': {
        const { createdBy, ...run } = await planRun(state, instruction, {
          words,
          network: network ?? 'default',
          from: (name) => this.from(name, index, instruction),
        })
        return this.layer(state, createdBy, { kind: 'run', ...place(), ...run })
      }
      case 'WORKDIR': {
        const said = words.expand(instruction.path, state.variables, instruction, state.declared)
        if (
          !said.startsWith('/') &&
          state.config.WorkingDir === '/' &&
          !state.history.some(({ createdBy }) => createdBy.startsWith('WORKDIR '))
        )
          words.warn(findings.workdirRelativePath(said), instruction)
        // An absolute path stays as it is written, in the config too.
        const path = said.startsWith('/') ? said : absolutePath(state.config.WorkingDir || '/', said)
        state.config.WorkingDir = path
        const step = place()
        if (path === '/') state.history.push({ createdBy: 'WORKDIR /' })
        else
          this.layer(state, `WORKDIR ${path}`, {
            kind: 'make-directory',
            ...step,
            path,
            ...(state.config.User ? { owner: state.config.User } : {}),
          })
        return
      }
      default:
        applyMetadata(state, instruction, { words, globals, buildArgs })
    }
  }

  private layer(state: StageState, createdBy: string, operation: Operation): void {
    state.root = this.graph.add(operation)
    state.history.push({ createdBy, layer: state.root })
  }

  /** `[stage-1 2/3] COPY a b`, with values in place of variables. */
  private title(state: StageState, instruction: Instruction): string {
    state.step++
    const title = withoutCredentials(titleOf(instruction, state.variables, { escape: this.file.escape }))
    return `[${state.prefix}${state.step}/${state.steps}] ${title}`
  }

  /** What `--from` stands for: a stage by name or number, a named context, an image. */
  private async from(name: string | undefined, index: number, instruction: Instruction): Promise<OperationId> {
    if (name === undefined) return this.graph.context('')
    if (name.includes('$')) {
      throw new TareError(
        'COPY_FROM_VARIABLE',
        'variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround',
        { where: instruction.where },
      )
    }
    if (/^\d+$/.test(name) && instruction.kind === 'COPY') {
      if (Number(name) >= index) {
        throw new TareError(
          'COPY_FROM_LATER',
          `cannot copy from stage ${name}, it needs to be defined before current stage ${index}`,
          { where: instruction.where, remedy: 'Stages count from 0; a name (FROM … AS name) is safer than a number.' },
        )
      }
      return (await this.stage(Number(name))).root
    }
    // A named context stands in for a stage of its name.
    const stage = this.options.contexts.has(contextKey(name)) ? undefined : this.find(name)
    if (stage !== undefined) return (await this.stage(stage)).root
    return this.fromOutside(name, instruction)
  }

  private async fromOutside(name: string, instruction: Instruction): Promise<OperationId> {
    const named = this.options.contexts.get(contextKey(name))
    if (named?.kind === 'files') return this.graph.context(contextKey(name))
    if (named?.kind === 'target') return (await this.stage(this.need(named.stage))).root
    if (named?.kind === 'scratch' || name === 'scratch') return this.graph.scratch('')
    const names = this.file.stages.flatMap((stage) => stage.name ?? [])
    try {
      const image = named?.kind === 'image' ? named.name : name
      return (await this.beginner.image(image, this.options.platform, instruction, named, `FROM ${image}`, name)).id
    } catch (error) {
      const meant = closest(name, names)
      if (!(error instanceof TareError) || meant === undefined) throw error
      throw new TareError(error.code, error.message, {
        where: instruction.where,
        cause: error,
        remedy: `No stage has that name either: did you mean "${meant}"?`,
      })
    }
  }
}

function titleOfSource(operation: Parameters<CopyContext['add']>[0]): string {
  switch (operation.kind) {
    case 'files':
      return '[internal] files of the Dockerfile'
    case 'download':
      return `[internal] fetch ${withoutCredentials(operation.url)}`
    case 'git': {
      const { remote, ref, subdir } = operation.source
      const part = `${ref ?? ''}${subdir === undefined ? '' : `:${subdir}`}`
      return `[internal] load git source ${withoutCredentials(remote)}${part === '' ? '' : `#${part}`}`
    }
  }
}
