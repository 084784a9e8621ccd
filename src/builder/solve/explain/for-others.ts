import type { Store } from '../../../content/store/index.ts'
import { decodeIndex } from '../../../files/layer/index.ts'
import { hexOf } from '../../../oci/index.ts'
import { filesOf } from './file-reasons.ts'
import { hiddenPrefix } from './reasons.ts'
import { digestOfText, type Recipe, recallRecipe } from './recipe.ts'

// A longer list would make the cache's list of steps large; such steps are explained without it.
const mostFiles = 60

/** Returns the recipe of a step for other stores: with its files if they are few, and without the values of variables. */
export function forOthers(store: Store, key: string): Recipe | undefined {
  const recipe = recallRecipe(store.records, key)
  if (recipe === undefined) return undefined
  const inputs = Object.entries(recipe.inputs).map(([name, value]) => [
    name,
    name.startsWith('variable ') && !value.startsWith(hiddenPrefix) ? hiddenPrefix + digestOfText(value) : value,
  ])
  const bytes = recipe.diffId === undefined ? undefined : store.records.recallBytes('layers', hexOf(recipe.diffId))
  const index = recipe.kind === 'copy' && bytes !== undefined ? decodeIndex(bytes) : undefined
  const files = index !== undefined && index.entries.length <= mostFiles ? { files: filesOf(index) } : {}
  return { ...recipe, inputs: Object.fromEntries(inputs), ...files }
}
