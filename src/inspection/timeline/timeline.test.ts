import fc from 'fast-check'
import { expect, test } from 'vitest'
import { layersOfImage } from '../../../test/kit/random-layers.ts'
import type { LayerIndex } from '../../files/layer/index.ts'
import { TareError } from '../../support/index.ts'
import { FlatFilesystem } from '../filesystem/flat.ts'
import type { InspectedLayer } from '../image.ts'
import { absent, followPaths, type TimedPath } from './timeline.ts'

/** What is there after `layers` of them, by its paths, as the changes have it. */
function replayed(path: TimedPath, layers: number, prefix = ''): Map<string, number> {
  const found = new Map<string, number>()
  for (const [name, child] of path.children) {
    const last = child.changes.filter(({ layer }) => layer < layers).at(-1)?.now ?? absent
    if (last !== absent) found.set(prefix + name, last)
    for (const [below, id] of replayed(child, layers, `${prefix}${name}/`)) found.set(below, id)
  }
  return found
}

const walked = (indexes: readonly LayerIndex[]) =>
  new Map([...FlatFilesystem.of(indexes.map((index) => ({ index }))).walk()].map(([path, node]) => [path, idOf(node)]))

const idOf = (node: number | { readonly id: number }) => (typeof node === 'object' ? node.id : node)

test('the changes up to any layer come to the filesystem that these layers make', () => {
  fc.assert(
    fc.property(layersOfImage, (indexes) => {
      const follow = () => followPaths(indexes.map((index) => ({ index })) as unknown as InspectedLayer[])
      let expected: Map<string, number>[]
      try {
        expected = [...indexes.keys(), indexes.length].map((count) => walked(indexes.slice(0, count)))
      } catch (error) {
        expect(error).toBeInstanceOf(TareError)
        expect(follow).toThrow((error as TareError).message)
        return
      }
      const { root } = follow()
      for (const [count, files] of expected.entries())
        expect([...replayed(root, count)].sort()).toEqual([...files].sort())
    }),
    { numRuns: 400 },
  )
})
