import fc from 'fast-check'
import { expect, test } from 'vitest'
import { exploredImage, inspectedImage } from '../../test/kit/explored-image.ts'
import { layersOfImage } from '../../test/kit/random-layers.ts'
import { runs } from '../../test/kit/scale.ts'
import { FlatFilesystem, listContents } from '../inspection/index.ts'
import { findPaths, type Mark, marks, outlineOf, pathOf, rowsOf, type TreeView, viewTree } from './index.ts'

const all = { hidden: new Set<Mark>(), isOpen: () => true }

const shown = (view: TreeView, rows: Uint32Array) =>
  [...rows].map((path) => `${marks[view.marks[path]!]} ${pathOf(view.outline, path)} ${view.totals[path]}`)

const layers = [
  { 'etc/': {}, 'etc/a': [10], 'etc/b': [20], 'usr/lib/x': [300], 'usr/lib/y': [400], motd: [1] },
  { 'etc/': { mtime: 9 }, 'etc/a': [11], 'etc/b': { kind: 'remove' }, 'etc/c': [5], motd: [1, 'motd in 1'] },
  { 'usr/lib': { kind: 'remove' }, 'etc/a': [10, 'etc/a in 1'], link: { kind: 'symlink', link: 'etc/a' } },
] as const

test('a layer is compared with the one below it: added, changed, rewritten, removed, with sums of what is there', () => {
  const outline = outlineOf(exploredImage(layers))
  const second = viewTree(outline, { top: 2, base: 1 })
  expect(shown(second, rowsOf(second, all))).toEqual([
    ...['same /etc 16', 'changed /etc/a 11', 'removed /etc/b 20', 'added /etc/c 5', 'rewritten /motd 1'],
    ...['same /usr 700', 'same /usr/lib 700', 'same /usr/lib/x 300', 'same /usr/lib/y 400'],
  ])
  expect(second.counts).toEqual({ same: 2, added: 1, changed: 1, rewritten: 1, removed: 1, absent: 0 })
  expect(second.changesBelow[0]).toBe(4)
  const third = viewTree(outline, { top: 3, base: 2 })
  expect(shown(third, rowsOf(third, all))).toEqual([
    ...['same /etc 15', 'changed /etc/a 10', 'same /etc/c 5', 'added /link 0', 'same /motd 1'],
    ...['same /usr 0', 'removed /usr/lib 700', 'removed /usr/lib/x 300', 'removed /usr/lib/y 400'],
  ])
})

test('all layers are compared with the first, and the first with nothing', () => {
  const outline = outlineOf(exploredImage(layers))
  const since = viewTree(outline, { top: 3, base: 1 })
  expect(shown(since, rowsOf(since, { ...all, hidden: new Set<Mark>(['same', 'removed']) }))).toEqual([
    // On the way to something that is shown, a directory is shown whatever it is.
    ...['same /etc 15', 'changed /etc/a 10', 'added /etc/c 5', 'added /link 0', 'rewritten /motd 1'],
  ])
  const first = viewTree(outline, { top: 1, base: 0 })
  expect(new Set([...rowsOf(first, all)].map((path) => marks[first.marks[path]!]))).toEqual(new Set(['added']))
})

test('rows are those of open directories, by name or by size, and those that are found', () => {
  const outline = outlineOf(exploredImage(layers))
  const view = viewTree(outline, { top: 1, base: 0 })
  const names = (options: Partial<Parameters<typeof rowsOf>[1]>) =>
    [...rowsOf(view, { ...all, ...options })].map((path) => pathOf(outline, path))
  expect(names({ isOpen: () => false })).toEqual(['/etc', '/motd', '/usr'])
  expect(names({ bySize: true })).toEqual([
    ...['/usr', '/usr/lib', '/usr/lib/y', '/usr/lib/x', '/etc', '/etc/b', '/etc/a', '/motd'],
  ])
  expect(names({ matches: findPaths(outline, 'lib/[x]$') })).toEqual(['/usr', '/usr/lib', '/usr/lib/x'])
  expect(names({ matches: findPaths(outline, 'nowhere') })).toEqual([])
})

test('what is looked for is an expression, or a text where it is none; small letters stand for capital ones', () => {
  const outline = outlineOf(exploredImage([{ 'usr/LICENSE': [1], 'usr/c++/a[1]': [1], 'x/usr/b': [1] }]))
  const found = (text: string) =>
    [...findPaths(outline, text).entries()].flatMap(([path, one]) => (one === 1 ? [pathOf(outline, path)] : []))
  expect(found('license')).toEqual(['/usr/LICENSE'])
  expect(found('lic.*e$')).toEqual(['/usr/LICENSE'])
  expect(found('License')).toEqual([])
  expect(found('c++')).toEqual(['/usr/c++', '/usr/c++/a[1]'])
  expect(found('a[')).toEqual(['/usr/c++/a[1]'])
  expect(found('^/x|a.1')).toEqual(['/usr/c++/a[1]', '/x', '/x/usr', '/x/usr/b'])
  expect(found('r/b')).toEqual(['/x/usr/b'])
})

test('a file with several names counts once in a directory, and stays when one of them goes', () => {
  const outline = outlineOf(
    exploredImage([{ 'a/one': [50], 'a/two': { kind: 'hardlink', link: 'a/one' } }, { 'a/one': { kind: 'remove' } }]),
  )
  const first = viewTree(outline, { top: 1, base: 0 })
  expect(shown(first, rowsOf(first, all))[0]).toBe('added /a 50')
  const second = viewTree(outline, { top: 2, base: 1 })
  expect(shown(second, rowsOf(second, all))).toEqual(['same /a 50', 'removed /a/one 50', 'same /a/two 50'])
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
      const outline = outlineOf(image.contents)
      for (let top = 0; top <= indexes.length; top++) {
        const view = viewTree(outline, { top, base: Math.max(0, top - 1) })
        const there = [...rowsOf(view, { ...all, hidden: new Set<Mark>(['removed']) })]
        const flat = FlatFilesystem.of(indexes.slice(0, top).map((index) => ({ index })))
        expect(there.map((path) => pathOf(outline, path).slice(1))).toEqual([...flat.walk()].map(([path]) => path))
      }
    }),
    { numRuns: runs(300) },
  )
})
