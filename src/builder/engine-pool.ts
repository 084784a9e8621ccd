import type { Snapshot } from '../content/layers/index.ts'
import { formatPlatform, normalizePlatform, type Platform, parsePlatform } from '../oci/index.ts'
import { messageOf, type Reporter, type Steps, TareError } from '../support/index.ts'
import type { Plan } from './plan/index.ts'
import type { Builder, EngineAddress } from './remote/index.ts'
import { isLost } from './remote-build.ts'
import { runArchitectures } from './solve/index.ts'

type Snapshots = readonly (Snapshot | undefined)[]

/** An engine as the pool uses it. */
export interface PooledEngine {
  /** The platforms whose programs it runs, its own first. Rejects with `ENGINE_…` if it cannot be reached. */
  platforms(signal: AbortSignal): Promise<readonly string[]>
  answers(signal: AbortSignal): Promise<boolean>
  solve(plan: Plan): Promise<Snapshots>
  close(): Promise<void>
}

export interface PoolTools {
  readonly steps: Steps
  readonly report: Reporter
  readonly signal: AbortSignal
  /** Says why this machine cannot make the plan; undefined if it can. */
  readonly hindrance: (plan: Plan) => string | undefined
  readonly open: (address: EngineAddress) => PooledEngine
}

/** Something that makes plans: an engine, or this machine. */
interface Worker {
  readonly name: string
  readonly engine: PooledEngine | undefined
  running: number
  /** Why it is used no longer. */
  lost: unknown
}

interface Member {
  readonly worker: Worker
  /** What it is for; undefined for everything it can execute. */
  readonly platform: string | undefined
}

/**
 * Several engines, this machine perhaps among them. Each plan is made by the first one that can (`order: 'first'`), or by the one
 * with the least to do (`'least'`). One that is gone is left out, its plans are made by others, and at last by this machine.
 */
export class EnginePool {
  private readonly tools: PoolTools
  private readonly order: 'first' | 'least'
  private readonly workers = new Map<string, Worker>()
  private readonly members: readonly Member[]
  private readonly here: Worker
  /** Who made what. */
  private readonly makers = new WeakMap<Plan, Worker>()
  private turn: Promise<unknown> = Promise.resolve()

  constructor(builders: readonly Builder[], order: 'first' | 'least', tools: PoolTools) {
    this.tools = tools
    this.order = order
    this.here = { name: 'this machine', engine: undefined, running: 0, lost: undefined }
    this.members = builders.map(({ platform, address }) => ({
      worker: this.workerAt(address),
      platform: platform === undefined ? undefined : normalized(platform),
    }))
  }

  private workerAt(address: Builder['address']): Worker {
    if (address === 'local') return this.here
    const known = this.workers.get(address.text)
    if (known !== undefined) return known
    const made = { name: address.text, engine: this.tools.open(address), running: 0, lost: undefined }
    this.workers.set(address.text, made)
    return made
  }

  async close(): Promise<void> {
    for (const { engine } of this.workers.values()) await engine?.close()
  }

  /** Returns the platform that the platform's build runs on: of the first engine that would make it. */
  async buildPlatform(platform: Platform): Promise<string | undefined> {
    for (const { worker } of this.meantFor(formatPlatform(platform))) {
      if (worker.engine === undefined) return undefined
      const platforms = await this.platformsOf(worker)
      if (platforms[0] !== undefined) return platforms[0]
    }
    return undefined
  }

  /** Has the plan made; `here` makes it on this machine. Rejects with `ENGINE_NONE`, and with what making it failed with. */
  async solve(plan: Plan, here: () => Promise<Snapshots>): Promise<Snapshots> {
    const { signal } = this.tools
    const refused = new Map<Worker, string>()
    for (;;) {
      const worker = await this.choose(plan, refused)
      try {
        const made = worker.engine === undefined ? await this.inTurn(here) : await worker.engine.solve(plan)
        this.makers.set(plan, worker)
        return made
      } catch (error) {
        signal.throwIfAborted()
        if (worker.engine === undefined || !(await this.isForOthers(worker, error))) throw error
        if (error instanceof TareError && error.code === 'ENGINE_TOO_OLD') refused.set(worker, error.message)
        else this.leaveOut(worker, error)
        if (!(await this.hasOthers(plan, refused))) throw error
      } finally {
        worker.running--
      }
    }
  }

  /** Returns the platform of the engine that made a plan; undefined if this machine did. */
  async ranOn(plan: Plan): Promise<string | undefined> {
    return (await this.makers.get(plan)?.engine?.platforms(this.tools.signal))?.[0]
  }

