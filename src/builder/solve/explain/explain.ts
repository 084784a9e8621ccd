import type { MadeLayer } from '../../../content/layers/index.ts'
import type { Step } from '../../../support/index.ts'
import type { Operation } from '../../plan/index.ts'
import type { Tools } from '../tools.ts'
import type { Recipe } from './recipe.ts'

/** A step that was executed, and what it was made of. */
export interface Executed {
  readonly operation: Operation
  readonly step: Step
  readonly recipe: Recipe
  readonly keys: readonly string[]
  readonly layer: MadeLayer
  /** What a path of the layer is called where it comes from. */
  readonly nameOf?: (path: string) => string
}

/** Reports why a step was executed, if that is wanted. What it was made of is to be kept afterwards. */
export async function explainExecuted(
  tools: Tools,
  { operation, step, recipe, keys, layer, nameOf = (path) => `/${path}` }: Executed,
): Promise<void> {
  if (tools.explain === undefined) return
  const { whyExecuted } = await import('./why-executed.ts')
  const shown = whyExecuted(tools, operation, { ...recipe, diffId: layer.diffId }, keys, nameOf)
  step.explained(false, shown.map(({ message }) => message).join('; '), shown)
}

/** Keeps what the step with the first of these keys was made of. */
export function keepRecipe(tools: Tools, [key]: readonly string[], recipe: Recipe, { diffId }: MadeLayer): void {
  tools.store.records.remember('recipes', key!, JSON.stringify({ ...recipe, diffId }))
}

/** Reports where a remembered result comes from. */
export function explainRecalled(tools: Tools, step: Step, layer: MadeLayer, cache: string | undefined): void {
  if (tools.explain === undefined) return
  const from = cache === undefined ? 'this store' : `the cache ${cache}`
  step.explained(true, `remembered from ${from}, made at ${layer.created}`, [])
}
