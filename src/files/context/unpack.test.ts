import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../../test/kit/cli.ts'
import { tarOf } from '../../../test/kit/tiny-archive.ts'
import { linkNode, listTree, treeOf } from '../../../test/kit/trees.ts'
import { readWhole } from '../layer/index.ts'
import { encodeHeader, endOfArchive, type TarHeader } from '../tar/index.ts'
import { rawBlock, rawRecords } from '../tar/test-kit.ts'
import { type Content, Tree } from '../tree/index.ts'
import { type UnpackOptions, unpackInto } from './index.ts'

const now = { mtime: 999, mtimeNs: 5 }

/** The tree with the archive unpacked below `root`. */
function unpacked(tar: Uint8Array, on = Tree.empty, root = '', options: Partial<UnpackOptions> = {}): Tree {
  const path = join(temporaryFolder(), 'archive')
  writeFileSync(path, tar)
  const contentAt: UnpackOptions['contentAt'] = (runs, size): Content =>
    runs.length === 1 && runs[0]!.length === size
      ? { kind: 'extent', path, offset: runs[0]!.at }
      : { kind: 'sparse', path, runs }
  const draft = on.edit()
  const archive = {
    size: tar.length,
    read: (into: Uint8Array, position: number) => Buffer.from(tar).copy(into, 0, position),
  }
  unpackInto(draft, root.split('/').filter(Boolean), archive, { now, contentAt, ...options })
  return new Tree(draft.done())
}

function list(tree: Tree): string[] {
  return listTree(tree, (file) => readWhole(file, 10_000).toString())
}

/** The same without modes and owners. */
function paths(tree: Tree): string[] {
  return list(tree).map((line) => line.replace(/^\d+ \d+:\d+ /, ''))
}

function entry(path: string, more: Partial<TarHeader> = {}): Buffer {
  return encodeHeader({ path, kind: 'file', mode: 0o644, uid: 1, gid: 2, size: 0, mtime: 7, mtimeNs: 0, ...more })
}

function tar(...parts: readonly Buffer[]): Buffer {
  return Buffer.concat([...parts, endOfArchive])
}

test('entries come with their own mode, owner and time; parents nobody tells of are 0755, of root, of now', () => {
  const tree = unpacked(
    tar(
      entry('a/b/c', { mode: 0o4755 }),
      entry('d/', { kind: 'directory', mode: 0o1777 }),
      entry('p', { kind: 'fifo' }),
    ),
  )
  expect(list(tree)).toEqual(['755 0:0 a/', '755 0:0 a/b/', '4755 1:2 a/b/c = ', '1777 1:2 d/', '644 1:2 p fifo'])
  expect(tree.get('a')).toMatchObject(now)
  expect(tree.get('a/b/c')).toMatchObject({ mtime: 7 })
  expect(tree.get('d')).toMatchObject({ mtime: 7 })
})

test('an owner that is given is that of every entry', () => {
  const tree = unpacked(tar(entry('a/b'), entry('d/', { kind: 'directory' })), Tree.empty, '', {
    owner: { uid: 5, gid: 6 },
  })
  expect(list(tree)).toEqual(['755 0:0 a/', '644 5:6 a/b = ', '644 5:6 d/'])
})

test('the directory unpacked into keeps what it is, whatever the archive says of its root', () => {
  const on = treeOf({ 'app/': { mode: 0o700, uid: 9 }, 'app/old': 'old' })
  const tree = unpacked(tar(entry('./', { kind: 'directory', mode: 0o777 }), entry('./new')), on, 'app')
  expect(list(tree)).toEqual(['700 9:0 app/', '644 1:2 app/new = ', '644 0:0 app/old = old'])
})

test('a directory merges with one that is there and takes over what the archive says of it', () => {
  const on = treeOf({ 'd/kept': 'kept', 'd/': { mode: 0o700 } })
  const tree = unpacked(tar(entry('d/', { kind: 'directory', mode: 0o755 }), entry('d/new')), on)
  expect(list(tree)).toEqual(['755 1:2 d/', '644 0:0 d/kept = kept', '644 1:2 d/new = '])
  expect(tree.get('d')).toMatchObject({ mtime: 7, mtimeNs: 0 })
})

