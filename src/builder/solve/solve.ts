import { setMaxListeners } from 'node:events'
import { setImmediate as takeTurn } from 'node:timers/promises'
import { refuseLayer, type Snapshot, scratch } from '../../content/layers/index.ts'
import type { BuildContext } from '../../files/context/index.ts'
import { encodeIndex, learnFromReaders } from '../../files/layer/index.ts'
import { Tree } from '../../files/tree/index.ts'
import { hexOf } from '../../oci/index.ts'
import { encodeName, locate, messageOf, type Step, Turns } from '../../support/index.ts'
import type {
  FilesOperation,
  GitOperation,
  ImageOperation,
  Operation,
  OperationId,
  Plan,
  RunOperation,
} from '../plan/index.ts'
import { refuseForeign } from '../sandbox/index.ts'
import type { Input, RemoteFiles } from './input.ts'
import { UnusableResult } from './shared-steps.ts'
import { copyStep } from './steps/copy.ts'
import { downloadStep } from './steps/download.ts'
import { makeDirectoryStep } from './steps/make-directory.ts'
import { runStep } from './steps/run.ts'
import { cachesToEmpty } from './steps/run-mounts.ts'
import { stamp, type Tools } from './tools.ts'
import { Unsettled } from './unsettled.ts'

/** The result of an operation: a filesystem in layers, or only files to copy from. */
interface Result {
  readonly snapshot?: Snapshot
  readonly input: Input
}

/**
 * Executes every operation of the plan as soon as its inputs are ready, reusing earlier results. Returns the snapshots in the
 * plan's order. On failure the others are stopped, and the error names the instruction.
 */
export async function solve(plan: Plan, tools: Tools): Promise<readonly (Snapshot | undefined)[]> {
  const stop = new AbortController()
  const signal = AbortSignal.any([tools.signal, stop.signal])
  // Many steps may listen.
  setMaxListeners(0, signal)
  const unsettled = new Unsettled(plan.operations.filter(({ kind }) => kind === 'run').length)
  const own: Tools = { ...tools, signal, operations: plan.operations, unsettled }
  const turns = tools.jobs === undefined ? undefined : new Turns(tools.jobs)
  // Better now than after half of the work.
  if (plan.operations.some(({ kind }) => kind === 'run')) tools.sandbox()
  refuseForeignRuns(plan)
  await tools.emptyMounts?.(cachesToEmpty(plan.operations, tools))
  const results: Promise<Result>[] = []
  for (const [id, operation] of plan.operations.entries())
    results[id] = new OperationRunner(operation, results, own, turns).result()
  for (const result of results) result.catch((error: unknown) => stop.abort(error))
  const settled = await Promise.allSettled(results)
  await unsettled.settle()
  const failed = settled.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw tools.signal.aborted ? tools.signal.reason : (stop.signal.reason ?? failed.reason)
  for (const index of tools.snapshots.used())
    if (learnFromReaders(index)) tools.store.records.remember('layers', hexOf(index.diffId), encodeIndex(index))
  return settled.map((result) => (result.status === 'fulfilled' ? result.value.snapshot : undefined))
}

/** Throws if a RUN's filesystem is for an architecture this machine cannot run. */
function refuseForeignRun(run: RunOperation, plan: Plan): void {
  const below = baseOf(run, plan)
  try {
    refuseForeign(architectureOf(run, plan), below?.kind === 'image' ? below.name : `stage "${run.stage}"`)
  } catch (error) {
    throw locate(error, run.where)
  }
}

/** Returns the architectures (GOARCH) whose programs the plan runs. */
export function runArchitectures(plan: Plan): ReadonlySet<string> {
  return new Set(plan.operations.flatMap((one) => (one.kind === 'run' ? [architectureOf(one, plan)] : [])))
}

/** Throws if this machine cannot run the programs of the plan. */
export function refuseForeignRuns(plan: Plan): void {
  for (const operation of plan.operations) if (operation.kind === 'run') refuseForeignRun(operation, plan)
}

function architectureOf(run: RunOperation, plan: Plan): string {
  const below = baseOf(run, plan)
  return below?.kind === 'image' ? below.base.config.platform.architecture : plan.output.platform.architecture
}

function baseOf(run: RunOperation, { operations }: Plan): Operation | undefined {
  let below = operations[run.onto]
  while (below !== undefined && 'onto' in below) below = operations[below.onto]
  return below
}

class OperationRunner {
  private readonly operation: Operation
  private readonly results: readonly Promise<Result>[]
  private readonly tools: Tools
  private readonly turns: Turns | undefined

  constructor(operation: Operation, results: readonly Promise<Result>[], tools: Tools, turns: Turns | undefined) {
    this.operation = operation
    this.results = results
    this.tools = tools
    this.turns = turns
  }

