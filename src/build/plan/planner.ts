import {
  type Dockerfile,
  type From,
  findings,
  type Instruction,
  parseTrigger,
  type Stage,
  titleOf,
  type Warning,
} from '../../dockerfile/index.ts'
import { formatPlatform, matchPlatform, normalizePlatform, type Platform, parsePlatform } from '../../oci/index.ts'
import { closest, locate, TareError } from '../../support/index.ts'
import { type GlobalArguments, globalArguments, platformArguments } from './arguments.ts'
import { planCopy } from './copy.ts'
import { applyMetadata } from './metadata.ts'
import { planRun } from './run.ts'
import {
  absolutePath,
  cleanConfig,
  defaultPath,
  envOf,
  type MutableConfig,
  makesLayer,
  type StageState,
  setEnv,
} from './stage-state.ts'
import type { NamedContext, Operation, OperationId, Output, Plan, PlanOptions } from './types.ts'
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
  private readonly operations: Operation[] = []
  private readonly shared = new Map<string, OperationId>()
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
      operations: this.operations,
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
    const state = await this.begin(stage)
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

  private async begin(stage: Stage): Promise<StageState> {
    const { from } = stage
    const platform = this.platformOf(from)
    const base = this.baseName(from)
    const prefix = this.prefixOf(stage, platform)
    const named = this.options.contexts.get(contextKey(base))
    if (named !== undefined) return this.beginNamed(stage, base, named, platform, prefix)
    // Names of stages are lower case; what FROM says is taken as it is.
    const earlier = this.file.stages.findLastIndex((other, i) => i < stage.index && other.name === base)
    if (earlier >= 0) return this.inherit(await this.stage(earlier), stage, prefix)
    return base === 'scratch'
      ? this.beginEmpty(stage, platform, prefix)
      : this.beginImage(stage, base, platform, prefix)
  }

  private async beginNamed(
    stage: Stage,
    name: string,
    named: NamedContext,
    platform: Platform,
    prefix: string,
  ): Promise<StageState> {
    if (named.kind === 'scratch') return this.beginEmpty(stage, platform, prefix)
    if (named.kind === 'image') return this.beginImage(stage, named.name, platform, prefix, named)
    if (named.kind === 'target') return this.inherit(await this.stage(this.need(named.stage)), stage, prefix)
    const state = this.beginEmpty(stage, platform, prefix)
    const from = this.context(name)
    const title = `[${prefix}1/1] FROM ${name}`
    state.root = this.add({
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
    state.history.push({ createdBy: `FROM ${name} # buildkit`, layer: state.root })
    return state
  }

  private need(target: string): number {
    const found = this.find(target)
    if (found === undefined) throw new TareError('TARGET_UNKNOWN', `target stage "${target}" could not be found`)
    return found
  }

  private inherit(parent: StageState, stage: Stage, prefix: string): StageState {
    return {
      ...parent,
      name: nameOf(stage),
      config: { ...parent.config },
      history: [...parent.history],
      variables: new Map(parent.variables),
      declared: new Set(parent.declared),
      commandSet: false,
      prefix,
      steps: 0,
      step: 0,
    }
  }

  private beginEmpty(stage: Stage, platform: Platform, prefix: string): StageState {
    const root = this.share('scratch', () => ({ kind: 'scratch', title: '[internal] scratch', stage: nameOf(stage) }))
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
    named?: NamedContext & { kind: 'image' },
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
    if (platform.os !== 'windows' && !envOf(config).some(([key]) => key === 'PATH')) setEnv(config, 'PATH', defaultPath)
    return {
      ...given,
      name: nameOf(stage),
      history: [],
      variables: new Map(envOf(config)),
      declared: new Set(),
      commandSet: false,
      step: steps,
    }
  }

  private async image(
    name: string,
    platform: Platform,
    at: From | Instruction,
    named: (NamedContext & { kind: 'image' }) | undefined,
    title: string,
    stage: string,
  ) {
    const { resolveBase } = this.options
    try {
      const base = await (named?.load?.(platform) ?? resolveBase(name, platform))
      const id = this.share(`image ${base.manifest.digest}`, () => ({
        kind: 'image',
        title,
        where: at.where,
        stage,
        name,
        base,
      }))
      return { id, config: base.config }
    } catch (error) {
      throw locate(error, at.where)
    }
  }

  private context(name: string): OperationId {
    const title = name === '' ? '[internal] load build context' : `[context ${name}] load from client`
    return this.share(`context ${name}`, () => ({ kind: 'context', title, stage: '', name }))
  }

  private platformOf(from: From): Platform {
    if (from.platform === undefined) return this.options.platform
    const text = this.words.expand(from.platform, this.globals.values, from, this.globals.declared)
    if (text === '') {
      throw new TareError('PLATFORM_INVALID', `empty platform value from expression ${from.platform}`, {
        where: from.where,
        remedy: 'Give the argument a value with --build-arg, or a default.',
      })
    }
    if (/^\$\{?TARGETPLATFORM\}?$/.test(from.platform))
      this.words.warn(findings.redundantTargetPlatform(from.platform), from)
    else if (!from.platform.includes('$')) this.words.warn(findings.fromPlatformFlagConstDisallowed(text), from)
    return this.words.located(from, () => normalizePlatform(parsePlatform(text, this.options.buildPlatform)))
  }

  private baseName(from: From): string {
    const { values, defaults, declared } = this.globals
    const name = this.words.expand(from.base, values, from, new Set([...declared, ...unknownNames(from.base, values)]))
    for (const missing of unknownNames(from.base, values)) {
      if (!declared.has(missing))
        this.words.warn(findings.undefinedArgInFrom(missing, closest(missing, [...declared, ...values.keys()])), from)
    }
    if (name === '') {
      throw new TareError('BASE_BLANK', `base name (${from.base}) should not be blank`, {
        where: from.where,
        remedy: 'Give the argument a default before FROM, or a value with --build-arg.',
      })
    }
    if (from.base.includes('$') && this.words.expandQuietly(from.base, defaults) === '')
      this.words.warn(findings.invalidDefaultArgInFrom(from.base), from)
    return name
  }

  private prefixOf(stage: Stage, platform: Platform): string {
    const several = this.options.severalPlatforms === true ? `${formatPlatform(platform)} ` : ''
    return `${several}${this.file.stages.length > 1 ? `${stage.name ?? `stage-${stage.index}`} ` : ''}`
  }

  private async apply(state: StageState, instruction: Instruction, index: number): Promise<void> {
    const { words, globals } = this
    const { buildArgs, network } = this.options
    const where = instruction.where
    const place = () => ({ title: this.title(state, instruction), where, stage: state.name, onto: state.root })
    switch (instruction.kind) {
      case 'COPY':
      case 'ADD': {
        const add = (
          operation:
            | { kind: 'files'; files: readonly { name: string; text: string }[] }
            | { kind: 'download'; url: string },
        ) =>
          this.add({
            ...operation,
            title:
              operation.kind === 'files' ? '[internal] files of the Dockerfile' : `[internal] fetch ${operation.url}`,
            where,
            stage: state.name,
          })
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
        const path = absolutePath(state.config.WorkingDir || '/', said)
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
    state.root = this.add(operation)
    state.history.push({ createdBy, layer: state.root })
  }

  /** `[stage-1 2/3] COPY a b`, with values in place of variables. */
  private title(state: StageState, instruction: Instruction): string {
    state.step++
    return `[${state.prefix}${state.step}/${state.steps}] ${titleOf(instruction, state.variables, { escape: this.file.escape })}`
  }

  /** What `--from` stands for: a stage by name or number, a named context, an image. */
  private async from(name: string | undefined, index: number, instruction: Instruction): Promise<OperationId> {
    if (name === undefined) return this.context('')
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
    const stage = this.find(name)
    if (stage !== undefined) return (await this.stage(stage)).root
    return this.fromOutside(name, instruction)
  }

  private async fromOutside(name: string, instruction: Instruction): Promise<OperationId> {
    const named = this.options.contexts.get(contextKey(name))
    if (named?.kind === 'files') return this.context(name)
    if (named?.kind === 'target') return (await this.stage(this.need(named.stage))).root
    if (named?.kind === 'scratch' || name === 'scratch')
      return this.share('scratch', () => ({ kind: 'scratch', title: '[internal] scratch', stage: '' }))
    const names = this.file.stages.flatMap((stage) => stage.name ?? [])
    try {
      const image = named?.kind === 'image' ? named.name : name
      return (await this.image(image, this.options.platform, instruction, named, `FROM ${image}`, name)).id
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

  private add(operation: Operation): OperationId {
    this.operations.push(operation)
    return this.operations.length - 1
  }

  private share(key: string, make: () => Operation): OperationId {
    const id = this.shared.get(key) ?? this.add(make())
    this.shared.set(key, id)
    return id
  }
}

function nameOf(stage: Stage): string {
  return stage.name ?? String(stage.index)
}

/** Named contexts are matched without the default tag. */
function contextKey(name: string): string {
  return name.replace(/^docker\.io\/(?:library\/)?/, '').replace(/:latest$/, '')
}

function unknownNames(word: string, values: ReadonlyMap<string, string>): string[] {
  return [...word.matchAll(/\$\{?([A-Za-z_]\w*)\}?/g)].map((match) => match[1]!).filter((name) => !values.has(name))
}
