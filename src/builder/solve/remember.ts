import type { MadeLayer, Snapshot } from '../../content/layers/index.ts'
import { isDigest } from '../../oci/index.ts'
import { type Step, sha256Hex } from '../../support/index.ts'
import type { Operation } from '../plan/index.ts'
import { explainRecalled, keepRecipe } from './explain/explain.ts'
import type { Recipe } from './explain/recipe.ts'
import type { SharedStep, StepRecord } from './shared-steps.ts'
import type { Tools } from './tools.ts'

// Part of every key: incremented when steps of the same form produce different bytes.
const version = 3

/** Returns a cache key for the parts, which must be plain JSON. */
export function keyOf(...parts: readonly unknown[]): string {
  return sha256Hex(JSON.stringify([version, ...parts]))
}

/** An earlier result: of this store, or shared by another. */
export interface RecalledStep extends StepRecord {
  readonly shared?: SharedStep
}

/** Returns what a step with this key made, if it still exists: here, otherwise in an imported cache. */
export function recallStep(tools: Tools, key: string, form: string): RecalledStep | undefined {
  const text = tools.store.records.recall('steps', key)
  const own = readRecord(tools, text)
  if (own !== undefined) return { layer: own.layer, form, keys: [...new Set([key, ...own.keys])] }
  if (text !== undefined) tools.explain?.lost.set(key, /sha256:[0-9a-f]{64}/.exec(text)?.[0] ?? 'an unknown one')
  const shared = tools.shared?.recall(key)
  return shared === undefined ? undefined : { ...recordOf(shared), shared }
}

/** Whether the result of a step with this key may be used. */
export function mayRecallKey(tools: Tools, operation: Operation, key: string): boolean {
  return tools.mayRecall(operation) || tools.made?.has(key) === true
}

function recordOf({ keys, form, layer }: StepRecord): StepRecord {
  return { keys, form, layer }
}

/** Whether a step of this form was ever remembered: asks far less than `latestLayer`. */
export function isFormKnown(tools: Tools, form: string): boolean {
  return tools.store.records.has('latest', form)
}

/** Returns the last layer made by a step of this form, whatever its files contained; undefined if there is none. */
export function latestLayer(tools: Tools, form: string): MadeLayer | undefined {
  return readRecord(tools, tools.store.records.recall('latest', form))?.layer
}

export function rememberStep(tools: Tools, { keys, form, layer }: StepRecord): void {
  const text = JSON.stringify(keys.length === 1 ? layer : { ...layer, keys })
  for (const key of keys) tools.store.records.remember('steps', key, text)
  for (const one of [...keys, form]) tools.made?.add(one)
  tools.store.records.remember('latest', form, JSON.stringify(layer))
}

/** Keeps what an executed step has made, and what it was made of. */
export function keepStep(tools: Tools, operation: Operation, record: StepRecord, recipe: Recipe): void {
  rememberStep(tools, record)
  tools.done?.(operation, record)
  keepRecipe(tools, record.keys, recipe, record.layer)
}

/** A step whose result is remembered. */
export interface Reuse {
  readonly operation: Operation
  readonly tools: Tools
  readonly step: Step
  readonly recipe: () => Recipe
  readonly check?: () => Promise<boolean>
}

/**
 * Ends a step with an earlier result. A shared one is fetched when a later step looks at it, and remembered once it has been found
 * to be what it should be: `check` returns whether the fetched layer is what the step's key names.
 */
export function reuse(
  recalled: RecalledStep,
  onto: Snapshot,
  { operation, tools, step, recipe, check }: Reuse,
): Snapshot {
  const { shared, layer } = recalled
  explainRecalled(tools, step, layer, shared?.from)
  step.cached()
  tools.done?.(operation, recordOf(recalled))
  if (shared === undefined) return tools.snapshots.stack(onto, layer)
  const bring = once(async () => {
    await Promise.all([onto.bring?.(), shared.fetch()])
    if (check !== undefined && !(await check())) throw shared.refuse('is not what its step makes of these files')
    rememberStep(tools, recalled)
    keepRecipe(tools, recalled.keys, recipe(), layer)
  })
  const fetch = once(async () => {
    await Promise.all([onto.fetch?.(), shared.fetch()])
    await bring()
  })
  return tools.snapshots.stack(onto, layer, { fetch, bring })
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return () => {
    done ??= work()
    return done
  }
}

function readRecord(
  tools: Tools,
  text: string | undefined,
): { readonly layer: MadeLayer; readonly keys: readonly string[] } | undefined {
  if (text === undefined) return undefined
  try {
    const { rootTime, keys = [], ...layer } = JSON.parse(text) as MadeLayer & { readonly keys?: readonly string[] }
    if (!isDigest(layer.diffId) || !tools.store.blobs.touch(layer.diffId)) return undefined
    // A truncated one is made again.
    if (tools.store.blobs.size(layer.diffId) !== layer.size) return undefined
    const known = Array.isArray(keys) ? keys.filter((key) => /^[0-9a-f]{64}$/.test(String(key))) : []
    return { layer: isTime(rootTime) ? { ...layer, rootTime } : layer, keys: known }
  } catch {
    return undefined
  }
}

function isTime(time: MadeLayer['rootTime']): time is NonNullable<MadeLayer['rootTime']> {
  return typeof time === 'object' && Number.isSafeInteger(time?.mtime) && Number.isSafeInteger(time?.mtimeNs)
}
