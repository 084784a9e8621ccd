import { expect, test } from 'vitest'
import type { ImageContents } from '../library.ts'
import { layOut, tileAt } from '../treemap/layout.ts'
import { modelOf } from './image.ts'
import { searchPaths } from './search.ts'
import { childrenOf, findPath, pathOf, trailOf } from './tree.ts'
import { isDirectory, states, viewOf } from './view.ts'

type Change = readonly [layer: number, change: number, type: number, size: number, linked?: number]

/** Contents as the library lists them, of paths in their order: each with its depth and changes. */
function contentsOf(paths: readonly (readonly [depth: number, name: string, ...changes: Change[]])[]): ImageContents {
  const columns = ['path', 'layer', 'change', 'type', 'size', 'linked', 'fileType'] as const
  const changes = Object.fromEntries(columns.map((column) => [column, [] as number[]])) as Record<string, number[]>
  for (const [node, [, , ...own]] of paths.entries())
    for (const [layer, change, type, size, linked = 0] of own)
      for (const [i, value] of [node, layer, change, type, size, linked, 0].entries()) changes[columns[i]!]!.push(value)
  const layers = Math.max(0, ...changes['layer']!)
  return {
    paths: { name: paths.map(([, name]) => name), depth: paths.map(([depth]) => depth) },
    layers: Array.from({ length: layers }, (_, i) => ({ number: i + 1 })),
    ...{ changes, fileTypes: [''], targets: {}, owners: [[0, 0]] },
  } as unknown as ImageContents
}

const directory = (layer = 1): Change => [layer, 0, 1, 0]
const image = contentsOf([
  [0, ''],
  [1, 'bin', directory()],
  [2, 'sh', [1, 0, 0, 500], [2, 1, 0, 700]],
  [2, 'sh2', [1, 0, 0, 40, 1]],
  [2, 'sh3', [1, 0, 0, 40, 1]],
  [1, 'etc', directory(), [2, 3, 1, 0]],
  [2, 'motd', [1, 0, 0, 100], [2, 3, 0, 100]],
])

const named = (view: ReturnType<typeof viewOf>, values: ArrayLike<number>) =>
  Object.fromEntries([...view.image.contents.paths.name].map((name, node) => [name, values[node]]))

test('a tree knows what is below each path, and where it is', () => {
  const { tree } = modelOf(image, undefined)
  expect([...childrenOf(tree, 0)].map((node) => pathOf(tree, node))).toEqual(['/bin', '/etc'])
  expect([...childrenOf(tree, 1)].map((node) => tree.name[node])).toEqual(['sh', 'sh2', 'sh3'])
  expect(pathOf(tree, 6)).toBe('/etc/motd')
  expect(trailOf(tree, 6)).toEqual([0, 5, 6])
  expect(findPath(tree, '/etc/motd')).toBe(6)
  expect(findPath(tree, '/etc/none')).toBe(undefined)
})

test('all of an image is what its last layer left, and a file of several names counts once', () => {
  const { tree, images } = modelOf(image, undefined)
  const view = viewOf(tree, images[0], { kind: 'all' })
  expect(named(view, view.total)).toEqual({ '': 740, bin: 740, sh: 700, sh2: 40, sh3: 0, etc: 0, motd: 0 })
  expect(view.files[0]).toBe(3)
  expect(named(view, view.state)).toMatchObject({ sh: states.same, etc: states.absent, motd: states.absent })
})

test('up to a layer, what it removed is marked and not counted; of it alone, that is counted', () => {
  const { tree, images } = modelOf(image, undefined)
  const first = viewOf(tree, images[0], { kind: 'through', layer: 1 })
  expect(named(first, first.total)).toMatchObject({ '': 640, sh: 500, motd: 100 })
  const second = viewOf(tree, images[0], { kind: 'through', layer: 2 })
  expect(second.total[0]).toBe(740)
  expect(named(second, second.state)).toMatchObject({ sh: states.changed, sh2: states.same, motd: states.removed })
  const only = viewOf(tree, images[0], { kind: 'only', layer: 2 })
  expect(named(only, only.total)).toMatchObject({ '': 800, sh: 700, sh2: 0, motd: 100 })
  expect(named(only, only.state)).toMatchObject({ bin: states.same, sh2: states.absent, motd: states.removed })
})

test('two images share a tree, sorted, in which each keeps its own', () => {
  const other = contentsOf([
    [0, ''],
    [1, 'a', [1, 0, 0, 5]],
    [1, 'bin', directory()],
    [2, 'sh', [1, 0, 0, 900]],
  ])
  const { tree, images } = modelOf(image, other)
  expect(tree.name).toEqual(['', 'a', 'bin', 'sh', 'sh2', 'sh3', 'etc', 'motd'])
  const [a, b] = images.map((one) => viewOf(tree, one, { kind: 'all' }))
  expect([a!.total[0], b!.total[0]]).toEqual([740, 905])
  expect([a!.total[3], b!.total[3]]).toEqual([700, 900])
  expect(isDirectory(b!, tree, 2)).toBe(true)
})

test('a search wants all words, in the name or, with a slash, in the path; and not what is gone', () => {
  const { tree, images } = modelOf(image, undefined)
  const views = [viewOf(tree, images[0], { kind: 'all' })]
  const found = (query: string) =>
    [...(searchPaths(tree, views, query)?.found ?? [])].flatMap((match, node) =>
      match === 2 ? [pathOf(tree, node)] : [],
    )
  expect(found('SH')).toEqual(['/bin/sh', '/bin/sh2', '/bin/sh3'])
  expect(found('sh 3')).toEqual(['/bin/sh3'])
  expect(found('bin/s 2')).toEqual(['/bin/sh2'])
  expect(found('motd')).toEqual([])
  expect(searchPaths(tree, views, '  ')).toBe(undefined)
})

test('a treemap fills its rectangle, and what is too small is there together', () => {
  const many = contentsOf([
    [0, ''],
    [1, 'large', [1, 0, 0, 1_000_000]],
    ...Array.from({ length: 5_000 }, (_, i) => [1, `small${i}`, [1, 0, 0, 20]] as const).map(
      ([depth, name, change]) => [depth, name, change as Change] as const,
    ),
  ])
  const { tree, images } = modelOf(many, undefined)
  const tiles = layOut(tree, viewOf(tree, images[0], { kind: 'all' }), 0, { x0: 0, y0: 0, x1: 300, y1: 200 })
  expect(tiles.length).toBeLessThan(10)
  const areas = tiles.slice(1).map(({ x0, y0, x1, y1 }) => (x1 - x0) * (y1 - y0))
  expect(areas.reduce((sum, area) => sum + area, 0)).toBeCloseTo(300 * 200, 3)
  expect(areas[0]! / areas[1]!).toBeCloseTo(1_000_000 / 100_000, 3)
  expect(tileAt(tiles, 1, 1)?.node).toBe(1)
  expect(tileAt(tiles, 299, 199)?.node).toBe(-1)
  expect(tileAt(tiles, 301, 1)).toBe(undefined)
})
