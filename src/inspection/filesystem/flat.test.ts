import fc from 'fast-check'
import { expect, test } from 'vitest'
import { layersOfImage } from '../../../test/kit/random-layers.ts'
import { decodeIndex, encodeIndex, type LayerEntry, type LayerIndex, mergeLayers } from '../../files/layer/index.ts'
import { sha256, TareError } from '../../support/index.ts'
import { FlatFilesystem } from './flat.ts'

const codeOf = (work: () => unknown): unknown => {
  try {
    return work()
  } catch (error) {
    if (error instanceof TareError) return error.code
    throw error
  }
}

/** What is there: paths, kinds, and which entry made it. */
const merged = (indexes: readonly LayerIndex[]) =>
  [...mergeLayers(indexes.map((index) => ({ index, path: '' }))).walk()].map(([path, node]) => [
    ...[path, node.kind, node.uid],
  ])

const flat = (indexes: readonly LayerIndex[]) => {
  const filesystem = FlatFilesystem.of(indexes.map((index) => ({ index })))
  return [...filesystem.walk()].map(([path, node]) => {
    const id = typeof node === 'object' ? node.id : node
    return [path, filesystem.kindOf(node), id < 0 ? 0 : filesystem.entry(id).uid]
  })
}

test('layers come to the same filesystem as when they are merged for a build, or to the same error', () => {
  fc.assert(
    fc.property(layersOfImage, (indexes) => {
      expect(codeOf(() => flat(indexes))).toEqual(codeOf(() => merged(indexes)))
      const read = indexes.map((index) => decodeIndex(encodeIndex(index))!)
      expect(codeOf(() => flat(read))).toEqual(codeOf(() => flat(indexes)))
    }),
    { numRuns: 400 },
  )
})

const entry = (kind: LayerEntry['kind'], path: string, more: Partial<LayerEntry> = {}): LayerEntry => ({
  ...{ path, kind, mode: 0o644, uid: 0, gid: 0, mtime: 0, mtimeNs: 0, size: 0, at: 0, runs: [], ...more },
})
const of = (...all: LayerEntry[][]) =>
  FlatFilesystem.of(all.map((entries, n) => ({ index: { diffId: sha256(`${n}`), size: 0, entries } })))

test('a path is found through symlinks, which stay inside the root', () => {
  const image = of([
    entry('symlink', 'lib', { link: 'usr/lib' }),
    entry('file', 'usr/lib/x', { size: 5 }),
    entry('symlink', 'out', { link: '../../../usr/lib/x' }),
    entry('symlink', 'loop', { link: 'loop' }),
  ])
  expect(image.find('/lib/x')).toMatchObject({ path: 'usr/lib/x' })
  expect(image.sizeOf(image.find('out').node!)).toBe(5)
  expect(image.kindOf(image.find('lib', { follow: false }).node!)).toBe('symlink')
  expect(image.find('lib/none')).toEqual({ path: 'usr/lib/none', node: undefined })
  expect(() => image.find('loop')).toThrow('too many levels of symbolic links')
  expect(image.find('').node).toBe(image.root)
})

test('a directory of which only the build knows the time is not in the image', () => {
  expect([...of([entry('touch', 'a')]).walk()]).toEqual([])
})

test('a hard link is the file that it names, and that file is known to have several names', () => {
  const image = of([entry('file', 'a', { size: 3 }), entry('hardlink', 'b', { link: 'a' })])
  expect(image.find('b').node).toBe(image.find('a').node)
  expect(image.linked.has(image.find('a').node as number)).toBe(true)
})

test('what a lower layer has gives way to the directory that an entry needs, and only symlinks of the same layer are followed', () => {
  const low = [
    entry('file', 'usr/lib/a'),
    entry('symlink', 'lib', { link: 'usr/lib' }),
    entry('symlink', 'opt', { link: 'usr' }),
    entry('file', 'f'),
  ]
  const high = [
    entry('file', 'lib/b'),
    entry('file', 'f/c'),
    entry('symlink', 'own', { link: 'usr' }),
    entry('file', 'own/d'),
  ]
  expect([...of(low, [...high, entry('remove', 'opt/lib')]).walk()].map(([path]) => path)).toEqual([
    ...['f', 'f/c', 'lib', 'lib/b', 'opt', 'own', 'usr', 'usr/d', 'usr/lib', 'usr/lib/a'],
  ])
})
