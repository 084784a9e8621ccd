import { type Snapshot, type Snapshots, scratch } from '../../content/layers/index.ts'
import { TareError } from '../../support/index.ts'
import type { Operation, OperationId, Plan } from '../plan/index.ts'
import { RemoteCaches } from './caches.ts'
import { type Connected, type EngineFacts, type EngineLink, isAlike } from './engine/index.ts'
import { neededFor } from './llb/index.ts'
import { Offers } from './offers.ts'
import { RemoteRun } from './remote-run.ts'
import { refuseUnmet } from './requirements.ts'
import type { Expected, RemoteLayer } from './results/result.ts'
import type { RemoteTools } from './tools.ts'

/** Builds plans on one engine. */
export class RemoteBuilder {
  private readonly link: EngineLink

  constructor(link: EngineLink) {
    this.link = link
  }

  /**
   * Has the engine make the plan's root. Returns the snapshots of the operations that end up in the image, in the plan's order.
   * Rejects with the errors of `explainFailure`, `ENGINE_…`.
   */
  async solve(plan: Plan, tools: RemoteTools): Promise<readonly (Snapshot | undefined)[]> {
    const chain = chainOf(plan)
    const base = baseOf(plan, chain[0]!, tools)
    if (chain.length === 1) return atChain(plan, chain, base, [], tools.snapshots)
    await refuseUnmet(plan, neededFor(plan.operations, plan.output.root), tools.run)
    const [connected, offers] = await Promise.all([this.link.connected(tools.signal), Offers.of(plan, tools)])
    const { engine } = connected
    const isLocal = offers.isLocal(chain[0]!)
    const expected: Expected = {
      engine: engine.name,
      base: isLocal ? [undefined] : base.layers.map(({ diffId }) => diffId),
      baseBlobs: new Set(isLocal ? [] : base.layers.flatMap(({ blob }) => blob?.digest ?? [])),
      made: chain.length - 1,
      inline: tools.caches.to.some(({ type }) => type === 'inline') ? tools.inline : undefined,
      now: () => tools.host.now(),
    }
    const withLayers = (made: readonly RemoteLayer[]) => atChain(plan, chain, base, made, tools.snapshots)
    const push = tools.push && {
      ...tools.push,
      configOf: (made: readonly RemoteLayer[]) => tools.configOf(withLayers(made)),
    }
    const attempt = async (facts: EngineFacts) => {
      const caches = await RemoteCaches.open(tools.caches.from, tools.caches.to, {
        ...{ host: tools.host, engine: engine.name, exportsCaches: facts.exportsLayers },
        missing: (path) => tools.warn(`there is no cache in ${path}`),
      })
      return withLayers(await new RemoteRun({ engine, facts, plan, tools, offers, expected, caches, push }).run())
    }
    return isSimple(tools) ? attemptAs(connected, attempt, tools.signal) : attempt(await connected.current())
  }
}

/** Whether only the way back of the layers depends on what the engine is, which shows where it is wrong. */
function isSimple({ caches, push, hosts }: RemoteTools): boolean {
  return caches.from.length + caches.to.length + hosts.length === 0 && push === undefined
}

/** Takes the engine for what it was last time. If that fails, and it is something else by now, it is tried again as that. */
async function attemptAs<T>(
  { facts, current }: Connected,
  attempt: (facts: EngineFacts) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  try {
    return await attempt(facts)
  } catch (error) {
    signal.throwIfAborted()
    if (!mayBeAnother(error)) throw error
    const now = await current().catch(() => facts)
    if (isAlike(facts, now)) throw error
    return attempt(now)
  }
}

/** Whether an engine may fail like that because it is not what it was. */
function mayBeAnother(error: unknown): boolean {
  return error instanceof TareError && ['ENGINE_FAILED', 'ENGINE_INVALID', 'ENGINE_UNSUPPORTED'].includes(error.code)
}

/** Returns the operations that the image's layers come from, lowest first; the first one is the base. */
function chainOf({ operations, output }: Plan): readonly OperationId[] {
  const chain: OperationId[] = []
  let id: OperationId | undefined = output.root
  while (id !== undefined) {
    chain.unshift(id)
    const operation: Operation = operations[id]!
    id = 'onto' in operation ? operation.onto : undefined
  }
  return chain
}

function baseOf({ operations }: Plan, id: OperationId, { snapshots, fetchBase, steps }: RemoteTools): Snapshot {
  const operation = operations[id]!
  if (operation.kind !== 'image') return scratch
  const { base } = operation
  const fetch = async () => {
    const step = steps.start(`[internal] load layers for ${operation.name}`)
    await fetchBase?.(operation, step)
    step.done()
  }
  return snapshots.of(base.layers, base.fetchable === true ? fetch : undefined)
}

function atChain(
  { operations }: Plan,
  [first, ...rest]: readonly OperationId[],
  base: Snapshot,
  layers: readonly RemoteLayer[],
  snapshots: Snapshots,
): readonly (Snapshot | undefined)[] {
  const results: (Snapshot | undefined)[] = operations.map(() => undefined)
  results[first!] = base
  let below = base
  for (const [i, id] of rest.entries()) {
    below = snapshots.stack(below, layers[i]!)
    results[id] = below
  }
  return results
}
