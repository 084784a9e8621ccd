import {
  type Dockerfile,
  findings,
  type Instruction,
  parseTrigger,
  type Stage,
  titleOf,
  type Warning,
} from '../../dockerfile/index.ts'
import { closest, locate, Pace, TareError, withoutCredentials } from '../../support/index.ts'
import { historyOf, withAdditions } from './additions.ts'
import { type GlobalArguments, globalArguments, platformArguments } from './arguments.ts'
import { StageBeginner } from './begin-stage.ts'
import { type CopyContext, planCopy, titleOfSource } from './copy.ts'
import { type Dated, readEpoch } from './epoch.ts'
import { Graph } from './graph.ts'
import { applyMetadata } from './metadata.ts'
import { contextKey, contextNamed } from './named-contexts.ts'
import { type Outline, type OutlinedArg, OutlineNotes } from './outline.ts'
import { planRun } from './run.ts'
import { rootBelow, stageToSquash } from './squash-onto.ts'
import { isReplaced, readStageHeads, refuseVariable, shownName, stageNumbered, stagesByName } from './stage-heads.ts'
import { absolutePath, makesLayer, type StageState } from './stage-state.ts'
import type { Operation, OperationId, Plan, PlannedImage, PlanOptions } from './types.ts'
import { WordExpander } from './word-expander.ts'

/** A plan, and the findings of the build checks. */
export interface Planned extends Plan {
  readonly warnings: readonly Warning[]
  readonly outline?: Outline | undefined
}

/**
 * Turns a Dockerfile into a plan for one platform. It contains only what the target needs, but FROM and --from are checked in all
 * stages. Throws the errors of the dockerfile room, of `readStageHeads` and of `resolveBase`, `TARGET_UNKNOWN` and
 * `EPOCH_INVALID`; each names the instruction.
 */
export async function planBuild(file: Dockerfile, options: PlanOptions): Promise<Planned> {
  const words = new WordExpander(file)
  const stage = options.target?.toLowerCase() || file.stages.at(-1)?.name || 'default'
  const platform = platformArguments(options.platform, options.buildPlatform, stage)
  const globals = globalArguments(file, platform, options.buildArgs, words)
  const notes = options.outline === true ? new OutlineNotes(file, words, platform, options.buildArgs) : undefined
  return new Planner(file, words, await readEpoch({ file, options, words, globals }), notes).plan()
}

class Planner {
  private readonly file: Dockerfile
  private readonly options: PlanOptions
  private readonly words: WordExpander
  private readonly globals: GlobalArguments
  private readonly epoch: number | undefined
  private readonly pace: Pace
  private readonly graph = new Graph()
  private readonly beginner: StageBeginner
  private readonly named: ReadonlyMap<string, number>
  private readonly stages = new Map<number, Promise<StageState> | 'begun'>()
  /** What the steps of a stage are applied to. */
  private readonly begun = new Map<number, OperationId>()
  private readonly notes: OutlineNotes | undefined

  constructor(
    file: Dockerfile,
    words: WordExpander,
    { epoch, globals, options }: Dated,
    notes: OutlineNotes | undefined,
  ) {
    this.notes = notes
    this.file = file
    this.named = stagesByName(file)
    this.options = options
    this.words = words
    this.globals = globals
    this.epoch = epoch
    this.pace = new Pace(options.signal)
    const { graph } = this
    const heads = readStageHeads({ file, options, words, globals })
    this.beginner = new StageBeginner({
      ...{ file, options, words, heads, graph },
      stageOf: (index, by) => {
        notes?.uses(by.index, index)
        return this.stage(index)
      },
      need: (target) => this.need(target),
    })
  }

  async plan(): Promise<Planned> {
    const state = await this.stage(this.target())
    if (this.options.allStages === true) for (const index of this.file.stages.keys()) await this.stage(index)
    const { labels } = this.options
    const config = withAdditions(state.config, state.additions)
    const Labels = { ...config.Labels, ...labels }
    const { epoch } = this
    const output: PlannedImage = {
      platform: state.base?.platform ?? state.platform,
      root: state.root,
      ...(state.base === undefined ? {} : { base: state.base }),
      config: Object.keys(labels).length === 0 ? config : { ...config, Labels },
      ...(state.author === undefined ? {} : { author: state.author }),
      history: historyOf(state.additions),
      ...(epoch === undefined ? {} : { epoch }),
      ...(await this.squashed(state.root)),
    }
    return {
      operations: this.graph.operations,
      output,
      warnings: [
        ...this.file.warnings.filter(({ stage }) => stage === undefined || this.stages.has(stage)),
        ...this.words.warnings,
      ],
      outline: this.notes?.of(this.file.stages[this.target()]!),
    }
  }

  private async squashed(root: OperationId): Promise<Pick<PlannedImage, 'squashOnto'>> {
    const { squash } = this.options
    if (squash === undefined) return {}
    if (squash.from === undefined) return { squashOnto: this.begun.get(this.target())! }
    const index = stageToSquash(this.file, squash.from)
    const below = (await this.stages.get(index)) as StageState | undefined
    return { squashOnto: rootBelow(this.graph.operations, root, below?.root, shownName(this.file.stages[index]!)) }
  }

