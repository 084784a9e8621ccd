import { linkSync, symlinkSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { receiveFiles } from '../../../../test/kit/buildkit-front.ts'
import { temporaryFolder, writeFiles } from '../../../../test/kit/cli.ts'
import { treeOf as treeWith } from '../../../../test/kit/trees.ts'
import { filesync, fsutil } from '../../../buildkit/index.ts'
import { openDirectory } from '../../../files/context/index.ts'
import { Tree } from '../../../files/tree/index.ts'
import { GrpcClient, serveGrpc } from '../../../net/grpc/index.ts'
import type { TareError } from '../../../support/index.ts'
import { NeededPaths } from '../needed-paths.ts'
import { filesService, type OfferedFiles } from './index.ts'

const everything = () => true

/** The engine's side of a session that offers these files as `context`. */
async function offering(files: OfferedFiles, violations: TareError[] = [], most?: number): Promise<GrpcClient> {
  const path = join(temporaryFolder(), 'socket')
  const services = filesService(
    async (name) => (name === 'context' ? files : undefined),
    (error) => violations.push(error),
    { most },
  )
  const server = createServer((socket) => serveGrpc(socket, services))
  await new Promise<void>((resolve) => server.listen(path, resolve))
  const socket = connect(path)
  onTestFinished(() => {
    socket.destroy()
    server.close()
  })
  return new GrpcClient(socket)
}

function treeOf(files: Parameters<typeof writeFiles>[1], more: (folder: string) => void = () => {}): Tree {
  const folder = writeFiles(temporaryFolder(), files)
  more(folder)
  return openDirectory(folder, { name: '.' }).tree
}

test('entries come in BuildKit’s order, and every file with its bytes', async () => {
  const large = 'x'.repeat(300_000)
  const tree = treeOf({ 'a/b': 'b', 'a-c': 'c', 'a.txt': '', big: large })
  const { entries, contents } = await receiveFiles(await offering({ tree, includes: everything }), 'context')
  expect(entries.map((line) => line.split(' ')[0])).toEqual(['a', 'a/b', 'a-c', 'a.txt', 'big'])
  expect(contents).toEqual({ 'a/b': 'b', 'a-c': 'c', 'a.txt': '', big: large })
})

test('a tree with more entries than there may be is refused, and one with as many is not', async () => {
  const tree = treeOf(Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`f${i}`, ''])))
  const violations: TareError[] = []
  const many = await offering({ tree, includes: everything }, violations, 19)
  await expect(receiveFiles(many, 'context')).rejects.toThrow('the build context has more than 19 entries')
  expect(violations).toMatchObject([{ code: 'ENGINE_NAME' }])
  const few = await offering({ tree, includes: everything }, violations, 20)
  expect((await receiveFiles(few, 'context')).entries).toHaveLength(20)
})

test('only the files that are asked for are sent', async () => {
  const tree = treeOf(Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`f${i}`, `${i}`])))
  const session = await offering({ tree, includes: everything })
  const { entries, contents } = await receiveFiles(session, 'context', (path) => path === 'f77')
  expect(entries).toHaveLength(500)
  expect(contents).toEqual({ f77: '77' })
})

test('links, modes and hard links are described as Go does', async () => {
  const tree = treeOf({ file: { content: 'x', mode: 0o4750 } }, (folder) => {
    symlinkSync('file', join(folder, 'link'))
    linkSync(join(folder, 'file'), join(folder, 'hard'))
  })
  const { entries } = await receiveFiles(await offering({ tree, includes: everything }), 'context')
  expect(entries).toContainEqual(expect.stringMatching(/^link 1000000777 -> file$/))
  expect(entries.filter((line) => /^(file|hard) /.test(line)).some((line) => line.includes(' -> file'))).toBe(true)
})

test('what is not offered is refused, and told', async () => {
  const violations: TareError[] = []
  const session = await offering({ tree: Tree.empty, includes: everything }, violations)
  for (const name of ['/etc', '../context', 'dockerfile', ''])
    await expect(receiveFiles(session, name)).rejects.toMatchObject({ code: 7 })
  expect(violations.map(({ code }) => code)).toEqual(Array(4).fill('ENGINE_INVALID'))
  expect(violations[0]!.message).toContain('"/etc"')
})

test('a number that no file was listed with is refused, and told', async () => {
  const violations: TareError[] = []
  const session = await offering({ tree: treeOf({ 'd/f': 'x' }), includes: everything }, violations)
  const call = session.bidi(filesync.FileSync.method.diffCopy, { metadata: { 'dir-name': 'context' } })
  // The first one is a directory.
  await call.send({ type: fsutil.Packet_PacketType.PACKET_REQ, id: 0 })
  await expect(
    (async () => {
      for await (const _ of call.responses);
    })(),
  ).rejects.toThrow('which is no file that was offered')
  expect(violations).toHaveLength(1)
})

test('a name that is not UTF-8 is refused before anything is built with another', async () => {
  const tree = treeWith({ 'a\udcff': 'x' })
  const violations: TareError[] = []
  const session = await offering({ tree, includes: everything }, violations)
  await expect(receiveFiles(session, 'context')).rejects.toThrow('not UTF-8')
  expect(violations.map(({ code }) => code)).toEqual(['ENGINE_NAME'])
})

test('only what the build needs is offered: its paths, and links on the way', async () => {
  const tree = treeOf({ 'src/a': 'a', 'src/b/c': 'c', 'other/x': 'x', 'real/deep/y': 'y', z: 'z' }, (folder) => {
    symlinkSync('real/deep', join(folder, 'link'))
  })
  const needed = new NeededPaths()
  needed.add(tree, 'src/b')
  needed.add(tree, '/link/y')
  const session = await offering({ tree, includes: (path) => needed.includes(path) })
  const { entries } = await receiveFiles(session, 'context')
  expect(entries.map((line) => line.split(' ')[0])).toEqual([
    ...['link', 'real', 'real/deep', 'real/deep/y', 'src', 'src/b', 'src/b/c'],
  ])
})

test('of a pattern of --parents, everything from its first wildcard on is offered', () => {
  const tree = treeOf({ 'a/b/c/d': '', 'a/x': '', y: '' })
  const needed = new NeededPaths()
  needed.addPattern(tree, 'a', 'b/*/d')
  expect(['a', 'a/b', 'a/b/c', 'a/b/c/d', 'a/x', 'y'].map((path) => needed.includes(path))).toEqual([
    ...[true, true, true, true, false, false],
  ])
})

test('the root itself is everything', () => {
  const needed = new NeededPaths()
  needed.add(treeOf({ a: '' }), '.')
  expect(needed.includes('anything/at/all')).toBe(true)
})
