import { expect, test } from 'vitest'
import { exploredImage } from '../../test/kit/explored-image.ts'
import {
  compareViews,
  type Filter,
  findPattern,
  type Mark,
  modelOf,
  type Order,
  pathOf,
  rowsOf,
  shownPaths,
  type View,
  viewOf,
} from './index.ts'

const layers = [
  { 'etc/': {}, 'etc/a': [10], 'etc/b': [20], 'usr/lib/x': [300], 'usr/lib/y': [400], motd: [1] },
  { 'etc/a': [11], 'etc/b': { kind: 'remove' }, 'etc/c': [5] },
] as const
const { images } = modelOf(exploredImage(layers))
const first = viewOf(images[0], { top: 1, base: 0 })
const second = viewOf(images[0], { top: 2, base: 1 })

const names = (views: readonly View[], options: Filter & Partial<Order>) =>
  [...rowsOf(views, shownPaths(views, options), { isOpen: () => true, ...options })].map((path) =>
    pathOf(views[0]!.image.tree, path),
  )

test('rows are those of open directories, by name or by size, and those that are found', () => {
  expect(names([first], { isOpen: () => false })).toEqual(['/etc', '/motd', '/usr'])
  expect(names([first], { bySize: true })).toEqual([
    ...['/usr', '/usr/lib', '/usr/lib/y', '/usr/lib/x', '/etc', '/etc/b', '/etc/a', '/motd'],
  ])
  expect(names([first], { matches: findPattern([first], 'lib/[x]$') })).toEqual(['/usr', '/usr/lib', '/usr/lib/x'])
  expect(names([first], { matches: findPattern([first], 'nowhere') })).toEqual([])
  // A directory that is found has what is in it.
  expect(names([first], { matches: findPattern([first], 'lib') })).toEqual([
    ...['/usr', '/usr/lib', '/usr/lib/x', '/usr/lib/y'],
  ])
})

test('marks are hidden, but not directories on the way to something that is shown', () => {
  const without = (...marks: Mark[]) => names([second], { hidden: new Set(marks) })
  expect(without('same')).toEqual(['/etc', '/etc/a', '/etc/b', '/etc/c'])
  expect(without('same', 'removed')).toEqual(['/etc', '/etc/a', '/etc/c'])
  expect(without('same', 'removed', 'changed', 'added')).toEqual([])
  const matches = findPattern([second], 'a')
  expect(names([second], { hidden: new Set<Mark>(['same']), matches })).toEqual(['/etc', '/etc/a'])
})

test('rows of two images are those of either, by the size in the one where it is larger', () => {
  const pair = modelOf(exploredImage([{ a: [1], b: [5] }]), exploredImage([{ a: [9], c: [7] }]))
  const views = compareViews(
    pair.images.map((one) => viewOf(one, { top: 1, base: 1 })) as unknown as [View, View],
    undefined,
  )
  expect(names(views, {})).toEqual(['/a', '/b', '/c'])
  expect(names(views, { bySize: true })).toEqual(['/a', '/c', '/b'])
  expect(names(views, { hidden: new Set<Mark>(['same']) })).toEqual(['/b', '/c'])
})
