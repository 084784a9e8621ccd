import type { Snapshot } from '../../content/layers/index.ts'
import { sameContent } from '../../files/layer/index.ts'
import { compareTrees } from '../../files/tree/index.ts'
import type { Plan, PlannedHistory } from '../plan/index.ts'
import { keyOf, recallStep, rememberStep } from './remember.ts'
import { makeLayer } from './steps/make-layer.ts'
import type { Tools } from './tools.ts'

type Snapshots = readonly (Snapshot | undefined)[]

/**
 * Makes one layer of those above `squashOnto`, if there are any. The history stays: the last step that made one of the layers has the
 * new one. Returns the plan and the snapshots of the image that this makes.
 */
export async function squash<P extends Plan>(
  plan: P,
  snapshots: Snapshots,
  tools: Tools,
): Promise<{ readonly plan: P; readonly snapshots: Snapshots }> {
  const { squashOnto, root, history } = plan.output
  if (squashOnto === undefined) return { plan, snapshots }
  const [below, top] = [snapshots[squashOnto]!, snapshots[root]!]
  const squashed = top.layers.slice(below.layers.length)
  if (squashed.length < 2) return { plan, snapshots }
  const step = tools.steps.start('squashing layers')
  const key = keyOf('squash', below.id, top.id)
  let layer = recallStep(tools, key, key)?.layer
  if (layer === undefined) {
    await top.fetch?.()
    const differences = compareTrees(below.tree().root, top.tree().root, sameContent)
    layer = await makeLayer({ differences, digests: () => false }, tools, step)
    rememberStep(tools, { keys: [key], form: key, layer })
    step.done()
  } else step.cached()
  const { created = layer.created } = squashed.at(-1)!
  const merged = tools.snapshots.stack(below, { ...layer, created })
  const isAbove = ({ layer: made }: PlannedHistory) =>
    made !== undefined && snapshots[made]!.layers.length > below.layers.length
  const last = history.findLastIndex(isAbove)
  const kept = history.map((entry, i) =>
    isAbove(entry) ? { createdBy: entry.createdBy, ...(i === last ? { layer: root } : {}) } : entry,
  )
  return {
    plan: { ...plan, output: { ...plan.output, history: kept } },
    snapshots: snapshots.map((snapshot, id) => (id === root ? merged : snapshot)),
  }
}
