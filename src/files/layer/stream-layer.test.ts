import { spawn } from 'node:child_process'
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { noise, temporaryFolder } from '../../../test/kit/cli.ts'
import { fileNode, linkNode, treeOf } from '../../../test/kit/trees.ts'
import { sha256, systemPath } from '../../support/index.ts'
import { compareTrees, Tree } from '../tree/index.ts'
import { digestOf, packLayer, sameContent, streamLayer } from './index.ts'

const tree = treeOf({
  a: 'text',
  b: { same: 'a' },
  'deep/er/link': linkNode('../a'),
  large: fileNode(noise(5_000_001)),
  empty: '',
  ['long/'.repeat(60) + 'name']: 'x',
})
const differences = compareTrees(Tree.empty.root, tree.root, sameContent)

test('what is streamed is what is packed, byte for byte', async () => {
  const path = join(temporaryFolder(), 'layer')
  await packLayer(differences, { path, digests: () => false })
  const stream = new PassThrough()
  const parts: Buffer[] = []
  stream.on('data', (part: Buffer) => parts.push(Buffer.from(part)))
  await streamLayer(differences, stream)
  expect(Buffer.concat(parts).equals(readFileSync(path))).toBe(true)
})

test('holes stay holes for GNU tar, wherever they are', async () => {
  const folder = temporaryFolder()
  const size = 40_000_001
  const sparse = (name: string, parts: Readonly<Record<number, string>>) => {
    const path = join(folder, name)
    const fd = openSync(path, 'w')
    for (const [at, text] of Object.entries(parts)) writeSync(fd, text, Number(at))
    ftruncateSync(fd, size)
    closeSync(fd)
    return path
  }
  const file = (path: string, offset = 0) =>
    ({ ...fileNode('x'), size: size - offset, content: { kind: 'extent', path, offset } }) as const
  const long = `${'long/'.repeat(50)}n\u00e4me\udc80`
  const tree = treeOf({
    'all/hole': file(sparse('a', {})),
    'both/ends': { ...file(sparse('b', { 0: 'begin', 89999996: 'end..' })), mode: 0o4750 },
    'in/part': file(sparse('c', { 3000000: 'first', 50000000: 'middle' }), 1_234_567),
    'second/name': { same: 'both/ends' },
    [long]: file(sparse('d', { 70000000: 'x' })),
    dense: fileNode(Buffer.alloc(20 << 20, 'dense')),
    last: 'text',
  })
  const out = join(folder, 'out')
  mkdirSync(out)
  const tar = spawn('tar', ['-x', '-C', out, '-f', '-'], { stdio: ['pipe', 'ignore', 'inherit'] })
  const ended = new Promise((resolve) => tar.once('close', resolve))
  await streamLayer(compareTrees(Tree.empty.root, tree.root, sameContent), tar.stdin)
  expect(await ended).toBe(0)
  const seen = [...tree.walk()].flatMap(([path, node]) => {
    if (node.kind !== 'file') return []
    const at = systemPath(join(out, path))
    const { size, blocks, mode } = statSync(at)
    return [
      [
        path,
        size,
        blocks * 512 < 8 << 20 || path === 'dense',
        mode & 0o7777,
        sha256(readFileSync(at)) === digestOf(node),
      ],
    ]
  })
  expect(seen).toEqual(
    [...tree.walk()].flatMap(([path, node]) =>
      node.kind === 'file' ? [[path, node.size, true, node.mode, true]] : [],
    ),
  )
})

test('a program that reads no more ends it, and what cannot be read is told', async () => {
  const child = spawn('head', ['-c', '10'], { stdio: ['pipe', 'ignore', 'ignore'] })
  await streamLayer(differences, child.stdin)
  const lost = { ...fileNode('text'), content: { kind: 'extent', path: '/nowhere/at/all', offset: 0 } } as const
  const stream = new PassThrough().resume()
  await expect(streamLayer([{ kind: 'put', path: 'a', node: lost }], stream)).rejects.toMatchObject({
    code: 'CONTENT_UNREADABLE',
  })
})
