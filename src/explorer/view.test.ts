import fc from 'fast-check'
import { expect, test } from 'vitest'
import { exploredImage, inspectedImage } from '../../test/kit/explored-image.ts'
import { layersOfImage } from '../../test/kit/random-layers.ts'
import { runs } from '../../test/kit/scale.ts'
import type { ImageDiff } from '../api/index.ts'
import { FlatFilesystem, listContents } from '../inspection/index.ts'
import {
  absent,
  compareViews,
  isDirectory,
  layerOf,
  marks,
  modelOf,
  pathOf,
  type Span,
  type View,
  viewOf,
} from './index.ts'

const layers = [
  { 'etc/': {}, 'etc/a': [10], 'etc/b': [20], 'usr/lib/x': [300], 'usr/lib/y': [400], motd: [1] },
  { 'etc/': { mtime: 9 }, 'etc/a': [11], 'etc/b': { kind: 'remove' }, 'etc/c': [5], motd: [1, 'motd in 1'] },
  { 'usr/lib': { kind: 'remove' }, 'etc/a': [10, 'etc/a in 1'], link: { kind: 'symlink', link: 'etc/a' } },
] as const

type Layers = Parameters<typeof exploredImage>[0]
const look = (given: Layers, span: Span) => viewOf(modelOf(exploredImage(given)).images[0], span)

/** What is there or was, with its mark and its bytes. */
const shown = ({ image, mark, total }: View) =>
  [...mark].flatMap((own, path) =>
    own === absent || path === 0 ? [] : [`${marks[own]} ${pathOf(image.tree, path)} ${total[path]}`],
  )

test('a layer is compared with the one below it: added, changed, rewritten, removed, with sums of what is there', () => {
  const second = look(layers, { top: 2, base: 1 })
  expect(shown(second)).toEqual([
    ...['same /etc 16', 'changed /etc/a 11', 'removed /etc/b 20', 'added /etc/c 5', 'rewritten /motd 1'],
    ...['same /usr 700', 'same /usr/lib 700', 'same /usr/lib/x 300', 'same /usr/lib/y 400'],
  ])
  expect(second.counts).toEqual({ same: 2, added: 1, changed: 1, rewritten: 1, removed: 1, absent: 0 })
  expect([second.changesBelow[0], second.total[0], second.files[0]]).toEqual([4, 717, 5])
  const third = look(layers, { top: 3, base: 2 })
  expect(shown(third)).toEqual([
    ...['same /etc 15', 'changed /etc/a 10', 'same /etc/c 5', 'added /link 0', 'same /motd 1'],
    ...['same /usr 0', 'removed /usr/lib 700', 'removed /usr/lib/x 300', 'removed /usr/lib/y 400'],
  ])
})

test('all layers are compared with the first, and the first with nothing', () => {
  expect(shown(look(layers, { top: 3, base: 1 })).filter((line) => !/^(same|removed)/.test(line))).toEqual([
    ...['changed /etc/a 10', 'added /etc/c 5', 'added /link 0', 'rewritten /motd 1'],
  ])
  const first = look(layers, { top: 1, base: 0 })
  expect(new Set(shown(first).map((line) => line.split(' ')[0]))).toEqual(new Set(['added']))
})

test('compared with itself, an image is what its last layer left, with nothing marked', () => {
  const whole = look(layers, { top: 3, base: 3 })
  expect(shown(whole)).toEqual([
    ...['same /etc 15', 'same /etc/a 10', 'same /etc/c 5', 'same /link 0', 'same /motd 1', 'same /usr 0'],
  ])
  const at = (path: string) => whole.image.tree.name.indexOf(path)
  expect(['a', 'c', 'link', 'usr'].map((path) => layerOf(whole, at(path)))).toEqual([3, 2, 3, 1])
  expect(['a', 'usr'].map((path) => isDirectory(whole, at(path)))).toEqual([false, true])
})

test('of what a layer changed alone, only that is there, and what it removed weighs as well', () => {
  const second = look(layers, { top: 2, base: 1, onlyChanges: true })
  expect(shown(second)).toEqual([
    ...['same /etc 36', 'changed /etc/a 11', 'removed /etc/b 20', 'added /etc/c 5', 'rewritten /motd 1'],
  ])
  expect([second.total[0], second.files[0], second.files[1]]).toEqual([37, 4, 3])
  expect(isDirectory(second, 1)).toBe(true)
  const third = look(layers, { top: 3, base: 2, onlyChanges: true })
  expect(third.total[0]).toBe(710)
  expect(layerOf(third, third.image.tree.name.indexOf('x'))).toBe(3)
})

test('a file with several names counts once in a directory, and stays when one of them goes', () => {
  const linked = [
    { 'a/one': [50], 'a/two': { kind: 'hardlink', link: 'a/one' } },
    { 'a/one': { kind: 'remove' } },
  ] as const
  const first = look(linked, { top: 1, base: 0 })
  expect(shown(first)).toEqual(['added /a 50', 'added /a/one 50', 'added /a/two 0'])
  expect(first.files[0]).toBe(2)
  const second = look(linked, { top: 2, base: 1 })
  expect(shown(second)).toEqual(['same /a 50', 'removed /a/one 50', 'same /a/two 50'])
})

test('of two images, what only one has is removed or added, and what the diff says changed; not by its time alone', () => {
  const [a, b] = [
    exploredImage([{ same: [1], old: [2], 'etc/a': [3], touched: [4] }]),
    exploredImage([{ same: [1], new: [5], 'etc/a': [6], touched: [4] }]),
  ]
  const { images } = modelOf(a, b)
  const views = images.map((one) => viewOf(one, { top: 1, base: 1 })) as unknown as [View, View]
  const files = [
    { path: 'etc/a', kind: 'changed', changes: [{ kind: 'content' }, { kind: 'file-times' }] },
    { path: 'touched', kind: 'changed', changes: [{ kind: 'file-times' }] },
    { path: 'old', kind: 'removed', changes: [] },
  ]
  expect(compareViews(views, { files } as unknown as ImageDiff).map(shown)).toEqual([
    ['same /etc 3', 'changed /etc/a 3', 'removed /old 2', 'same /same 1', 'same /touched 4'],
    ['same /etc 6', 'changed /etc/a 6', 'added /new 5', 'same /same 1', 'same /touched 4'],
  ])
  // Until the diff is there, only what one of them lacks is known.
  expect(shown(compareViews(views, undefined)[1])).toContain('same /etc/a 6')
})

test('after any layer, the tree is the filesystem that the layers so far make', () => {
  fc.assert(
    fc.property(layersOfImage, (indexes) => {
      let image: ReturnType<typeof listContents>
      try {
        image = listContents(inspectedImage(indexes))
      } catch {
        return
      }
      const explored = modelOf(image.contents).images[0]
      for (let top = 0; top <= indexes.length; top++) {
        const flat = FlatFilesystem.of(indexes.slice(0, top).map((index) => ({ index })))
        for (const base of [Math.max(0, top - 1), top]) {
          const there = shown(viewOf(explored, { top, base })).filter((line) => !line.startsWith('removed'))
          expect(there.map((line) => line.replace(/^\S+ \/(.*) \d+$/s, '$1'))).toEqual(
            [...flat.walk()].map(([path]) => path),
          )
        }
      }
    }),
    { numRuns: runs(300) },
  )
})
