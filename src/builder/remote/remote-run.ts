import { randomBytes } from 'node:crypto'
import { Control, gateway } from '../../buildkit/index.ts'
import { type CallSettings, GrpcError, serveGrpc } from '../../net/grpc/index.ts'
import { TareError } from '../../support/index.ts'
import type { Plan } from '../plan/index.ts'
import type { RemoteCaches } from './caches.ts'
import { throughDaemon } from './daemon/through-daemon.ts'
import { differencesOf } from './differences.ts'
import type { Engine, EngineFacts } from './engine/index.ts'
import { explainFailure } from './failure.ts'
import { type Marshalled, marshalPlan, modern } from './llb/index.ts'
import type { Offers } from './offers.ts'
import { EngineProgress } from './progress.ts'
import { Pulse } from './pulse.ts'
import { hostsFor } from './requirements.ts'
import { type EnginePush, pushedByEngine } from './results/pushed-by-engine.ts'
import { type Expected, historyFor, type RemoteLayer } from './results/result.ts'
import { type ResultTools, type ResultWay, receiveOverSession } from './results/result-way.ts'
import {
  agentService,
  contentService,
  filesService,
  healthService,
  loginsService,
  secretsService,
} from './session/index.ts'
import type { RemoteTools } from './tools.ts'

export interface RunFacts {
  readonly engine: Engine
  readonly facts: EngineFacts
  readonly plan: Plan
  readonly tools: RemoteTools
  readonly offers: Offers
  readonly expected: Expected
  readonly caches: RemoteCaches
  /** Where the engine is to push the layers, which then do not come here. */
  readonly push: EnginePush | undefined
}

// For what an engine says after a build.
const patience = 20_000

/** One build of one platform on an engine. */
export class RemoteRun {
  private readonly on: RunFacts
  private readonly ref = randomBytes(16).toString('hex')
  private readonly session = randomBytes(16).toString('hex')
  /** Ends the build's calls. */
  private readonly stop = new AbortController()
  /** Ends the report, which says what failed after the build has. */
  private readonly over = new AbortController()
  private readonly signal: AbortSignal
  private readonly progress: EngineProgress

  constructor(on: RunFacts) {
    this.on = on
    this.signal = AbortSignal.any([on.tools.signal, this.stop.signal])
    this.progress = new EngineProgress(on.tools.steps, on.tools.run.hidden)
  }

  async run(): Promise<readonly RemoteLayer[]> {
    const { engine, tools, expected } = this.on
    const { host } = tools
    const { signal } = this
    const result = this.resultWay({ host, expected, signal })
    let close: (() => void) | undefined
    let following: Promise<void> = Promise.resolve()
    const pulse = new Pulse(engine.control, engine.name, (error) => this.stop.abort(error))
    try {
      await result.begin()
      close = await this.openSession(result)
      following = this.follow(pulse)
      following.catch(() => {})
      const response = await this.solve(result)
      await this.soon(following, 'does not end its report')
      const layers = await result.finish(response)
      await this.on.caches.finish(response)
      return layers
    } catch (error) {
      tools.signal.throwIfAborted()
      const own = this.stop.signal.aborted ? this.stop.signal.reason : error
      // One that is not to be trusted has nothing to explain.
      if (!(own instanceof TareError)) await this.soon(following, 'does not end its report').catch(() => {})
      throw explainFailure(own, this.progress.failure, engine.name)
    } finally {
      this.progress.end(tools.signal.aborted ? 'canceled' : 'failed', 'the engine did not finish it')
      pulse.stop()
      close?.()
      this.stop.abort(new Error('the build is over'))
      this.over.abort(new Error('the build is over'))
      await result.close()
    }
  }

  private resultWay(result: ResultTools): ResultWay {
    const { engine, facts, push } = this.on
    if (!facts.exportsLayers) {
      if (push?.notByDaemon === undefined) return throughDaemon(engine, result, push)
      push.instead(`the image store of ${engine.name} ${push.notByDaemon}`)
      return throughDaemon(engine, result, undefined)
    }
    return push === undefined ? receiveOverSession(result) : pushedByEngine(result, push)
  }

  private async openSession(result: ResultWay): Promise<() => void> {
    const { engine, offers, tools, caches } = this.on
    const violation = (error: TareError) => this.stop.abort(error)
    const handlers = [
      ...healthService(),
      ...filesService(async (name) => offers.filesNamed(name), violation),
      ...secretsService(tools.run.secret),
      ...agentService(tools.run.agent),
      ...loginsService(tools.login),
      ...contentService((store) => result.content?.(store) ?? caches.content(store)),
      ...result.handlers,
    ]
    const { session: id, signal } = this
    const sharedKey = tools.sharedKey('session')
    const socket = await engine.session({ id, sharedKey, methods: handlers.map(({ path }) => path), signal })
    const served = serveGrpc(socket, handlers)
    return () => served.close()
  }

