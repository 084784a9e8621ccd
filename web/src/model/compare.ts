import type { ImageDiff } from '../library.ts'
import type { Model } from './image.ts'
import { pathOf } from './tree.ts'
import { states, viewOf } from './view.ts'

/** The states of the paths of two images: in the first what is gone in the second, in the second what is new. */
export function compareStates(model: Model, diff: ImageDiff | undefined): readonly [Uint8Array, Uint8Array] {
  const { tree, images } = model
  const [a, b] = images.map((image) => viewOf(tree, image, { kind: 'all' }).state)
  const found = [new Uint8Array(tree.count), new Uint8Array(tree.count)] as const
  const changed = new Set((diff?.files ?? []).filter(isMoreThanTime).map(({ path }) => `/${path}`))
  for (let node = 0; node < tree.count; node++) {
    const [inA, inB] = [a![node] !== states.absent, b![node] !== states.absent]
    const isChanged = inA && inB && changed.size > 0 && changed.has(pathOf(tree, node))
    found[0][node] = isChanged ? states.changed : inB ? states.same : states.removed
    found[1][node] = isChanged ? states.changed : inA ? states.same : states.added
  }
  return found
}

/** Two builds of the same differ in all times. */
function isMoreThanTime({ kind, changes }: ImageDiff['files'][number]): boolean {
  return kind === 'changed' && changes.some((change) => change.kind !== 'file-times')
}
