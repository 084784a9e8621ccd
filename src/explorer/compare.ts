import type { ImageDiff } from '../api/index.ts'
import { absent, added, changed, removed, same } from './marks.ts'
import { pathsOf } from './tree.ts'
import type { View } from './view.ts'

/** Marks two images over the same paths by how they differ: in the first what is gone in the second, in the second what is new. */
export function compareViews([a, b]: readonly [View, View], diff: ImageDiff | undefined): readonly [View, View] {
  const { tree } = a.image
  const marks = [new Uint8Array(tree.count), new Uint8Array(tree.count)] as const
  const changes = new Set((diff?.files ?? []).filter(isMoreThanTime).map(({ path }) => `/${path}`))
  const paths = changes.size === 0 ? [] : pathsOf(tree)
  for (let path = 0; path < tree.count; path++) {
    const [inA, inB] = [a.mark[path] !== absent, b.mark[path] !== absent]
    const both = changes.has(paths[path]!) ? changed : same
    if (inA) marks[0][path] = inB ? both : removed
    if (inB) marks[1][path] = inA ? both : added
  }
  return [
    { ...a, mark: marks[0] },
    { ...b, mark: marks[1] },
  ]
}

/** Two builds of the same differ in all times. */
function isMoreThanTime({ kind, changes }: ImageDiff['files'][number]): boolean {
  return kind === 'changed' && changes.some((change) => change.kind !== 'file-times')
}