  /** A machine has one sandbox: its plans are made one after the other. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.turn.then(work, work)
    this.turn = result.catch(() => {})
    return result
  }

  private async hasOthers(plan: Plan, refused: Map<Worker, string>): Promise<boolean> {
    return (await this.candidates(plan, refused)).length > 0 || this.tools.hindrance(plan) === undefined
  }

  /** Returns who makes the plan, counted as running. */
  private async choose(plan: Plan, refused: Map<Worker, string>): Promise<Worker> {
    const platform = formatPlatform(plan.output.platform)
    const found = await this.candidates(plan, refused)
    const [best] = this.order === 'first' ? found : [...found].sort((a, b) => a.running - b.running)
    const why = best === undefined ? this.tools.hindrance(plan) : undefined
    if (why !== undefined) throw this.none(platform, refused, why)
    const chosen = best ?? this.here
    chosen.running++
    const reasons = [...refused].map(([{ name }, reason]) => `${name}: ${reason}`)
    this.say(`build ${platform} on ${chosen.name}`, this.order === 'first' ? reasons : [])
    return chosen
  }

  /** Returns those that can make the plan, as far as one can know; only the first of them where the order decides. */
  private async candidates(plan: Plan, refused: Map<Worker, string>): Promise<readonly Worker[]> {
    const meant = this.meantFor(formatPlatform(plan.output.platform))
    const found: Worker[] = []
    if (this.order === 'least')
      await Promise.all(meant.map(async ({ worker }) => worker.engine && (await this.platformsOf(worker))))
    for (const member of meant) {
      if (member.worker.lost !== undefined || refused.has(member.worker) || found.includes(member.worker)) continue
      const reason = await this.refusalOf(member, plan)
      if (reason === undefined) found.push(member.worker)
      else if (member.worker.lost === undefined) refused.set(member.worker, reason)
      if (this.order === 'first' && found.length > 0) break
    }
    return found
  }

  /** Those that were named for the platform, otherwise those that were named for none. */
  private meantFor(platform: string): readonly Member[] {
    const own = this.members.filter((member) => member.platform === platform)
    return own.length > 0 ? own : this.members.filter((member) => member.platform === undefined)
  }

  private async refusalOf({ worker, platform }: Member, plan: Plan): Promise<string | undefined> {
    if (worker.engine === undefined) return platform === undefined ? this.tools.hindrance(plan) : undefined
    const platforms = await this.platformsOf(worker)
    if (worker.lost !== undefined) return messageOf(worker.lost)
    // Whoever named it for the platform knows better.
    if (platform !== undefined) return undefined
    const known = new Set(platforms.map((text) => text.split('/')[1]))
    const foreign = [...runArchitectures(plan)].filter((architecture) => !known.has(architecture))
    return foreign.length === 0 ? undefined : `it runs no programs for ${foreign.join(', ')}`
  }

  /** Asks an engine, which is left out if it does not answer. */
  private async platformsOf(worker: Worker): Promise<readonly string[]> {
    try {
      return (await worker.engine?.platforms(this.tools.signal)) ?? []
    } catch (error) {
      this.tools.signal.throwIfAborted()
      this.leaveOut(worker, error)
      return []
    }
  }

  /** Whether somebody else may succeed: the engine is gone, or does not know what the plan needs. */
  private async isForOthers(worker: Worker, error: unknown): Promise<boolean> {
    const code = error instanceof TareError ? error.code : ''
    if (isLost(error)) return true
    if (code !== '' && !code.startsWith('ENGINE_') && !code.startsWith('ARCHIVE_')) return false
    return !(await worker.engine!.answers(this.tools.signal))
  }

  private leaveOut(worker: Worker, error: unknown): void {
    if (worker.lost !== undefined) return
    worker.lost = error
    this.tools.report({
      type: 'warning',
      rule: 'EngineLeftOut',
      message: `${worker.name} is left out of this build: ${messageOf(error)}`,
    })
  }

  private say(title: string, reasons: readonly string[]): void {
    const step = this.tools.steps.start(`[internal] ${title}`)
    for (const reason of reasons) step.output('stdout', `${reason}\n`)
    step.done()
  }

  private none(platform: string, refused: ReadonlyMap<Worker, string>, here: string): TareError {
    const lost = [...this.workers.values()].filter((worker) => worker.lost !== undefined)
    const reasons = [
      ...[...refused].filter(([worker]) => worker !== this.here).map(([{ name }, why]) => `${name}: ${why}`),
      ...lost.map((worker) => `${worker.name}: ${messageOf(worker.lost)}`),
      `this machine: ${here}`,
    ]
    return new TareError('ENGINE_NONE', `nothing here can build for ${platform}: ${reasons.join('; ')}`, {
      remedy: 'Name an engine that can, --builder ADDRESS. `tare doctor` asks those that are configured.',
    })
  }
}

function normalized(platform: string): string {
  return formatPlatform(normalizePlatform(parsePlatform(platform, { os: 'linux', architecture: 'amd64' })))
}
