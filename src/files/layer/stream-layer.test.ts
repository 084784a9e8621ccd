import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { noise, temporaryFolder } from '../../../test/kit/cli.ts'
import { fileNode, linkNode, treeOf } from '../../../test/kit/trees.ts'
import { compareTrees, Tree } from '../tree/index.ts'
import { packLayer, sameContent, streamLayer } from './index.ts'

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

test('a program that reads no more ends it, and what cannot be read is told', async () => {
  const child = spawn('head', ['-c', '10'], { stdio: ['pipe', 'ignore', 'ignore'] })
  await streamLayer(differences, child.stdin)
  const lost = { ...fileNode('text'), content: { kind: 'extent', path: '/nowhere/at/all', offset: 0 } } as const
  const stream = new PassThrough().resume()
  await expect(streamLayer([{ kind: 'put', path: 'a', node: lost }], stream)).rejects.toMatchObject({
    code: 'CONTENT_UNREADABLE',
  })
})
