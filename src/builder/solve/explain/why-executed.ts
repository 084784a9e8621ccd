import { decodeIndex } from '../../../files/layer/index.ts'
import { hexOf } from '../../../oci/index.ts'
import type { StepReason } from '../../../support/index.ts'
import type { Operation } from '../../plan/index.ts'
import { maskedIn } from '../steps/mask.ts'
import type { Tools } from '../tools.ts'
import { fileReasons, filesOf } from './file-reasons.ts'
import { reasonsOf } from './reasons.ts'
import { type Recipe, type RecipeFile, recallRecipe } from './recipe.ts'

/** Returns why a step was executed, with secrets masked. */
export function whyExecuted(
  tools: Tools,
  operation: Operation,
  recipe: Recipe,
  keys: readonly string[],
  nameOf: (path: string) => string,
): readonly StepReason[] {
  return reasonsFor(tools, operation, recipe, keys, nameOf).map((reason) => masked(reason, tools.run.hidden))
}

function reasonsFor(
  tools: Tools,
  operation: Operation,
  recipe: Recipe,
  keys: readonly string[],
  nameOf: (path: string) => string,
): readonly StepReason[] {
  if (tools.explain?.noCache === true) return [{ kind: 'disabled', message: 'the cache is not used (--no-cache)' }]
  if (!tools.mayRecall(operation)) {
    const message = `the cache is not used for the stage ${operation.stage} (--no-cache-filter)`
    return [{ kind: 'disabled', name: operation.stage, message }]
  }
  const lost = lostResult(tools, keys)
  if (lost !== undefined) return [lost]
  const nearest = nearestTo(recipe, [...ownRecipes(tools, keys), ...(tools.shared?.recipes() ?? [])])
  if (nearest === undefined) return [{ kind: 'never', message: 'never built here' }]
  const reasons = [...reasonsOf(nearest, recipe), ...reasonsOfFiles(tools, nearest, recipe, nameOf)]
  if (isSameStep(nearest, recipe)) {
    const message = 'never built here with these inputs, which nothing else tells apart'
    return reasons.length > 0 ? reasons : [{ kind: 'never', message }]
  }
  return [{ kind: 'never', name: nearest.what, message: `never built here; nearest: ${nearest.what}` }, ...reasons]
}

/** The step is remembered, but what it made is gone. */
function lostResult(tools: Tools, keys: readonly string[]): StepReason | undefined {
  const refused = keys.flatMap((key) => tools.shared?.whyNot(key) ?? [])[0]
  if (refused !== undefined) return { kind: 'cache', message: refused }
  for (const key of keys) {
    const text = tools.explain?.lost.get(key)
    if (text === undefined) continue
    return {
      kind: 'lost',
      name: text,
      message: `it was built here, but its layer ${text.slice(0, 19)} is gone or damaged`,
    }
  }
  return undefined
}

function reasonsOfFiles(tools: Tools, old: Recipe, now: Recipe, nameOf: (path: string) => string): StepReason[] {
  if (now.kind !== 'copy' || !isSameStep(old, now) || old.inputs['files'] === now.inputs['files']) return []
  const [before, after] = [old, now].map((recipe) => recipe.files ?? filesOfLayer(tools, recipe))
  if (before === undefined || after === undefined) return [{ kind: 'files', message: 'its files changed' }]
  const reasons = fileReasons(before, after, nameOf)
  return reasons.length > 0 ? reasons : [{ kind: 'files', message: 'its files changed' }]
}

function filesOfLayer(tools: Tools, { diffId }: Recipe): readonly RecipeFile[] | undefined {
  const bytes = diffId === undefined ? undefined : tools.store.records.recallBytes('layers', hexOf(diffId))
  const index = bytes === undefined ? undefined : decodeIndex(bytes)
  return index === undefined ? undefined : filesOf(index)
}

// Reading more would take longer than most builds.
const mostRecipes = 4000

function ownRecipes({ store, explain }: Tools, keys: readonly string[]): readonly Recipe[] {
  const read = () => {
    const latest = store.records.all('recipes').sort((a, b) => b.since - a.since)
    return latest.slice(0, mostRecipes).flatMap(({ key }): [string, Recipe][] => {
      const recipe = recallRecipe(store.records, key)
      return recipe === undefined ? [] : [[key, recipe]]
    })
  }
  explain!.earlier ??= read()
  return explain!.earlier.flatMap(([key, recipe]) => (keys.includes(key) ? [] : recipe))
}

/** Returns the recipe that has most in common, the latest of several; undefined if none has enough. */
function nearestTo(recipe: Recipe, all: readonly Recipe[]): Recipe | undefined {
  let best: { readonly score: number; readonly recipe: Recipe } | undefined
  for (const other of all) {
    const score = isComparable(other, recipe) ? likeness(other, recipe) : 0
    if (score >= 4 && score > (best?.score ?? 0)) best = { score, recipe: other }
  }
  return best?.recipe
}

/** Copies of other files to another place have nothing to do with each other. */
function isComparable(a: Recipe, b: Recipe): boolean {
  if (a.kind !== b.kind) return false
  return a.kind !== 'copy' || ['destination', 'source 1'].some((name) => a.inputs[name] === b.inputs[name])
}

function likeness(a: Recipe, b: Recipe): number {
  const names = Object.keys(b.inputs)
  const equal = names.filter((name) => a.inputs[name] === b.inputs[name]).length
  return (
    (isSameStep(a, b) ? 6 : 0) +
    (a.onto === b.onto ? 3 : 0) +
    (a.stage === b.stage ? 1 : 0) +
    (a.base?.name === b.base?.name ? 0.5 : 0) +
    equal / Math.max(1, names.length)
  )
}

function isSameStep(a: Recipe, b: Recipe): boolean {
  const identity = ['command', 'destination', 'path', 'source 1']
  return a.kind === b.kind && identity.every((name) => a.inputs[name] === b.inputs[name])
}

function masked(reason: StepReason, hidden: readonly string[]): StepReason {
  const entries = Object.entries(reason).map(([key, value]) => [key, maskedIn(value as string, hidden)] as const)
  return Object.fromEntries(entries) as unknown as StepReason
}
