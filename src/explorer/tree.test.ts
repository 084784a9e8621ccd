import { expect, test } from 'vitest'
import { exploredImage } from '../../test/kit/explored-image.ts'
import { changesOf, childrenOf, findPath, modelOf, pathOf, tallyLayers, trailOf, viewOf } from './index.ts'

const image = exploredImage([
  { 'bin/': {}, 'bin/sh': [500], 'bin/sh2': [40], 'etc/': {}, 'etc/motd': [100] },
  { 'bin/sh': [700], etc: { kind: 'remove' }, 'srv/a': [1] },
  { 'bin/sh2': [40, 'bin/sh2 in 1'] },
])

test('a tree knows what is in each directory, and where each path is', () => {
  const { tree } = modelOf(image)
  expect([...childrenOf(tree, 0)].map((path) => pathOf(tree, path))).toEqual(['/bin', '/etc', '/srv'])
  expect([...childrenOf(tree, 1)].map((path) => tree.name[path])).toEqual(['sh', 'sh2'])
  expect(trailOf(tree, 5).map((path) => pathOf(tree, path))).toEqual(['/', '/etc', '/etc/motd'])
  expect(findPath(tree, '/etc/motd')).toBe(5)
  expect(findPath(tree, '/')).toBe(0)
  expect(findPath(tree, '/etc/none')).toBe(undefined)
  expect(findPath(tree, '/none/motd')).toBe(undefined)
})

test('changes of a path follow one another, and each layer has a sum of what it did to files', () => {
  const { images } = modelOf(image)
  const { layer, change } = image.changes
  const life = (path: string) =>
    changesOf(images[0], findPath(images[0].tree, path)!).map((i) => `${change[i]} in ${layer[i]}`)
  expect(life('/bin/sh')).toEqual(['0 in 1', '1 in 2'])
  expect(life('/etc/motd')).toEqual(['0 in 1', '3 in 2'])
  expect(tallyLayers(images[0])).toEqual([
    { added: 3, changed: 0, removed: 0 },
    { added: 1, changed: 1, removed: 1 },
    { added: 0, changed: 1, removed: 0 },
  ])
})

test('two images share a tree, sorted, in which each keeps its own', () => {
  const other = exploredImage([{ a: [5], 'bin/': {}, 'bin/sh': [900], 'bin/zsh': [1] }])
  const { tree, images } = modelOf(image, other)
  expect(tree.name).toEqual(['', 'a', 'bin', 'sh', 'sh2', 'zsh', 'etc', 'motd', 'srv', 'a'])
  expect(tree.depth).toEqual([0, 1, 1, 2, 2, 2, 1, 2, 1, 2])
  const [a, b] = images.map((one) => viewOf(one, { top: 3, base: 3 }))
  expect([a!.total[0], b!.total[0]]).toEqual([741, 906])
  expect([a!.total[3], b!.total[3]]).toEqual([700, 900])
  expect(changesOf(images[1]!, 5)).toHaveLength(1)
  expect(changesOf(images[0], 5)).toEqual([])
})