  private target(): number {
    const { target } = this.options
    if (target === undefined || target === '') return this.file.stages.length - 1
    const found = this.named.get(target.toLowerCase())
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

  private async stage(index: number): Promise<StageState> {
    // Also keeps a long chain of stages from overflowing the stack.
    await this.pace.keep()
    const known = this.stages.get(index)
    const stage = this.file.stages[index]!
    if (known === 'begun') {
      throw new TareError('STAGE_CIRCLE', `circular dependency detected on stage: ${shownName(stage)}`, {
        where: stage.from.where,
        remedy: 'A stage cannot depend on itself, directly or through others.',
      })
    }
    if (known !== undefined) return known
    this.stages.set(index, 'begun')
    const state = await this.beginner.begin(stage)
    this.begun.set(index, state.root)
    const replaced = isReplaced(stage, this.options)
    const instructions = replaced ? [] : [...this.triggers(state, stage), ...stage.instructions]
    if (!replaced) delete state.config.OnBuild
    const counted: StageState = { ...state, steps: state.steps + instructions.filter(makesLayer).length }
    for (const instruction of instructions) {
      try {
        await this.pace.keep()
        await this.apply(counted, instruction, index)
      } catch (error) {
        throw locate(error, instruction.where)
      }
    }
    this.stages.set(index, Promise.resolve(counted))
    return counted
  }

  private triggers({ config }: StageState, { from }: Stage): Instruction[] {
    return (config.OnBuild ?? []).map((trigger) => this.words.located(from, () => parseTrigger(trigger, from.where)))
  }

  private need(target: string): number {
    const found = this.named.get(target.toLowerCase())
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
          this.graph.source({ ...operation, title: titleOfSource(operation), where, stage: state.name })
        const { createdBy, ...copy } = await planCopy(state, instruction, {
          words,
          add,
          ignore: this.options.ignore,
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
        this.notes?.mounts(index, run.mounts, this.linesOf(instruction, index))
        return this.layer(state, createdBy, { kind: 'run', ...place(), ...run })
      }
      case 'WORKDIR': {
        const said = words.expand(instruction.path, state.variables, instruction, state.declared)
        if (!said.startsWith('/') && !state.workdirSet) words.warn(findings.workdirRelativePath(said), instruction)
        state.workdirSet = true
        // An absolute path is kept as written, in the config too.
        const path = said.startsWith('/') ? said : absolutePath(state.config.WorkingDir || '/', said)
        state.config.WorkingDir = path
        const step = place()
        if (path === '/') state.additions.history.push({ createdBy: 'WORKDIR /' })
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
        applyMetadata(state, instruction, {
          ...{ words, globals, buildArgs },
          declared: (arg, value) => this.notes?.declare(index, arg, value, this.linesOf(instruction, index)),
        })
    }
  }

  /** BuildKit counts the lines of a trigger by themselves. */
  private linesOf({ where }: Instruction, index: number): OutlinedArg['lines'] {
    return where === this.file.stages[index]!.from.where ? { line: 1, endLine: 1 } : where
  }

  private layer(state: StageState, createdBy: string, operation: Operation): void {
    state.root = this.graph.add(operation)
    state.additions.history.push({ createdBy, layer: state.root })
  }

  /** Returns `[stage-1 2/3] COPY a b`, with variables expanded. */
  private title(state: StageState, instruction: Instruction): string {
    state.step++
    const title = withoutCredentials(titleOf(instruction, state.variables, { escape: this.file.escape }))
    return `[${state.prefix}${state.step}/${state.steps}] ${title}`
  }

  /** Resolves `--from`: a stage by name or number, a named context, an image. */
  private async from(name: string | undefined, index: number, instruction: Instruction): Promise<OperationId> {
    if (name === undefined) return this.graph.context('')
    // This has not been checked yet in a trigger.
    if (instruction.kind === 'COPY') refuseVariable(name)
    const number = instruction.kind === 'COPY' ? stageNumbered(this.file, name) : undefined
    const found = number ?? this.named.get(name.toLowerCase())
    if (found === undefined) return this.fromOutside(name, index, instruction)
    const stage = this.file.stages[found]!
    const named = stage.name === undefined ? undefined : contextNamed(this.options.contexts, stage.name)
    if (named?.kind === 'files') return this.graph.context(contextKey(stage.name!))
    if (found > index && named === undefined) throw this.later(name, index, instruction)
    this.notes?.uses(index, found)
    return (await this.stage(found)).root
  }

  private later(name: string, index: number, { kind, where }: Instruction): TareError {
    const message =
      kind === 'COPY'
        ? `cannot copy from stage "${name}", it needs to be defined before current stage "${shownName(this.file.stages[index]!)}"`
        : `cannot mount from stage "${name}", it needs to be defined before current command`
    return new TareError('COPY_FROM_LATER', message, {
      where,
      remedy: 'A stage can only use stages defined before it: move it up.',
    })
  }

  private async fromOutside(name: string, index: number, instruction: Instruction): Promise<OperationId> {
    const named = contextNamed(this.options.contexts, name)
    if (named?.kind === 'files') return this.graph.context(contextKey(name))
    if (named?.kind === 'target') {
      this.notes?.uses(index, this.need(named.stage))
      return (await this.stage(this.need(named.stage))).root
    }
    if (named?.kind === 'scratch' || name === 'scratch') return this.graph.scratch('')
    const image = named?.kind === 'image' ? named.name : name
    return (await this.beginner.image(image, this.options.platform, instruction, named, `FROM ${image}`, name)).id
  }
}
