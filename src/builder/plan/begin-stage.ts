import { type Dockerfile, type From, findings, type Instruction, type Stage } from '../../dockerfile/index.ts'
import { defaultPath, formatPlatform, matchPlatform, type Platform } from '../../oci/index.ts'
import { closest, locate, TareError } from '../../support/index.ts'
import { additionsAfter } from './additions.ts'
import type { Graph } from './graph.ts'
import { contextKey, contextNamed } from './named-contexts.ts'
import type { StageHead } from './stage-heads.ts'
import { cleanConfig, envOf, makesLayer, type StageState } from './stage-state.ts'
import type { PlannedContext, PlanOptions } from './types.ts'
import type { WordExpander } from './word-expander.ts'

/** What the planner provides for starting a stage. */
export interface Beginnings {
  readonly file: Dockerfile
  readonly options: PlanOptions
  readonly words: WordExpander
  /** Each stage's FROM. */
  readonly heads: readonly StageHead[]
  readonly graph: Graph
  /** Plans a stage completely. */
  /** Returns the state of a stage that another starts from. */
  readonly stageOf: (index: number, by: Stage) => Promise<StageState>
  /** Returns the index of the stage with that name. Throws `TARGET_UNKNOWN`. */
  readonly need: (target: string) => number
}

/** Resolves a FROM to another stage, an image, scratch, or a named context instead of either. */
export class StageBeginner {
  private readonly file: Dockerfile
  private readonly options: PlanOptions
  private readonly words: WordExpander
  private readonly heads: readonly StageHead[]
  private readonly graph: Graph
  private readonly stageOf: Beginnings['stageOf']
  private readonly need: (target: string) => number

  constructor({ file, options, words, heads, graph, stageOf, need }: Beginnings) {
    this.file = file
    this.options = options
    this.words = words
    this.heads = heads
    this.graph = graph
    this.stageOf = stageOf
    this.need = need
  }

  async begin(stage: Stage): Promise<StageState> {
    const { contexts } = this.options
    const { base, earlier, platform = this.options.platform } = this.heads[stage.index]!
    const prefix = this.prefixOf(stage, platform)
    const own = stage.name === undefined ? undefined : contextNamed(contexts, stage.name)
    if (own !== undefined) return this.beginNamed(stage, stage.name!, own, platform, prefix)
    if (earlier !== undefined) return this.inherit(await this.stageOf(earlier, stage), stage, prefix)
    const named = contextNamed(contexts, base)
    if (named !== undefined) return this.beginNamed(stage, base, named, platform, prefix)
    return base === 'scratch'
      ? // Whatever --platform says: nothing is for every platform, and what comes is for the target's.
        this.beginEmpty(stage, this.options.platform, prefix)
      : this.beginImage(stage, base, platform, prefix)
  }

  private async beginNamed(
    stage: Stage,
    name: string,
    named: PlannedContext,
    platform: Platform,
    prefix: string,
  ): Promise<StageState> {
    if (named.kind === 'scratch') return this.beginEmpty(stage, this.options.platform, prefix)
    if (named.kind === 'image') return this.beginImage(stage, named.name, platform, prefix, named)
    if (named.kind === 'target') return this.inherit(await this.stageOf(this.need(named.stage), stage), stage, prefix)
    const state = this.beginEmpty(stage, platform, prefix)
    const from = this.graph.context(contextKey(name))
    const title = `[${prefix}1/1] FROM ${name}`
    state.root = this.graph.add({
      kind: 'copy',
      title,
      where: stage.from.where,
      stage: nameOf(stage),
      onto: state.root,
      sources: [{ from, path: '/', unpack: false }],
      to: '/',
      link: false,
      parents: false,
      exclude: [],
    })
    state.additions.history.push({ createdBy: `FROM ${name} # buildkit`, layer: state.root })
    return state
  }

  private inherit(parent: StageState, stage: Stage, prefix: string): StageState {
    return {
      ...parent,
      name: nameOf(stage),
      config: { ...parent.config },
      additions: additionsAfter(parent.additions),
      variables: new Map(parent.variables),
      declared: new Set(parent.declared),
      commandSet: false,
      single: new Map(),
      prefix,
      steps: 0,
      step: 0,
    }
  }

  private beginEmpty(stage: Stage, platform: Platform, prefix: string): StageState {
    const root = this.graph.scratch(nameOf(stage))
    return this.fresh(stage, {
      root,
      platform,
      prefix,
      base: undefined,
      config: { WorkingDir: '/' },
      steps: 0,
      author: undefined,
    })
  }

  private async beginImage(
    stage: Stage,
    name: string,
    platform: Platform,
    prefix: string,
    named?: PlannedContext & { kind: 'image' },
  ): Promise<StageState> {
    const { from } = stage
    const base = await this.image(
      name,
      platform,
      from,
      named,
      `[${prefix}1/${1 + stage.instructions.filter(makesLayer).length}] FROM ${name}`,
      nameOf(stage),
    )
    if (matchPlatform(platform, base.config.platform) === undefined) {
      this.words.warn(
        findings.invalidBaseImagePlatform(name, formatPlatform(platform), formatPlatform(base.config.platform)),
        from,
      )
    }
    return this.fresh(stage, {
      root: base.id,
      platform,
      prefix,
      base: base.config,
      config: cleanConfig(base.config.config),
      steps: 1,
      author: base.config.author,
    })
  }

  private fresh(
    stage: Stage,
    given: Pick<StageState, 'root' | 'platform' | 'prefix' | 'base' | 'config' | 'steps' | 'author'>,
  ): StageState {
    const { config, platform, steps } = given
    if (platform.os !== 'windows' && !envOf(config).some(([key]) => key === 'PATH'))
      config.Env = [...(config.Env ?? []), `PATH=${defaultPath}`]
    return {
      ...given,
      name: nameOf(stage),
      additions: additionsAfter(undefined),
      variables: new Map(envOf(config)),
      declared: new Set(),
      commandSet: false,
      workdirSet: false,
      single: new Map(),
      step: steps,
    }
  }

  async image(
    name: string,
    platform: Platform,
    at: From | Instruction,
    named: (PlannedContext & { kind: 'image' }) | undefined,
    title: string,
    stage: string,
  ) {
    const { resolveBase } = this.options
    try {
      const base = await (named?.load?.(platform) ?? resolveBase(name, platform))
      const id = this.graph.share(`image ${base.manifest.digest}`, () => ({
        kind: 'image',
        title,
        where: at.where,
        stage,
        name,
        base,
      }))
      return { id, config: base.config }
    } catch (error) {
      throw locate(named === undefined ? this.explained(error, name, at) : error, at.where)
    }
  }

  /** Adds a suggestion if no image has that name. */
  private explained(error: unknown, name: string, { where }: From | Instruction): unknown {
    const stages = this.file.stages.flatMap((stage) => stage.name ?? [])
    const meant = closest(name, [...stages, ...this.options.contexts.keys()])
    if (!(error instanceof TareError) || meant === undefined) return error
    const remedy =
      meant === name
        ? `A later stage has that name: FROM can only use an earlier one.`
        : `No stage or named context has that name either: did you mean "${meant}"?`
    return new TareError(error.code, error.message, { where, cause: error, remedy })
  }

  private prefixOf(stage: Stage, platform: Platform): string {
    const several = this.options.severalPlatforms === true ? `${formatPlatform(platform)} ` : ''
    return `${several}${this.file.stages.length > 1 ? `${stage.name ?? `stage-${stage.index}`} ` : ''}`
  }
}

export function nameOf(stage: Stage): string {
  return stage.name ?? String(stage.index)
}
