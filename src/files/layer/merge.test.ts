import { mkdirSync, openSync, readSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../../test/kit/cli.ts'
import { tarOf } from '../../../test/kit/tiny-archive.ts'
import { fileNode, linkNode, listTree, treeOf } from '../../../test/kit/trees.ts'
import { sha256 } from '../../support/index.ts'
import { encodeHeader, endOfArchive } from '../tar/index.ts'
import { compareTrees, Tree } from '../tree/index.ts'
import {
  digestOf,
  indexLayer,
  learnFromReaders,
  mergeLayers,
  packLayer,
  readWhole,
  type StoredLayer,
  sameContent,
  withLayer,
} from './index.ts'

/** A layer of a tar with these members, as it comes from elsewhere. */
function layerOf(members: Parameters<typeof tarOf>[0] | Buffer): StoredLayer {
  const path = join(temporaryFolder(), 'layer')
  writeFileSync(path, Buffer.isBuffer(members) ? members : tarOf(members))
  const fd = openSync(path, 'r')
  const archive = {
    size: statSync(path).size,
    read: (into: Uint8Array, at: number) => readSync(fd, into, 0, into.length, at),
  }
  return { path, index: indexLayer(archive, sha256(path), 'the layer') }
}

function header(path: string, kind: 'directory' | 'char' | 'file', mode = 0o755): Buffer {
  return encodeHeader({ path, kind, mode, uid: 0, gid: 0, size: 0, mtime: 7, mtimeNs: 0 })
}

function list(tree: Tree): string[] {
  return listTree(tree, (file) => readWhole(file, 1000).toString()).map((line) => line.replace(/^\d+ 0:0 /, ''))
}

test('higher layers win, directories merge and take the metadata that was told last', () => {
  const low = layerOf(Buffer.concat([header('d/', 'directory', 0o700), header('d/a', 'file'), endOfArchive]))
  const high = layerOf(Buffer.concat([header('d/', 'directory', 0o1777), header('d/b', 'file'), endOfArchive]))
  const tree = mergeLayers([low, high])
  expect(list(tree)).toEqual(['d/', 'd/a = ', 'd/b = '])
  expect(tree.get('d')).toMatchObject({ mode: 0o1777, mtime: 7 })
})

test('a whiteout removes from the layers below and not from its own, wherever it stands', () => {
  const low = layerOf({ a: 'low', 'd/x': 'low', 'd/y': 'low' })
  expect(list(mergeLayers([low, layerOf({ 'd/.wh.x': '', 'd/z': 'high' })]))).toEqual([
    'a = low',
    'd/',
    'd/y = low',
    'd/z = high',
  ])
  for (const members of [
    { a: 'high', '.wh.a': '' },
    { '.wh.a': '', a: 'high' },
  ])
    expect(list(mergeLayers([low, layerOf(members)]))).toContain('a = high')
})

test('an opaque directory hides what was below it and keeps what comes with it, wherever its mark stands', () => {
  const low = layerOf({ 'd/x': 'low', 'd/sub/y': 'low', e: 'low' })
  for (const members of [
    { 'd/new': 'high', 'd/.wh..wh..opq': '' },
    { 'd/.wh..wh..opq': '', 'd/new': 'high' },
  ])
    expect(list(mergeLayers([low, layerOf(members)]))).toEqual(['d/', 'd/new = high', 'e = low'])
  expect(list(mergeLayers([low, layerOf({ '.wh..wh..opq': '', only: 'this' })]))).toEqual(['only = this'])
})

test.each<[string, Parameters<typeof tarOf>[0], string[]]>([
  [
    'a symlink',
    [
      ['l', { symlink: 'd' }],
      ['l/.wh.x', ''],
    ],
    ['d/', 'd/y = low', 'l -> d'],
  ],
  [
    'an absolute symlink',
    [
      ['l', { symlink: '/d/.' }],
      ['l/.wh.x', ''],
    ],
    ['d/', 'd/y = low', 'l -> /d/.'],
  ],
  [
    'two symlinks',
    [
      ['m', { symlink: 'd' }],
      ['l', { symlink: 'm' }],
      ['l/.wh.x', ''],
    ],
    ['d/', 'd/y = low', 'l -> m', 'm -> d'],
  ],
  [
    'a symlink below one',
    [
      ['l', { symlink: 'd' }],
      ['l/u', { symlink: '..' }],
      ['d/u/d/.wh.x', ''],
    ],
    ['d/', 'd/u -> ..', 'd/y = low', 'l -> d'],
  ],
  [
    'a symlink out of the root',
    [
      ['l', { symlink: '../../..' }],
      ['l/d/.wh.x', ''],
    ],
    ['d/', 'd/y = low', 'l -> ../../..'],
  ],
  [
    'a symlink, an opaque mark',
    [
      ['l', { symlink: 'd' }],
      ['l/.wh..wh..opq', ''],
    ],
    ['d/', 'l -> d'],
  ],
  [
    'a symlink that comes later',
    [
      ['l/.wh.x', ''],
      ['l', { symlink: 'd' }],
    ],
    ['d/', 'd/x = low', 'd/y = low', 'l -> d'],
  ],
  [
    'what was a symlink',
    [
      ['l', { symlink: 'd' }],
      ['l', 'file'],
      ['l', { symlink: 'e' }],
      ['l/.wh.x', ''],
    ],
    ['d/', 'd/x = low', 'd/y = low', 'e/', 'l -> e'],
  ],
])('a whiteout whose path leads through %s of its own layer removes what that leads to', (_, high, seen) => {
  expect(list(mergeLayers([layerOf({ 'd/x': 'low', 'd/y': 'low' }), layerOf(high)]))).toEqual(seen)
})

test('a whiteout below a symlink of a lower layer removes nothing that the link leads to', () => {
  const low = layerOf({ 'd/x': 'low', l: { symlink: 'd' } })
  expect(list(mergeLayers([low, layerOf({ 'l/.wh.x': '' })]))).toEqual(['d/', 'd/x = low', 'l/'])
})

test('a whiteout below symlinks that lead to each other is refused', () => {
  const loop = { a: { symlink: 'b' }, b: { symlink: 'a' }, 'a/.wh.x': '' }
  expect(() => layerOf(loop)).toThrow(expect.objectContaining({ code: 'SYMLINK_LOOP' }))
})

test('notes of AUFS are no files, and a hard link to one is a file of its bytes', () => {
  const odd = layerOf({
    '.wh..wh.aufs': 'note',
    '.wh..wh.orph/x': 'note',
    '.wh..wh.plnk/12.3': 'linked',
    a: { hardlink: '.wh..wh.plnk/12.3' },
    'd/.wh..wh.plnk': 'note',
    'd/b': { hardlink: '/.wh..wh.plnk/12.3' },
  })
  expect(list(mergeLayers([odd]))).toEqual(['a = linked', 'd/', 'd/b = linked'])
  expect(() => layerOf({ a: { hardlink: '.wh..wh.plnk/none' } })).toThrow(
    expect.objectContaining({ code: 'LAYER_INVALID' }),
  )
})

test('marks of what is not there, and the notes that AUFS left, change nothing', () => {
  const low = layerOf({ a: 'low', 'd/file': 'low' })
  const odd = layerOf({
    '.wh.nothing': '',
    'no/such/.wh.x': '',
    'gone/.wh..wh..opq': '',
    '.wh..wh.aufs': '',
    '.wh.': '',
    'd/.wh..': '',
    'd/.wh...': '',
  })
  expect(list(withLayer(mergeLayers([low]), odd)).filter((line) => !line.endsWith('/'))).toEqual([
    'a = low',
    'd/file = low',
  ])
})

test('a file takes the place of a directory with all below it, and a directory that of a file', () => {
  const low = layerOf({ 'd/x/y': 'low', f: 'low' })
  expect(list(mergeLayers([low, layerOf({ d: 'now a file', 'f/x': 'now in a directory', '.wh.f': '' })]))).toEqual([
    'd = now a file',
    'f/',
    'f/x = now in a directory',
  ])
  const both = layerOf(Buffer.concat([header('f/', 'directory'), header('f/in', 'file'), endOfArchive]))
  expect(list(mergeLayers([low, both])).slice(-2)).toEqual(['f/', 'f/in = '])
})

test('entries below a name that a later entry of the same layer replaces go with it', () => {
  const path = layerOf([
    ['d/a', 'first'],
    ['d', 'a file now'],
    ['e/b', 'second'],
  ])
  expect(list(mergeLayers([path]))).toEqual(['d = a file now', 'e/', 'e/b = second'])
})

test('an entry below a symlink of its own layer goes where the link leads, and never out of the root', () => {
  const low = layerOf({ 'usr/lib/a': 'low' })
  const links = { lib: { symlink: 'usr/lib' }, out: { symlink: '../../../..' }, new: { symlink: '/made' } }
  expect(list(mergeLayers([low, layerOf({ ...links, 'lib/b': 'high', 'out/c': 'high', 'new/d': 'high' })]))).toEqual([
    'c = high',
    'lib -> usr/lib',
    'made/',
    'made/d = high',
    'new -> /made',
    'out -> ../../../..',
    'usr/',
    'usr/lib/',
    'usr/lib/a = low',
    'usr/lib/b = high',
  ])
})

test.each<[string, Parameters<typeof tarOf>[0], string[]]>([
  ['a file', { 'lib/b': 'high' }, ['lib/', 'lib/b = high']],
  ['a file further below', { 'lib/d/b': 'high' }, ['lib/', 'lib/d/', 'lib/d/b = high']],
  ['a hard link', { b: 'high', 'lib/c': { hardlink: 'b' } }, ['b = high', 'lib/', 'lib/c == b']],
  ['a whiteout', { 'lib/.wh.a': '' }, ['lib/']],
  ['the mark of an opaque directory', { 'lib/.wh..wh..opq': '' }, ['lib/']],
  ['a file below an own symlink to it', { x: { symlink: 'lib' }, 'x/b': 'high' }, ['lib/', 'lib/b = high', 'x -> lib']],
  ['an entry before its own symlink', { 'lib/b': 'high', lib: { symlink: 'etc' } }, ['lib -> etc']],
])('what a lower layer has gives way to the directory that the path of %s needs, as in an overlay', (_, high, seen) => {
  const below = ['usr/', 'usr/lib/', 'usr/lib/a = low']
  for (const lib of [{ symlink: 'usr/lib' }, { symlink: '/nowhere' }, { symlink: 'lib' }, 'a file'])
    expect(list(mergeLayers([layerOf({ 'usr/lib/a': 'low', lib }), layerOf(high)]))).toEqual([...below, ...seen].sort())
})

test('hard links are one file under several names', () => {
  const tree = mergeLayers([layerOf({ a: 'text', b: { hardlink: 'a' }, 'd/c': { hardlink: '/a' } })])
  expect(tree.get('a')).toBe(tree.get('d/c'))
  expect(list(tree)).toEqual(['a = text', 'b == a', 'd/', 'd/c == a'])
})

test('layers that contradict themselves are named', () => {
  const code = { code: 'LAYER_INVALID' }
  expect(() => mergeLayers([layerOf({ a: 'file', 'a/b': 'below a file' })])).toThrow(expect.objectContaining(code))
  const loop = layerOf({ a: { symlink: 'b' }, b: { symlink: 'a' }, 'a/x': '' })
  expect(() => mergeLayers([loop])).toThrow(expect.objectContaining({ code: 'SYMLINK_LOOP' }))
})

test('a name or a hard link that leads out of the root is refused', () => {
  for (const members of [
    { '../x': '' },
    { 'a/../../x': '' },
    { x: { hardlink: '../../etc/shadow' } },
    { '../.wh.x': '' },
  ])
    expect(() => layerOf(members)).toThrow(expect.objectContaining({ code: 'LAYER_PATH_ESCAPES' }))
  expect(layerOf({ './a/../b': '', '/abs//c/.': '' }).index.entries.map(({ path }) => path)).toEqual(['b', 'abs/c'])
})

test('packing the difference of two trees and merging it again gives the second tree', async () => {
  const folder = temporaryFolder()
  const before = treeOf({ 'a/x': 'x', 'a/y': 'y', 'b/c/d': 'd', 'kind/x': 'x', gone: '', s: linkNode('a') })
  const after = treeOf({
    'a/x': fileNode('changed', { mode: 0o600, uid: 7 }),
    'a/z': 'z',
    'b/': { mtime: 5 },
    'b/c/d': 'd',
    kind: 'a file',
    s: linkNode('b'),
    twin: { same: 'a/z' },
  })
  mkdirSync(join(folder, 'x'))
  const layers: StoredLayer[] = []
  for (const [from, to] of [
    [Tree.empty, before],
    [before, after],
  ] as const) {
    const path = join(folder, `layer-${layers.length}`)
    const { index } = await packLayer(compareTrees(from.root, to.root, sameContent), { path, digests: () => false })
    layers.push({ index, path })
  }
  const merged = mergeLayers(layers)
  expect(list(merged)).toEqual(list(after))
  expect(compareTrees(merged.root, after.root, sameContent)).toEqual([])
})

test('digests that somebody read come to be known to the index, once', () => {
  const layer = layerOf({ a: 'text', b: '', 'd/c': { symlink: 'a' } })
  const tree = mergeLayers([layer])
  expect(learnFromReaders(layer.index)).toBe(false)
  const a = tree.get('a')
  if (a?.kind !== 'file') throw new Error('a is a file')
  expect(digestOf(a)).toBe(sha256('text'))
  expect(learnFromReaders(layer.index)).toBe(true)
  expect(layer.index.entries[0]!.digest).toBe(sha256('text'))
  expect(learnFromReaders(layer.index)).toBe(false)
})