test('times of directories are set last, the last of several told counts', () => {
  const tree = unpacked(
    tar(
      entry('d/', { kind: 'directory', mtime: 1 }),
      entry('d/a'),
      entry('e/x'),
      entry('e/', { kind: 'directory', mtime: 3 }),
      entry('d/', { kind: 'directory', mtime: 2 }),
      entry('d/b'),
    ),
  )
  expect([tree.get('d')!.mtime, tree.get('e')!.mtime]).toEqual([2, 3])
})

test('a later entry replaces an earlier one, and a directory one that is none, and the other way round', () => {
  expect(
    paths(
      unpacked(
        tarOf([
          ['a', '1'],
          ['a', '2'],
        ]),
      ),
    ),
  ).toEqual(['a = 2'])
  const onto = treeOf({ 'd/x': 'x', f: 'f' })
  expect(paths(unpacked(tar(entry('d'), entry('f/', { kind: 'directory' })), onto))).toEqual(['d = ', 'f/'])
})

test('an entry below a file is an error that names it', () => {
  expect(() =>
    unpacked(
      tarOf([
        ['a', ''],
        ['a/b', ''],
      ]),
    ),
  ).toThrow(expect.objectContaining({ code: 'ARCHIVE_INVALID', message: expect.stringContaining('"a/b"') }))
})

test('an entry below a symlink goes where the link leads, with the directory unpacked into as its root', () => {
  const members = [
    ['link', { symlink: '/real' }],
    ['link/a', 'a'],
    ['up', { symlink: '../../..' }],
    ['up/b', 'b'],
  ] as const
  expect(paths(unpacked(tarOf(members), treeOf({ 'app/': {} }), 'app'))).toEqual([
    'app/',
    'app/b = b',
    'app/link -> /real',
    'app/real/',
    'app/real/a = a',
    'app/up -> ../../..',
  ])
})

test('a symlink that was there before is followed as well, for directories too', () => {
  const on = treeOf({ 'usr/lib/x': 'x', lib: linkNode('usr/lib') })
  const tree = unpacked(tar(entry('lib/y'), entry('lib/sub/', { kind: 'directory' })), on)
  expect(paths(tree)).toEqual(['lib -> usr/lib', 'usr/', 'usr/lib/', 'usr/lib/sub/', 'usr/lib/x = x', 'usr/lib/y = '])
})

test('a symlink is replaced by what has its name, never written through', () => {
  const on = treeOf({ target: 'safe', link: linkNode('target'), dir: linkNode('/') })
  const tree = unpacked(tar(entry('link'), entry('dir/', { kind: 'directory' })), on)
  expect(paths(tree)).toEqual(['dir/', 'link = ', 'target = safe'])
})

test('symlinks in a circle are an error and no endless walk', () => {
  const circle = tarOf([
    ['a', { symlink: 'b' }],
    ['b', { symlink: 'a' }],
    ['a/x', ''],
  ])
  expect(() => unpacked(circle)).toThrow(expect.objectContaining({ code: 'SYMLINK_LOOP' }))
})

test('a hard link is the very file, of the archive or one that was there', () => {
  const on = treeOf({ 'etc/there': 'before', link: linkNode('etc') })
  const tree = unpacked(
    tarOf([
      ['a', 'text'],
      ['b', { hardlink: './a' }],
      ['c', { hardlink: '/etc/there' }],
      ['d', { hardlink: 'link/there' }],
    ]),
    on,
  )
  expect(tree.get('a')).toBe(tree.get('b'))
  expect(tree.get('c')).toBe(tree.get('etc/there'))
  expect(tree.get('d')).toBe(tree.get('etc/there'))
})

test('a hard link to a symlink is the symlink', () => {
  const tree = unpacked(
    tarOf([
      ['s', { symlink: '/etc/shadow' }],
      ['h', { hardlink: 's' }],
    ]),
  )
  expect(tree.get('h')).toBe(tree.get('s'))
})

