import { createHash } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../../test/kit/cli.ts'
import { fileNode, linkNode, listTar, manyBytes, treeOf } from '../../../test/kit/trees.ts'
import { sha256 } from '../../support/index.ts'
import { compareTrees, type Node, Tree } from '../tree/index.ts'
import { encodeIndex, indexLayer, type LayerIndex, type PackOptions, packLayer, sameContent } from './index.ts'
import { slabSize } from './layer-file.ts'

async function packed(before: Tree, after: Tree, options: Partial<PackOptions> = {}) {
  const path = join(temporaryFolder(), 'layer')
  const differences = compareTrees(before.root, after.root, sameContent)
  const { index, encoded } = await packLayer(differences, { path, digests: () => false, ...options })
  expect(Buffer.concat(encoded)).toEqual(encodeIndex(index))
  return { path, index, lines: await listTar(path, true) }
}

/** The index as it is read from the layer's bytes. */
function reread(path: string, index: LayerIndex): LayerIndex {
  const fd = openSync(path, 'r')
  const size = fstatSync(fd).size
  try {
    return indexLayer({ size, read: (into, at) => readSync(fd, into, 0, into.length, at) }, index.diffId, 'the layer')
  } finally {
    closeSync(fd)
  }
}

function fromDisk(bytes: Buffer): { node: Node & { kind: 'file' }; path: string } {
  const path = join(temporaryFolder(), 'source')
  writeFileSync(path, bytes)
  const content = { kind: 'extent', path, offset: 0 } as const
  return { node: { ...fileNode('x'), size: bytes.length, content }, path }
}

test('a layer tells what is new, what is gone and the directories on the way', async () => {
  const before = treeOf({ 'etc/motd': 'hi', 'etc/old/a': 'a', 'usr/bin/x': 'x', gone: '' })
  const after = treeOf({ 'etc/motd': 'hi', 'usr/bin/x': 'y', 'usr/new/': { mode: 0o1777, uid: 3, gid: 4 } })
  const { lines } = await packed(before, after)
  expect(lines).toEqual([
    '755 0:0 @1700000000 etc/',
    '0 0:0 @0 etc/.wh.old = ',
    '0 0:0 @0 .wh.gone = ',
    '755 0:0 @1700000000 usr/',
    '755 0:0 @1700000000 usr/bin/',
    '644 0:0 @1700000000 usr/bin/x = y',
    '1777 3:4 @1700000000 usr/new/',
  ])
})

test('the second name of a file is a hard link to the first, whatever kind it is', async () => {
  const after = treeOf({
    a: 'text',
    'b/a': { same: 'a' },
    link: linkNode('a'),
    link2: { same: 'link' },
    pipe: { kind: 'fifo', mode: 0o600, uid: 1, gid: 2, mtime: 5, mtimeNs: 0 },
    pipe2: { same: 'pipe' },
    tty: { kind: 'char', mode: 0o620, uid: 0, gid: 5, mtime: 6, mtimeNs: 0, major: 4, minor: 300 },
  })
  expect((await packed(Tree.empty, after)).lines).toEqual([
    '644 0:0 @1700000000 a = text',
    '755 0:0 @1700000000 b/',
    '644 0:0 @1700000000 b/a == a',
    '777 0:0 @1700000000 link -> a',
    '777 0:0 @1700000000 link2 == link',
    '600 1:2 @5 pipe fifo',
    '600 1:2 @5 pipe2 == pipe',
    '620 0:5 @6 tty char 4:300',
  ])
})

test('of extended attributes only capabilities are told, and fractions of seconds are cut', async () => {
  const xattrs = new Map([
    ['security.capability', Buffer.from('01000002', 'hex')],
    ['user.note', Buffer.from('x')],
  ])
  const after = treeOf({ ping: fileNode('x', { xattrs, mtime: 10, mtimeNs: 999_999_999 }) })
  const { lines, index } = await packed(Tree.empty, after)
  expect(lines).toEqual(['644 0:0 @10 ping = x security.capability=01000002'])
  expect(index.entries[0]!.mtimeNs).toBe(999_999_999)
})

test('no time is later than the latest allowed, and earlier ones stay', async () => {
  const after = treeOf({
    'old/': { mtime: 99 },
    young: fileNode('', { mtime: 100, mtimeNs: 1 }),
    younger: fileNode('', { mtime: 5000 }),
  })
  const { lines, index } = await packed(Tree.empty, after, { latest: 100 })
  expect(lines).toEqual(['755 0:0 @99 old/', '644 0:0 @100 young = ', '644 0:0 @100 younger = '])
  expect(index.entries.map(({ mtimeNs }) => mtimeNs)).toEqual([0, 0, 0])
})