  private async follow(pulse: Pulse): Promise<void> {
    const { ref } = this
    const signal = AbortSignal.any([this.on.tools.signal, this.over.signal])
    try {
      for await (const status of this.on.engine.control.serverStream(Control.method.status, { ref }, { signal })) {
        pulse.heard()
        this.progress.tell(status)
      }
    } catch (error) {
      // Whatever it is, the build itself says so as well.
      if (!(error instanceof GrpcError) && !signal.aborted) throw error
    }
  }

  private async solve(result: ResultWay): Promise<Readonly<Record<string, string>>> {
    const { ref, session, signal } = this
    const { caches, engine } = this.on
    const { control } = engine
    const [imports, exports] = [caches.imports, caches.exports].map((all) =>
      all.map(({ type, attrs }) => ({ type, attrs: { ...attrs } })),
    )
    const { type, attrs } = result.exporter
    const solving = control.unary(
      Control.method.solve,
      {
        ...{ ref, session, entitlements: [...this.on.tools.entitlements] },
        ...(caches.isUsed ? { cache: { imports: imports!, exports: exports! } } : {}),
        exporter: type,
        exporterAttrs: { ...attrs },
        exporters: [{ type, attrs: { ...attrs } }],
      },
      { signal },
    )
    const building = this.build({ signal, metadata: { 'buildkit-controlapi-buildid': ref } })
    // Whichever fails first ends the other.
    building.catch((error: unknown) => this.stop.abort(error))
    const response = await Promise.race([solving, building.then(() => solving)])
    // Both are over at the same time: an engine that has not waited for its frontend has not built what it was asked for.
    await this.soon(building, 'ended the build before it was told what to build')
    return response.exporterResponse
  }

  /** Waits for what has to be over by now. Rejects with `ENGINE_INVALID` if it is not. */
  private async soon(work: Promise<void>, fault: string): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      const error = new TareError('ENGINE_INVALID', `the engine ${this.on.engine.name} ${fault}`)
      timer = setTimeout(() => reject(error), patience)
    })
    try {
      await Promise.race([work, late])
    } finally {
      clearTimeout(timer)
    }
  }

  /** Acts as the frontend of the build: says what to make, and returns it. */
  private async build(settings: CallSettings): Promise<void> {
    const { engine, tools, expected } = this.on
    const { LLBBridge } = gateway
    const { llbCaps } = await engine.control.unary(LLBBridge.method.ping, {}, settings)
    const known = new Set(llbCaps.filter(({ enabled }) => enabled).map(({ id }) => id))
    if (!known.has(modern)) await this.on.offers.examineArchives(this.on.plan)
    const { definition, operations } = this.marshal(known)
    this.progress.know(operations)
    for (const message of differencesOf(known, operations.values())) tools.warn(message)
    const cacheImports = this.on.caches.imports.map(({ type, attrs }) => ({ type, attrs: { ...attrs } }))
    const request = { definition, cacheImports, allowResultReturn: true, allowResultArrayRef: true, evaluate: true }
    const solved = await engine.control.unary(LLBBridge.method.solve, request, settings)
    const id =
      solved.result?.result.case === 'ref' ? solved.result.result.value.id : (solved.result?.result.value ?? solved.ref)
    const { os, architecture, variant } = tools.platform
    const config = {
      ...{ os, architecture, ...(variant === undefined ? {} : { variant }) },
      ...{ config: {}, rootfs: { type: 'layers', diff_ids: [] }, history: historyFor(expected) },
    }
    await engine.control.unary(
      LLBBridge.method.return,
      {
        result: {
          result: { case: 'ref', value: { id } },
          metadata: { 'containerimage.config': Buffer.from(JSON.stringify(config)) },
        },
      },
      settings,
    )
  }

  private marshal(llb: ReadonlySet<string>): Marshalled {
    const { plan, tools, offers, engine, facts } = this.on
    const marshalled = marshalPlan(plan, {
      platform: tools.platform,
      capabilities: { engine: engine.name, llb },
      session: this.session,
      source: (id) => offers.source(id),
      archives: (id) => offers.archives(id),
      mayRecall: tools.mayRecall,
      run: { ...tools.run, hosts: hostsFor(tools.hosts, facts.gateway) },
      epoch: tools.epoch,
    })
    if (marshalled === undefined) throw new Error('a plan without anything to make')
    return marshalled
  }
}
