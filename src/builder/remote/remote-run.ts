import { randomBytes } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { Control, gateway, type SolveResponse } from '../../buildkit/index.ts'
import { type CallSettings, GrpcError, serveGrpc } from '../../net/grpc/index.ts'
import { sha256, TareError } from '../../support/index.ts'
import type { OperationId, Plan } from '../plan/index.ts'
import type { RemoteCaches } from './caches.ts'
import { throughDaemon } from './daemon/through-daemon.ts'
import { differencesOf } from './differences.ts'
import type { Engine, EngineFacts } from './engine/index.ts'
import { explainFailure } from './failure.ts'
import { type Marshalled, marshalPlan, middle, modern } from './llb/index.ts'
import type { Offers } from './offers.ts'
import { EngineProgress } from './progress.ts'
import { Pulse } from './pulse.ts'
import { hostsFor } from './requirements.ts'
import { isMadeOfOwn, MadeHere } from './results/made-here.ts'
import { MadeThere, refOf } from './results/made-there.ts'
import { type EnginePush, pushedByEngine } from './results/pushed-by-engine.ts'
import { type Expected, historyFor, type RemoteLayer } from './results/result.ts'
import { type ResultTools, type ResultWay, receiveOverSession } from './results/result-way.ts'
import { SentBefore } from './results/sent-before.ts'
import {
  agentService,
  contentService,
  filesService,
  healthService,
  loginsService,
  secretsService,
} from './session/index.ts'
import { soon } from './soon.ts'
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