test('a directory whose time alone changed is known to the index and not told in the layer', async () => {
  const { index, lines } = await packed(treeOf({ 'a/': { mtime: 1 } }), treeOf({ 'a/': { mtime: 2 } }))
  expect(lines).toEqual([])
  expect(index.entries).toMatchObject([{ path: 'a', kind: 'touch', at: -1, mtime: 2 }])
  expect(index.size).toBe(1024)
})

test('the digest is that of the bytes, and the index is what a reader of the layer finds', async () => {
  const longName = `${'d'.repeat(120)}/${'n'.repeat(130)}ü`
  const after = treeOf({
    'etc/motd': 'hello',
    [longName]: 'long',
    'z/é': { same: 'etc/motd' },
    s: linkNode('x'.repeat(200)),
  })
  const { path, index } = await packed(treeOf({ gone: '' }), after)
  const bytes = readFileSync(path)
  expect(index.diffId).toBe(sha256(bytes))
  expect(index.size).toBe(bytes.length)
  const { diffId, size, entries } = reread(path, index)
  expect({ diffId, size, entries }).toEqual({
    diffId: index.diffId,
    size: index.size,
    entries: index.entries.map(({ digest: _, ...entry }) => entry),
  })
})

test.each([511, 512, 513, slabSize - 513, slabSize - 512, slabSize, slabSize + 1, 2 * slabSize + 7])(
  'a file of %i bytes comes through whole, and its digest is learnt on the way where that is wanted',
  async (size) => {
    const bytes = manyBytes(size)
    const { node } = fromDisk(bytes)
    const { path, index } = await packed(Tree.empty, treeOf({ a: 'first', big: node, z: 'last' }), {
      digests: (file) => file === node,
    })
    const [a, big, z] = index.entries
    const at = big!.runs[0]!.at
    expect(
      readFileSync(path)
        .subarray(at, at + size)
        .equals(bytes),
    ).toBe(true)
    expect(big!.digest).toBe(sha256(bytes))
    expect(node.content.digest).toBe(sha256(bytes))
    expect([a!.digest, z!.digest]).toEqual([undefined, undefined])
    expect(reread(path, index).entries.map((entry) => entry.path)).toEqual(['a', 'big', 'z'])
    expect(index.diffId).toBe(`sha256:${createHash('sha256').update(readFileSync(path)).digest('hex')}`)
  },
)

test('the holes of a file with holes are zeros in the layer', async () => {
  const { path: source } = fromDisk(Buffer.from('ABCDEF'))
  const runs = [
    { position: 2, length: 3, at: 0 },
    { position: 3_000_000, length: 3, at: 3 },
  ]
  const node: Node = { ...fileNode(''), size: 3_000_010, content: { kind: 'sparse', path: source, runs } }
  const { path, index } = await packed(Tree.empty, treeOf({ holes: node }))
  const wanted = Buffer.alloc(3_000_010)
  wanted.write('ABC', 2)
  wanted.write('DEF', 3_000_000)
  const { at } = index.entries[0]!.runs[0]!
  expect(
    readFileSync(path)
      .subarray(at, at + wanted.length)
      .equals(wanted),
  ).toBe(true)
})

test('a file that has become shorter is an answer, not a layer', async () => {
  const { node, path } = fromDisk(manyBytes(5000))
  truncateSync(path, 4000)
  await expect(packed(Tree.empty, treeOf({ a: node }))).rejects.toMatchObject({ code: 'CONTENT_CHANGED' })
})

test('a file that is gone is named', async () => {
  const { node } = fromDisk(manyBytes(5))
  const lost: Node = { ...node, content: { kind: 'extent', path: '/no/such/file', offset: 0 } }
  await expect(packed(Tree.empty, treeOf({ a: lost }))).rejects.toMatchObject({
    code: 'CONTENT_UNREADABLE',
    message: expect.stringContaining('/no/such/file'),
  })
})

test('packing stops when it is called off, in the middle of a file too', async () => {
  const { node } = fromDisk(manyBytes(5 * slabSize))
  const stop = new AbortController()
  const told: number[] = []
  const progress = (bytes: number) => {
    told.push(bytes)
    stop.abort(new Error('enough'))
  }
  await expect(packed(Tree.empty, treeOf({ a: node }), { signal: stop.signal, progress })).rejects.toThrow('enough')
  expect(told).toEqual([slabSize])
})

test('a file that is there already is not written over', async () => {
  const path = join(temporaryFolder(), 'layer')
  writeFileSync(path, 'mine')
  await expect(packLayer([], { path, digests: () => false })).rejects.toMatchObject({ code: 'EEXIST' })
  expect(readFileSync(path, 'utf8')).toBe('mine')
  expect(existsSync(path)).toBe(true)
})