  async result(): Promise<Result> {
    const { operation } = this
    switch (operation.kind) {
      case 'scratch':
        return { snapshot: scratch, input: { tree: scratch.tree(), label: stageLabel(operation) } }
      case 'files':
        return { input: { tree: this.files(operation), label: 'the Dockerfile' } }
      case 'context':
        return this.context(operation.name)
      case 'image':
        return this.step(operation, async (step) => this.image(operation, step))
      case 'make-directory': {
        const onto = await this.snapshot(operation.onto)
        return this.step(operation, (step) => makeDirectoryStep(operation, onto, this.tools, step))
      }
      case 'copy': {
        const onto = await this.snapshot(operation.onto)
        const inputs = await Promise.all(operation.sources.map(async ({ from }) => (await this.results[from]!).input))
        return this.step(operation, (step) => copyStep(operation, onto, inputs, this.tools, step))
      }
      case 'run': {
        const onto = await this.snapshot(operation.onto)
        const sources = new Map<OperationId, Result>()
        for (const { operation: id } of operation.mounts) if (id !== undefined) sources.set(id, await this.results[id]!)
        const run = (step: Step) => runStep(operation, onto, sources, this.tools, step)
        return this.step(operation, run).finally(() => this.tools.unsettled?.ended())
      }
      case 'git':
        return this.git(operation)
      case 'download':
        return this.step(operation, (step) => downloadStep(operation, this.tools, step))
    }
  }

  private async snapshot(id: OperationId): Promise<Snapshot> {
    const { snapshot } = await this.results[id]!
    if (snapshot === undefined) throw new Error(`operation ${id} has no layers to put something onto`)
    return snapshot
  }

  /** Runs one step. */
  private async step(operation: Operation, work: (step: Step) => Promise<Snapshot | Tree>): Promise<Result> {
    const told = () => this.told(operation, work)
    const snapshot = await (this.turns === undefined ? told() : this.turns.take(told))
    if (snapshot instanceof Tree) return { input: { tree: snapshot, label: operation.title } }
    return {
      snapshot,
      input: {
        label: stageLabel(operation),
        identity: snapshot.id,
        get tree() {
          return filesOf(snapshot)
        },
        timed: snapshot.rootTime !== undefined,
        ...(snapshot.fetch === undefined ? {} : { remote: remoteFilesOf(snapshot, snapshot.fetch) }),
      },
    }
  }

  /** Runs and reports a step. */
  private async told<T>(
    operation: Operation,
    work: (step: Step) => Promise<T>,
    title: string = operation.title,
  ): Promise<T> {
    const { signal } = this.tools
    // Lets Ctrl-C through, which otherwise would have to wait while quick steps follow each other.
    await takeTurn()
    signal.throwIfAborted()
    const step = this.tools.steps.start(title)
    try {
      const result = await work(step)
      await takeTurn()
      signal.throwIfAborted()
      step.done()
      return result
    } catch (error) {
      if (signal.aborted || error instanceof UnusableResult) step.canceled()
      else step.failed(messageOf(error))
      throw locate(error, operation.where)
    }
  }

  private async context(name: string): Promise<Result> {
    const context: BuildContext = await this.tools.context(name)
    const label = name === '' ? 'the build context' : `the context "${name}"`
    return { input: { tree: context.tree, label, context, timed: context.timed === true } }
  }

  private async git(operation: GitOperation): Promise<Result> {
    const { git } = this.tools
    if (git === undefined) throw new Error(`nothing is fetched in this build: ${operation.source.remote}`)
    const remote = await this.told(operation, (step) => git(operation, step))
    return { input: { tree: Tree.empty, label: operation.title, remote, timed: true } }
  }

  private async image(operation: ImageOperation, step: Step): Promise<Snapshot> {
    const { base, name } = operation
    const { store, snapshots } = this.tools
    const absent = base.layers.filter(({ diffId }) => !store.blobs.touch(diffId))
    const lost = base.fetchable === true ? undefined : absent.find(({ diffId, blob }) => blob.digest === diffId)
    if (lost !== undefined) refuseLayer(store, lost.diffId, name)
    step.progress(`resolve ${name}`, 0, undefined, true)
    return snapshots.of(base.layers, absent.length === 0 ? undefined : this.fetching(operation))
  }

  /** Returns a function that fetches the base on first use, as a step of its own. */
  private fetching(operation: ImageOperation): () => Promise<void> {
    let fetched: Promise<void> | undefined
    const fetch = async (step: Step) => {
      if (this.tools.fetchBase === undefined) throw new Error(`nothing is fetched in this build: ${operation.name}`)
      await this.tools.fetchBase(operation, step)
      step.progress(`pull ${operation.name}`, 0, undefined, true)
    }
    return () => {
      fetched ??= this.told(operation, fetch, `[internal] load layers for ${operation.name}`)
      return fetched
    }
  }

  private files(operation: FilesOperation): Tree {
    const draft = Tree.empty.edit()
    for (const { name, text } of operation.files) {
      const bytes = encodeName(text)
      draft.put([name], {
        kind: 'file',
        mode: 0o644,
        uid: 0,
        gid: 0,
        ...stamp(this.tools),
        size: bytes.length,
        content: { kind: 'inline', bytes },
      })
    }
    return new Tree(draft.done())
  }
}

/** A filesystem in a registry, identified by its name. The times of its files do not count, as for any other stage. */
function remoteFilesOf(snapshot: Snapshot, fetch: () => Promise<void>): RemoteFiles {
  return {
    identity: snapshot.id,
    timesCount: false,
    fetch: async () => {
      await fetch()
      return filesOf(snapshot)
    },
  }
}

/** Returns the snapshot's tree, with the time of its root if it has one. */
function filesOf({ tree, rootTime }: Snapshot): Tree {
  const { root } = tree()
  return rootTime === undefined
    ? tree()
    : new Tree({ ...root, ...rootTime, kind: 'directory', children: root.children })
}

function stageLabel(operation: Operation): string {
  return operation.kind === 'image' ? `image ${operation.name}` : `stage "${operation.stage}"`
}