interface Outcome {
  readonly response: Readonly<Record<string, string>>
  readonly known: readonly RemoteLayer[] | undefined
  /** Under which the layers are to be remembered. */
  readonly key: string | undefined
}

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
  private readonly before: SentBefore
  /** What the engine was told of each folder, by name. */
  private readonly listings = new Map<string, string>()
  private here: MadeHere | undefined

  constructor(on: RunFacts) {
    this.on = on
    this.before = new SentBefore(on.tools.host.store)
    this.signal = AbortSignal.any([on.tools.signal, this.stop.signal])
    // Many calls may listen.
    setMaxListeners(0, this.signal)
    this.progress = new EngineProgress(on.tools.steps, on.tools.run.hidden)
  }

  async run(): Promise<readonly RemoteLayer[]> {
    const { engine, tools, expected } = this.on
    const { host } = tools
    const { signal, before } = this
    const result = this.resultWay({ host, before, expected, signal })
    let close: (() => void) | undefined
    let following: Promise<void> = Promise.resolve()
    const pulse = new Pulse(engine.control, engine.name, (error) => this.stop.abort(error))
    let isUsed = true
    try {
      // An engine waits for a session that it is told of.
      const ready = Promise.all([result.check(), this.openSession(result)])
      ready.then(
        ([, end]) => {
          close = end
          if (this.over.signal.aborted) end()
        },
        (error: unknown) => this.stop.abort(error),
      )
      following = this.follow(pulse)
      following.catch(() => {})
      const { response, known, key } = await this.solve(result, ready)
      if (known !== undefined) {
        isUsed = false
        this.progress.end('done')
        return known
      }
      await this.here?.done()
      const [layers] = await Promise.all([
        result.finish(response),
        soon(following, engine.name, 'does not end its report'),
      ])
      await this.on.caches.finish(response)
      if (key !== undefined) before.remember([], [[key, layers]])
      return layers
    } catch (error) {
      tools.signal.throwIfAborted()
      const own = this.stop.signal.aborted ? this.stop.signal.reason : error
      // One that is not to be trusted has nothing to explain.
      if (!(own instanceof TareError)) await soon(following, engine.name, 'does not end its report').catch(() => {})
      throw explainFailure(own, this.progress.failure, engine.name)
    } finally {
      this.progress.end(tools.signal.aborted ? 'canceled' : 'failed', 'the engine did not finish it')
      pulse.stop()
      close?.()
      this.stop.abort(new Error('the build is over'))
      this.over.abort(new Error('the build is over'))
      this.here?.pack()
      if (this.here !== undefined) tools.later(this.here.done())
      if (isUsed) tools.later(result.close())
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
      ...filesService(async (name) => offers.filesNamed(name), violation, {
        listed: (name, digest) => {
          this.listings.set(name, digest)
          if (offers.names.every((one) => this.listings.has(one))) this.here?.begin()
        },
      }),
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

  /** Returns the exporter's answer; or, if the engine has all steps in its cache and their layers have come before, these. */
  private async solve(result: ResultWay, ready: Promise<unknown>): Promise<Outcome> {
    const { ref, session, signal } = this
    const { caches, engine } = this.on
    const { control } = engine
    const [imports, exports] = [caches.imports, caches.exports].map((all) =>
      all.map(({ type, attrs }) => ({ type, attrs: { ...attrs } })),
    )
    const { type, attrs } = result.exporter
    const enough = new AbortController()
    const solving = control.unary(
      Control.method.solve,
      {
        ...{ ref, session, entitlements: [...this.on.tools.entitlements] },
        // What the engine makes is a part of a build: it would keep it as a whole one, with layers for history.
        internal: true,
        ...(caches.isUsed ? { cache: { imports: imports!, exports: exports! } } : {}),
        exporter: type,
        exporterAttrs: { ...attrs },
        exporters: [{ type, attrs: { ...attrs } }],
      },
      { signal: AbortSignal.any([signal, enough.signal]) },
    )
    const building = this.build(result, ready, { signal, metadata: { 'buildkit-controlapi-buildid': ref } })
    // Whichever fails first ends the other.
    building.catch((error: unknown) => this.stop.abort(error))
    const first = await Promise.race<SolveResponse | readonly RemoteLayer[]>([
      solving,
      building.then<SolveResponse | readonly RemoteLayer[]>(({ known }) => known ?? solving),
    ])
    if (!('exporterResponse' in first)) {
      solving.catch(() => {})
      enough.abort(new Error('the result is known'))
      return { response: {}, known: first, key: undefined }
    }
    // Both are over at the same time: an engine that has not waited for its frontend has not built what it was asked for.
    const { key } = await soon(building, engine.name, 'ended the build before it was told what to build')
    return { response: first.exporterResponse, known: undefined, key }
  }

  /** Acts as the frontend of the build: says what to make, and returns it. */
  private async build(
    result: ResultWay,
    ready: Promise<unknown>,
    settings: CallSettings,
  ): Promise<Pick<Outcome, 'known' | 'key'>> {
    const { engine, tools, expected, caches, push } = this.on
    const { LLBBridge } = gateway
    const { llbCaps } = await engine.control.unary(LLBBridge.method.ping, {}, settings)
    const known = new Set(llbCaps.filter(({ enabled }) => enabled).map(({ id }) => id))
    if (!known.has(modern)) await this.on.offers.examineArchives(this.on.plan)
    const marshalled = this.marshal(known, this.on.plan)
    const { definition, operations } = marshalled
    this.progress.know(operations)
    for (const message of differencesOf(known, operations.values())) tools.warn(message)
    const cacheImports = this.on.caches.imports.map(({ type, attrs }) => ({ type, attrs: { ...attrs } }))
    const request = { definition, cacheImports, allowResultReturn: true, allowResultArrayRef: true, evaluate: true }
    await ready
    const isPlain = push === undefined && expected.inline === undefined && caches.exports.length === 0
    const solving = engine.control.unary(LLBBridge.method.solve, request, settings)
    if (isPlain) this.here = this.makeHere(known, solving, settings)
    const solved = await solving
    const key = isPlain ? this.keyOf(marshalled) : undefined
    if (key !== undefined && this.progress.isCached) {
      const made = this.before.madeFor(key)
      if (made?.length === expected.made) return { known: made, key }
    }
    this.here?.begin()
    await this.here?.asked()
    const { os, architecture, variant } = tools.platform
    const config = {
      ...{ os, architecture, ...(variant === undefined ? {} : { variant }) },
      ...{ config: {}, rootfs: { type: 'layers', diff_ids: [] }, history: historyFor(expected) },
    }
    const metadata = { 'containerimage.config': Buffer.from(JSON.stringify(config)) }
    const returned = { result: { result: { case: 'ref', value: { id: refOf(solved) } }, metadata } } as const
    await Promise.all([engine.control.unary(LLBBridge.method.return, returned, settings), result.begin()])
    this.here?.pack()
    return { known: undefined, key }
  }

  /** Identifies the steps and what was there for them; undefined if the engine has not asked for a folder. */
  private keyOf({ key }: Marshalled): string | undefined {
    const { engine, offers } = this.on
    const listings = offers.names.map((name) => this.listings.get(name))
    return listings.includes(undefined) ? undefined : sha256(JSON.stringify([engine.name, key, offers.names, listings]))
  }

  /** For a daemon that would hand over its whole image, whatever of it is here. Older ones write layers in another way. */
  private makeHere(
    llb: ReadonlySet<string>,
    solving: Promise<gateway.SolveResponse>,
    settings: CallSettings,
  ): MadeHere | undefined {
    const { engine, facts, plan, tools } = this.on
    if (facts.exportsLayers || !llb.has(middle) || !isMadeOfOwn(plan, tools)) return undefined
    const { root } = plan.output
    const marshal = (id: OperationId) => this.marshal(llb, { ...plan, output: { ...plan.output, root: id } })
    const there = new MadeThere({ engine, root, solving, marshal, settings })
    const name = JSON.stringify([engine.name, tools.platform])
    return new MadeHere(plan, name, there, { ...tools.here, signal: this.signal })
  }

  private marshal(llb: ReadonlySet<string>, plan: Plan): Marshalled {
    const { tools, offers, engine, facts } = this.on
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
