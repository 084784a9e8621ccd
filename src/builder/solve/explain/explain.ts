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
  /** Whether what it was made of is kept now; if not stated, it is. */
  readonly isKept?: boolean
  /** What a path of the layer is called where it comes from. */
  readonly nameOf?: (path: string) => string
}

/** Keeps what a step was made of, and reports why it was executed if that is wanted. */
export async function explainExecuted(
  tools: Tools,
  { operation, step, recipe, keys, layer, isKept = true, nameOf = (path) => `/${path}` }: Executed,
): Promise<void> {
  const made = { ...recipe, diffId: layer.diffId }
  if (tools.explain !== undefined) {
    const { whyExecuted } = await import('./why-executed.ts')
    const shown = whyExecuted(tools, operation, made, keys, nameOf)
    step.explained(false, shown.map(({ message }) => message).join('; '), shown)
  }
  if (isKept) keepRecipe(tools, keys, made)
}

export function keepRecipe(tools: Tools, [key]: readonly string[], recipe: Recipe): void {
  tools.store.records.remember('recipes', key!, JSON.stringify(recipe))
}

/** Reports where a remembered result comes from. */
export function explainRecalled(tools: Tools, step: Step, layer: MadeLayer, cache: string | undefined): void {
  if (tools.explain === undefined) return
  const from = cache === undefined ? 'this store' : `the cache ${cache}`
  step.explained(true, `remembered from ${from}, made at ${layer.created}`, [])
}
