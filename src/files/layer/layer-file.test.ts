import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../../test/kit/cli.ts'
import { canMount, mountOn } from '../../../test/kit/needs.ts'
import { onDisk } from '../../../test/kit/on-disk.ts'
import { fileNode, manyBytes, treeOf } from '../../../test/kit/trees.ts'
import { sha256 } from '../../support/index.ts'
import { compareTrees, type Node, Tree } from '../tree/index.ts'
import { createLayerFile, HashWorker, packLayer, sameContent } from './index.ts'
import { slabSize } from './layer-file.ts'

onDisk()

const large = 64 << 20

async function writeAndDigest(path: string, expected: number, bytes: Buffer) {
  const file = await createLayerFile(path, expected)
  try {
    for (let at = 0; at < bytes.length; at += slabSize) {
      const buffer = await file.take()
      const length = Math.min(slabSize, bytes.length - at)
      bytes.copy(buffer, 0, at, at + length)
      file.write(buffer, length)
    }
    return await file.finish()
  } catch (error) {
    await file.abandon()
    throw error
  }
}

/** Descriptors of this process that are open on the path. */
function openOn(path: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path
    } catch {
      return false
    }
  }).length
}

/** What second threads keep this process busy with. */
function workers(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'MessagePort').length
}

/** Their number once it has fallen to `count`, or after a minute. One that is being started is waited for. */
async function settled(count: number): Promise<number> {
  await new Promise((go) => setTimeout(go, 100))
  for (let i = 0; i < 6000 && workers() > count; i++) await new Promise((go) => setTimeout(go, 10))
  return workers()
}

test.each([
  ['on this thread', 0],
  ['on another thread', large],
])('what is written %s is in the file, and its digest is right', async (_, expected) => {
  const path = join(temporaryFolder(), 'layer')
  const bytes = manyBytes(9 * slabSize + 12_345)
  expect(await writeAndDigest(path, expected, bytes)).toEqual({ digest: sha256(bytes), size: bytes.length })
  expect(readFileSync(path).equals(bytes)).toBe(true)
  const added = join(temporaryFolder(), 'layer')
  const file = await createLayerFile(added, expected)
  // Pieces of all sizes, each in the same memory.
  const own = Buffer.alloc(bytes.length)
  for (let at = 0, size = 1; at < bytes.length; at += size, size *= 3) {
    const piece = own.subarray(0, bytes.copy(own, 0, at, at + size))
    await file.add(piece)
    piece.fill(0)
  }
  expect(await file.finish()).toEqual({ digest: sha256(bytes), size: bytes.length })
  expect(readFileSync(added).equals(bytes)).toBe(true)
  expect(openOn(path)).toBe(0)
})

test('nothing written is the digest of nothing, with and without a thread', async () => {
  const folder = temporaryFolder()
  const nothing = { digest: sha256(''), size: 0 }
  expect(await writeAndDigest(join(folder, 'a'), 0, Buffer.alloc(0))).toEqual(nothing)
  expect(await writeAndDigest(join(folder, 'b'), large, Buffer.alloc(0))).toEqual(nothing)
})

test.each([0, large])(
  'a path that cannot be written fails at once and leaves no thread behind (expecting %i)',
  async (expected) => {
    const folder = temporaryFolder()
    const before = workers()
    await expect(createLayerFile(join(folder, 'no/such/folder'), expected)).rejects.toMatchObject({ code: 'ENOENT' })
    writeFileSync(join(folder, 'there'), '')
    await expect(createLayerFile(join(folder, 'there'), expected)).rejects.toMatchObject({ code: 'EEXIST' })
    expect(await settled(before)).toBe(before)
  },
)

test.skipIf(!canMount()).each([0, large])(
  'a full disk comes out as what it is, and the file is closed (expecting %i)',
  async (expected) => {
    const folder = join(temporaryFolder(), 'full')
    mkdirSync(folder)
    mountOn(folder, '-t', 'tmpfs', '-o', 'size=6m', 'tmpfs')
    const path = join(folder, 'layer')
    await expect(writeAndDigest(path, expected, manyBytes(20 * slabSize))).rejects.toMatchObject({ code: 'ENOSPC' })
    expect(openOn(path)).toBe(0)
  },
)

