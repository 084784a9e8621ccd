import type { Snapshot } from '../../../content/layers/index.ts'
import { sameContent } from '../../../files/layer/index.ts'
import { compareTrees, Tree } from '../../../files/tree/index.ts'
import type { Step } from '../../../support/index.ts'
import type { MakeDirectoryOperation } from '../../plan/index.ts'
import { explainExecuted } from '../explain/explain.ts'
import { recipeOf } from '../explain/recipe.ts'
import { resolveOwner } from '../owner.ts'
import { keepStep, keyOf, mayRecallKey, recallStep, reuse } from '../remember.ts'
import { elsewhereOf, type Tools, withTimes } from '../tools.ts'
import { makeLayer } from './make-layer.ts'

/** Executes WORKDIR: creates the directory and missing parents. If it exists, the layer is empty. */
export async function makeDirectoryStep(
  operation: MakeDirectoryOperation,
  onto: Snapshot,
  tools: Tools,
  step: Step,
): Promise<Snapshot> {
  const key = keyOf(
    'make-directory',
    onto.id,
    operation.path,
    operation.owner ?? '',
    tools.epoch ?? '',
    tools.latest ?? '',
    ...elsewhereOf(tools),
  )
  const known = mayRecallKey(tools, operation, key) ? recallStep(tools, key, key) : undefined
  const recipe = () => {
    const times = { SOURCE_DATE_EPOCH: tools.epoch?.toString(), '--rewrite-timestamp': tools.latest?.toString() }
    return recipeOf(operation, onto, tools, { path: operation.path, owner: operation.owner, ...times })
  }
  if (known !== undefined) return reuse(known, onto, { operation, tools, step, recipe })
  await onto.fetch?.()
  const before = onto.tree()
  const draft = before.edit()
  const now = tools.epoch === undefined ? tools.now().getTime() : tools.epoch * 1000
  const { uid, gid } = operation.owner === undefined ? { uid: 0, gid: undefined } : resolveOwner(operation.owner, onto)
  draft.makeDirectories(draft.resolve(operation.path), {
    mode: 0o755,
    uid,
    gid,
    mtime: Math.floor(now / 1000),
    mtimeNs: 0,
  })
  const changes = compareTrees(before.root, new Tree(draft.done()).root, sameContent)
  const differences = await withTimes(changes, operation, tools)
  const layer = await makeLayer({ differences, digests: () => false }, tools, step)
  const record = { keys: [key], form: key, layer }
  const made = recipe()
  await explainExecuted(tools, { operation, step, recipe: made, keys: [key], layer })
  keepStep(tools, operation, record, made)
  return tools.snapshots.stack(onto, layer)
}
