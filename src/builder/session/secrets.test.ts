import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { noise, temporaryFolder } from '../../../test/kit/cli.ts'
import { fileNode, treeOf } from '../../../test/kit/trees.ts'
import { packLayer } from '../../files/layer/index.ts'
import { compareTrees, Tree } from '../../files/tree/index.ts'
import { findLeaks } from './find-leaks.ts'
import { leaksInDocument, needlesOf } from './refuse-leaks.ts'
import { keyedHash, needleOf, readSecret } from './secrets.ts'

const environment = { TOKEN: 'of the environment' }

test('a secret is a value, a file or a variable', () => {
  const file = join(temporaryFolder(), 'secret')
  writeFileSync(file, 'of the file\n')
  const bytesOf = (source: { value: string | Uint8Array } | { path: string } | { variable: string }) =>
    readSecret({ id: 'x', ...source }, environment).bytes.toString()
  expect(bytesOf({ path: file })).toBe('of the file\n')
  expect(bytesOf({ variable: 'TOKEN' })).toBe('of the environment')
  expect(bytesOf({ value: 'of the call' })).toBe('of the call')
  expect(bytesOf({ value: Buffer.from([0x61, 0x62]) })).toBe('ab')
  expect(readSecret({ id: 'x', value: 'v' }, {}).cached).toBe(false)
  expect(readSecret({ id: 'x', value: 'v', cache: 'content' }, {}).cached).toBe(true)
})

test('a secret that is not there is told', () => {
  for (const source of [{ variable: 'NOT_THERE' }, { path: '/not/there' }])
    expect(() => readSecret({ id: 'x', ...source }, environment)).toThrow(
      expect.objectContaining({ code: 'SECRET_MISSING' }),
    )
})

test('a secret of more than 500 KiB is refused, wherever it comes from', () => {
  const limit = 500 * 1024
  const file = join(temporaryFolder(), 'secret')
  writeFileSync(file, Buffer.alloc(limit))
  expect(readSecret({ id: 'x', path: file }, {}).bytes).toHaveLength(limit)
  expect(readSecret({ id: 'x', value: Buffer.alloc(limit) }, {}).bytes).toHaveLength(limit)
  writeFileSync(file, Buffer.alloc(limit + 1))
  for (const source of [{ path: file }, { value: Buffer.alloc(limit + 1) }, { variable: 'LONG' }])
    expect(() => readSecret({ id: 'x', ...source }, { LONG: 'x'.repeat(limit + 1) })).toThrow(
      expect.objectContaining({ code: 'SECRET_INVALID' }),
    )
})

test('what a key has of a secret depends on the store, the id and the content, and on nothing else', () => {
  const [one, two] = [join(temporaryFolder(), 'tare'), join(temporaryFolder(), 'tare')]
  const secret = (text: string, id = 'x') => ({ id, bytes: Buffer.from(text), cached: true })
  const hash = keyedHash(one, secret('hunter2hunter2'))
  expect(keyedHash(one, secret('hunter2hunter2'))).toBe(hash)
  const others = [
    keyedHash(one, secret('hunter2hunter3')),
    keyedHash(one, secret('hunter2hunter2', 'y')),
    keyedHash(two, secret('hunter2hunter2')),
  ]
  expect(new Set([hash, ...others]).size).toBe(4)
  const key = join(one, 'secret-key')
  expect(statSync(key).mode & 0o777).toBe(0o600)
  expect(readFileSync(key)).toHaveLength(32)
})

test('a file’s last line end does not belong to what is looked for, and short secrets are told, not looked for', () => {
  const secret = (text: string) => ({ id: 'x', bytes: Buffer.from(text), cached: false })
  expect(needleOf(secret('12345678\r\n'))?.toString()).toBe('12345678')
  expect(needleOf(secret('1234567\n'))).toBeUndefined()
  const said: string[] = []
  expect(
    needlesOf([secret('short'), secret('long enough')], (event) => {
      if (event.type === 'warning') said.push(event.rule)
    }),
  ).toHaveLength(1)
  expect(said).toEqual(['ShortSecret'])
})

async function layerOf(files: Record<string, string | Buffer>) {
  const members = Object.fromEntries(Object.entries(files).map(([path, bytes]) => [path, fileNode(bytes)]))
  const path = join(temporaryFolder(), 'layer')
  const differences = compareTrees(Tree.empty.root, treeOf(members).root, () => false)
  const { index } = await packLayer(differences, { path, digests: () => false })
  return { index, path }
}

const needles = [{ id: 'x', bytes: Buffer.from('hunter2hunter2') }]

function find(layer: Awaited<ReturnType<typeof layerOf>>, wanted = needles) {
  return findLeaks(layer, wanted, new AbortController().signal)
}

test('of several secrets each is found once, where it is first', async () => {
  const layer = await layerOf({ a: 'xx correct horse', b: 'hunter2hunter2 correct horse' })
  const more = [...needles, { id: 'y', bytes: Buffer.from('correct horse') }, { id: 'z', bytes: Buffer.from('staple') }]
  expect([...(await find(layer, more))].sort((a, b) => (a.id < b.id ? -1 : 1))).toEqual([
    { id: 'x', path: '/b' },
    { id: 'y', path: '/a' },
  ])
})

test('the search ends with its signal', async () => {
  const stop = new AbortController()
  stop.abort(new Error('stop'))
  await expect(findLeaks(await layerOf({ a: 'b' }), needles, stop.signal)).rejects.toThrow('stop')
})

test('a secret is found in a file, across the edge of what is read at once, and in a name', async () => {
  const buffer = 4 << 20
  for (const before of [0, 1, buffer - 2048 - 5, buffer - 1536, 2 * buffer + 77]) {
    const text = Buffer.concat([Buffer.alloc(before, 'a'), Buffer.from('hunter2hunter2\n'), Buffer.alloc(99)])
    const layer = await layerOf({ 'a/first': 'x', 'b/second': text, 'c/third': 'z' })
    expect(await find(layer), String(before)).toEqual([{ id: 'x', path: '/b/second' }])
  }
  expect(await find(await layerOf({ 'a/hunter2hunter2': '' }))).toEqual([{ id: 'x', path: '/a/hunter2hunter2' }])
})

test('what is not there is not found', async () => {
  expect(await find(await layerOf({ a: 'hunter2hunter', b: '2', c: noise(9 << 20) }))).toEqual([])
  expect(await find(await layerOf({}))).toEqual([])
})

test('a secret in the config is found, also where JSON writes it otherwise', () => {
  const lines = [{ id: 'k', bytes: Buffer.from('line "one"\nline two') }]
  const config = Buffer.from(JSON.stringify({ config: { Env: ['KEY=line "one"\nline two'] } }))
  expect(leaksInDocument(config, lines, 'config')).toEqual([
    { message: 'secret "k" is in the config of the image, in config.Env[0]' },
  ])
  expect(leaksInDocument(config, needles, 'config')).toEqual([])
  const label = Buffer.from(JSON.stringify({ config: { Labels: { hunter2hunter2: '' } } }))
  expect(leaksInDocument(label, needles, 'config')[0]?.message).toMatch(/in config\.Labels$/)
})