test('a layer that is given up is closed, with buffers under way', async () => {
  const path = join(temporaryFolder(), 'layer')
  const file = await createLayerFile(path, large)
  for (let i = 0; i < 4; i++) file.write(await file.take(), slabSize)
  await file.abandon()
  expect(openOn(path)).toBe(0)
})

test('a large layer is the same bytes as one that no second thread has written', async () => {
  const folder = temporaryFolder()
  const source = join(folder, 'source')
  const bytes = manyBytes(17 << 20)
  writeFileSync(source, bytes)
  const big = (at: number): Node => ({
    ...fileNode(''),
    size: bytes.length - at,
    content: { kind: 'extent', path: source, offset: at },
  })
  const after = treeOf({ a: big(0), b: big(1), c: big(2), d: 'end' })
  const differences = compareTrees(Tree.empty.root, after.root, sameContent)
  const { index } = await packLayer(differences, { path: join(folder, 'one'), digests: () => true })
  expect(index.diffId).toBe(sha256(readFileSync(join(folder, 'one'))))
  expect(index.entries.map(({ digest }) => digest)).toEqual(
    [0, 1, 2].map((at) => sha256(bytes.subarray(at))).concat(sha256('end')),
  )
})

test('a large layer that is called off leaves nothing open and no thread', async () => {
  const folder = temporaryFolder()
  const source = join(folder, 'source')
  writeFileSync(source, manyBytes(17 << 20))
  const node: Node = { ...fileNode(''), size: 17 << 20, content: { kind: 'extent', path: source, offset: 0 } }
  const after = treeOf({ a: node, b: { ...node }, c: { ...node } })
  const stop = new AbortController()
  const before = workers()
  const path = join(folder, 'layer')
  const packing = packLayer(compareTrees(Tree.empty.root, after.root, sameContent), {
    path,
    digests: () => false,
    signal: stop.signal,
    progress: (bytes) => {
      if (bytes > 20 << 20) stop.abort(new Error('enough'))
    },
  })
  await expect(packing).rejects.toThrow('enough')
  expect([openOn(path), openOn(source)]).toEqual([0, 0])
  expect(await settled(before)).toBe(before)
  expect(existsSync(path)).toBe(true)
})

test('a worker that could not hash one file hashes the next one right', async () => {
  const path = join(temporaryFolder(), 'file')
  writeFileSync(path, 'hello, world')
  const worker = await HashWorker.start()
  try {
    await expect(worker.ask({ path, offset: 0, size: 100 })).rejects.toThrow('was truncated')
    await expect(worker.ask({ path: '/no/such/file', offset: 0, size: 1 })).rejects.toMatchObject({ code: 'ENOENT' })
    expect(`sha256:${await worker.ask({ path, offset: 7, size: 5 })}`).toBe(sha256('world'))
  } finally {
    await worker.end()
  }
  rmSync(path)
})

test('zeros take no room in the file, whatever thread writes them, and are there all the same', async () => {
  const bytes = Buffer.alloc(large)
  bytes.write('begin', 0)
  bytes.write('end', large - 5000)
  for (const expected of [0, large]) {
    const path = join(temporaryFolder(), 'layer')
    expect(await writeAndDigest(path, expected, bytes)).toEqual({ digest: sha256(bytes), size: large })
    expect(readFileSync(path).equals(bytes)).toBe(true)
    expect(statSync(path).blocks * 512).toBeLessThan(4 << 20)
  }
  const path = join(temporaryFolder(), 'layer')
  expect((await writeAndDigest(path, 0, Buffer.alloc(large))).size).toBe(large)
  expect(statSync(path)).toMatchObject({ size: large, blocks: 0 })
})
