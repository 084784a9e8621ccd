import { expect, test } from 'vitest'
import { collect } from '../../support/index.ts'
import { type TarEntry, type TarHeader, writeTar } from '../tar/index.ts'
import { Tree } from '../tree/index.ts'
import { unpackInto } from './unpack.ts'

const now = { mtime: 900, mtimeNs: 0 }

function entry(path: string, fields: Partial<TarHeader> & { readonly text?: string } = {}): TarEntry {
  const { text = '', ...rest } = fields
  const plain = { kind: 'file' as const, mode: 0o644, uid: 1, gid: 2, mtime: 100, mtimeNs: 0 }
  return {
    ...plain,
    path,
    size: text.length,
    ...rest,
    body: (async function* () {
      if (text !== '') yield Buffer.from(text)
    })(),
  }
}

async function unpacked(onto: Tree, ...entries: readonly TarEntry[]): Promise<Tree> {
  async function* all() {
    yield* entries
  }
  const bytes = await collect(writeTar(all()), 1 << 20)
  const draft = onto.edit()
  unpackInto(
    draft,
    [],
    { size: bytes.length, read: (into, at) => bytes.copy(into, 0, at) },
    {
      now,
      contentAt: (runs) => ({ kind: 'inline', bytes: bytes.subarray(runs[0]!.at, runs[0]!.at + runs[0]!.length) }),
    },
  )
  return new Tree(draft.done())
}

test('a hard link says what its file is from then on, under all its names', async () => {
  const link = { kind: 'hardlink', link: 'a', mode: 0o755, uid: 5, mtime: 50 } as const
  const tree = await unpacked(
    Tree.empty,
    entry('a', { text: 'x', mode: 0o600 }),
    entry('b', { ...link, mode: 0o700 }),
    entry('c', link),
  )
  expect(tree.get('a')).toMatchObject({ mode: 0o755, uid: 5, gid: 2, mtime: 50 })
  expect(tree.get('b')).toBe(tree.get('a'))
  expect(tree.get('c')).toBe(tree.get('a'))
})

test('a hard link to a file that was there before changes that file', async () => {
  const before = await unpacked(Tree.empty, entry('old', { text: 'x' }))
  const tree = await unpacked(before, entry('new', { kind: 'hardlink', link: 'old', mtime: 70 }))
  expect(tree.get('old')).toMatchObject({ mtime: 70 })
  expect(tree.get('new')).toBe(tree.get('old'))
  expect(before.get('old')).toMatchObject({ mtime: 100 })
})

test('a hard link to a symbolic link keeps its time', async () => {
  const tree = await unpacked(
    Tree.empty,
    entry('s', { kind: 'symlink', link: 'x', mode: 0o777 }),
    entry('h', { kind: 'hardlink', link: 's', uid: 7, mtime: 70 }),
  )
  expect(tree.get('h')).toMatchObject({ kind: 'symlink', mode: 0o777, uid: 7, mtime: 100 })
})

test('times that Docker cannot say become the epoch', async () => {
  const tree = await unpacked(
    Tree.empty,
    entry('old', { mtime: -60 }),
    entry('far', { mtime: 9_999_999_999 }),
    entry('last', { mtime: 9_223_372_036 }),
    entry('d/', { kind: 'directory', mtime: -6 }),
  )
  expect(['old', 'far', 'last', 'd'].map((path) => tree.get(path)?.mtime)).toEqual([0, 0, 9_223_372_036, 0])
})
