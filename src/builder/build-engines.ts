import type { BuildOptions } from '../api/index.ts'
import type { Snapshot } from '../content/layers/index.ts'
import type { Host } from '../images/index.ts'
import { hexOf, normalizePlatform, type Platform, parsePlatform } from '../oci/index.ts'
import { messageOf, type Steps, sha256, silent, TareError } from '../support/index.ts'
import type { BuildCaches } from './build-caches.ts'
import { EnginePool, type PooledEngine } from './engine-pool.ts'
import type { ResolvedOutput } from './outputs/index.ts'
import type { Plan } from './plan/index.ts'
import {
  type Builder,
  configuredEngines,
  daemonOf,
  type EngineAddress,
  EngineLink,
  type FactsMemory,
  findBuilders,
  type LoadingDaemon,
} from './remote/index.ts'
import { buildOn, type EngineTools as PlanTools, refuseLocalOptions } from './remote-build.ts'
import { type BuildBases, type Needle, sandboxOf } from './session/index.ts'
import { refuseForeignRuns } from './solve/index.ts'
import type { WantedStatements } from './wanted-statements.ts'

type Snapshots = readonly (Snapshot | undefined)[]

/** The engines of one build. */
export interface BuildEngine {
  /** Whether platforms are built at the same time. */
  readonly isSplit: boolean
  /**
   * Returns the platform that the platform's build runs on, which FROM --platform=$BUILDPLATFORM asks for; undefined for this
   * machine's. Asks an engine only if the Dockerfile says so.
   */
  buildPlatform(platform: Platform, dockerfile: string): Promise<Platform | undefined>
  /** Has a plan made, by an engine or by `here`. */
  solve(plan: Plan, tools: PlanTools, here: () => Promise<Snapshots>): Promise<Snapshots>
  /** Returns the platform of the engine that made a plan; undefined if this machine did. */
  ranOn(plan: Plan): Promise<Platform | undefined>
  /** Returns the daemon that the image may be loaded into; undefined if there is none, which is reported if it was to be. */
  loader(images: number): Promise<LoadingDaemon | undefined>
  close(): Promise<void>
}

export interface EngineTools {
  readonly bases: BuildBases
  readonly steps: Steps
  readonly signal: AbortSignal
  readonly outputs: readonly ResolvedOutput[]
  readonly caches: BuildCaches
  readonly needles: readonly Needle[]
  readonly statements: WantedStatements
}

/**
 * Returns the engines that the options name; undefined for this machine alone. Throws `ENGINE_UNKNOWN`, `ENGINE_ADDRESS`,
 * `ENGINE_UNSUPPORTED`.
 */
export function engineOf(host: Host, options: BuildOptions, tools: EngineTools): BuildEngine | undefined {
  const choice = findBuilders(options.builder!, host.environment)
  switch (choice.kind) {
    case 'local':
      return undefined
    case 'engine':
      return single(choice.address, host, options, tools)
    case 'several':
      if (choice.builders.some(({ address }) => address !== 'local')) {
        refuseLocalOptions(options)
        refuseCaches(options)
      }
      return pooled(choice.builders, 'least', host, options, tools)
    case 'auto': {
      const engines = configuredEngines(host.environment).flatMap(({ address }) => address ?? [])
      const builders = ['local' as const, ...engines].map((address) => ({ address }))
      return pooled(builders, 'first', host, options, tools)
    }
  }
}

function refuseCaches({ cacheFrom = [], cacheTo = [] }: BuildOptions): void {
  if (cacheFrom.length + cacheTo.length === 0) return
  throw new TareError('ENGINE_UNSUPPORTED', 'a build on several engines does not have caches of other stores', {
    remedy: 'Name one engine, or build here: --builder default.',
  })
}