test('a hard link to nothing, to a later entry or to a directory names both', () => {
  for (const members of [
    [['a', { hardlink: 'nothing' }]],
    [
      ['a', { hardlink: 'b' }],
      ['b', ''],
    ],
    [
      ['d/x', ''],
      ['a', { hardlink: 'd' }],
    ],
    [['a', { hardlink: '' }]],
  ] as const)
    expect(() => unpacked(tarOf(members as never))).toThrow(
      expect.objectContaining({ code: 'ARCHIVE_INVALID', message: expect.stringContaining('"a"') }),
    )
})

test('a hard link in place of itself changes nothing', () => {
  expect(
    paths(
      unpacked(
        tarOf([
          ['a', 'text'],
          ['a', { hardlink: 'a' }],
        ]),
      ),
    ),
  ).toEqual(['a = text'])
})

test('names that lead out of the directory are refused, those that come back in are not', () => {
  for (const name of ['../x', 'a/../../x', '/../x', './../x'])
    expect(() => unpacked(tarOf([[name, '']]))).toThrow(expect.objectContaining({ code: 'ARCHIVE_PATH_ESCAPES' }))
  for (const link of ['../x', '/../../etc/shadow'])
    expect(() => unpacked(tarOf([['a', { hardlink: link }]]))).toThrow(
      expect.objectContaining({ code: 'ARCHIVE_PATH_ESCAPES' }),
    )
  expect(
    paths(
      unpacked(
        tarOf([
          ['/abs', '1'],
          ['a/../b', '2'],
          ['.//c/.', '3'],
          ['...', '4'],
        ]),
      ),
    ),
  ).toEqual(['... = 4', 'abs = 1', 'b = 2', 'c = 3'])
})

test('a symlink may point anywhere: it is only a name', () => {
  expect(paths(unpacked(tarOf({ a: { symlink: '../../../etc/passwd' } })))).toEqual(['a -> ../../../etc/passwd'])
})

test('devices and extended attributes come along', () => {
  const tree = unpacked(
    tar(
      entry('tty', { kind: 'char', deviceMajor: 4, deviceMinor: 64 }),
      rawRecords(['SCHILY.xattr.user.note=hello']),
      entry('noted'),
    ),
  )
  expect(tree.get('tty')).toMatchObject({ kind: 'char', major: 4, minor: 64 })
  expect(Buffer.from(tree.get('noted')!.xattrs!.get('user.note')!).toString()).toBe('hello')
})

/** A sparse file that says it is so large, and holds one byte. */
function sparse(path: string, size: number): Buffer {
  const octal = (value: number) => value.toString(8).padStart(11, '0')
  const block = rawBlock({
    path,
    type: 'S',
    size: octal(1),
    magic: 'ustar  \0',
    also: { 386: octal(size - 1), 398: octal(1), 483: octal(size) },
  })
  return Buffer.concat([block, Buffer.alloc(512, 'x')])
}

test('the holes of a sparse file are zeros', () => {
  const file = unpacked(tar(sparse('holes', 9000))).get('holes')
  if (file?.kind !== 'file') throw new Error('it is a file')
  const wanted = Buffer.alloc(9000)
  wanted.write('x', 8999)
  expect(readWhole(file, 10_000).equals(wanted)).toBe(true)
})

test('holes that would swell a small archive beyond measure are refused, in one file or in many', () => {
  const bomb = expect.objectContaining({ code: 'ARCHIVE_BOMB' })
  expect(() => unpacked(tar(sparse('a', 2 ** 33 - 1)))).toThrow(bomb)
  expect(() => unpacked(tar(...Array.from({ length: 5 }, (_, i) => sparse(String(i), 2 ** 28))))).toThrow(bomb)
  expect(unpacked(tar(sparse('a', 2 ** 29))).get('a')).toMatchObject({ size: 2 ** 29 })
})

test('unpacking that is called off stops with the reason of its signal', () => {
  const signal = AbortSignal.abort(new Error('enough'))
  expect(() => unpacked(tarOf({ a: '' }), Tree.empty, '', { signal })).toThrow('enough')
})