function single(address: EngineAddress, host: Host, options: BuildOptions, tools: EngineTools): BuildEngine {
  refuseLocalOptions(options)
  const link = new EngineLink(address, memoryOf(address, host))
  const build = buildOn(link, host, options, tools)
  /** A connection that is cut leaves it unknown what has been done. An engine that still answers is asked again, once. */
  const asked = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      const isCut = error instanceof TareError && error.code === 'ENGINE_LOST'
      if (!isCut || !(await link.answers(tools.signal))) throw error
      const message = `${error.message}; it answers again, and is asked again, since the outcome is unknown`
      options.report?.({ type: 'warning', rule: 'EngineAgain', message })
      link.reset()
      return work()
    }
  }
  // While the Dockerfile is read. What fails is told when the engine is needed.
  link.connected(tools.signal).catch(() => {})
  return {
    isSplit: false,
    buildPlatform: (_, dockerfile) => readPlatform(dockerfile, async () => (await link.platforms(tools.signal))[0]),
    solve: (plan, own) => asked(() => build.solve(plan, own, tools.bases)),
    ranOn: async (plan) => (isMade(plan) ? platformOf((await link.platforms(tools.signal))[0]) : undefined),
    loader: async (images) => {
      if (!isLoaded(tools)) return undefined
      if (images > 1) return notLoaded('several platforms are not loaded into an engine', options)
      return daemonOf(link, tools.signal)
    },
    close: () => build.close(),
  }
}

function pooled(
  builders: readonly Builder[],
  order: 'first' | 'least',
  host: Host,
  options: BuildOptions,
  tools: EngineTools,
): BuildEngine {
  // Each call has tools of its own; a plan is made by one call.
  const toolsOf = new WeakMap<Plan, PlanTools>()
  const open = (address: EngineAddress): PooledEngine => {
    const link = new EngineLink(address, memoryOf(address, host))
    const build = buildOn(link, host, options, tools)
    return {
      platforms: (signal) => link.platforms(signal),
      answers: (signal) => link.answers(signal),
      solve: async (plan) => {
        refuseLocalOptions(options)
        refuseCaches(options)
        return build.solve(plan, toolsOf.get(plan)!, tools.bases)
      },
      close: () => build.close(),
    }
  }
  const { steps, signal } = tools
  const hindrance = (plan: Plan) => hindranceHere(plan, host, options)
  const pool = new EnginePool(builders, order, { steps, signal, report: options.report ?? silent, hindrance, open })
  return {
    isSplit: order === 'least',
    buildPlatform: (platform, dockerfile) => readPlatform(dockerfile, () => pool.buildPlatform(platform)),
    solve: (plan, own, here) => {
      toolsOf.set(plan, own)
      return pool.solve(plan, here)
    },
    ranOn: async (plan) => (isMade(plan) ? platformOf(await pool.ranOn(plan)) : undefined),
    loader: async () => (isLoaded(tools) ? notLoaded('several engines may have built it', options) : undefined),
    close: () => pool.close(),
  }
}

function isLoaded({ outputs }: EngineTools): boolean {
  return outputs.some(({ output }) => output.kind === 'image' && output.load === true)
}

function notLoaded(why: string, { report = silent }: BuildOptions): undefined {
  const message = `the image is only in the store of this machine: ${why}`
  report({ type: 'warning', rule: 'EngineLoad', message })
}

/** What engines have been is in the store; losing it costs time, nothing else. */
function memoryOf({ text }: EngineAddress, { store: { records } }: Host): FactsMemory {
  const key = hexOf(sha256(`engine ${text}`))
  return { recall: () => records.recall('engines', key), remember: (facts) => records.remember('engines', key, facts) }
}

async function readPlatform(dockerfile: string, ask: () => Promise<string | undefined>): Promise<Platform | undefined> {
  return /\bBUILD(?:PLATFORM|OS|ARCH|VARIANT)\b/.test(dockerfile) ? platformOf(await ask()) : undefined
}

function platformOf(text: string | undefined): Platform | undefined {
  return text === undefined ? undefined : normalizePlatform(parsePlatform(text, anyMachine))
}

/** Whether the image has layers that a step has made. */
function isMade({ operations, output }: Plan): boolean {
  return 'onto' in operations[output.root]!
}

// Platforms of engines are written in full.
const anyMachine = { os: 'linux', architecture: 'amd64' }

/** Says why this machine cannot make a plan. */
function hindranceHere(plan: Plan, host: Host, options: BuildOptions): string | undefined {
  if (!plan.operations.some(({ kind }) => kind === 'run')) return undefined
  try {
    refuseForeignRuns(plan)
    sandboxOf(host, options.isolation)
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}
