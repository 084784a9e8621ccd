import { randomBytes } from 'node:crypto'
import * as zlib from 'node:zlib'
import { expect, test } from 'vitest'
import { hasProgram } from '../../../test/kit/needs.ts'
import { collect, flow } from '../../support/index.ts'
import { compress, decompress } from './index.ts'

// What writes zstd: Node from 22.15 on, or the program.
const hasZstd = 'zstdCompress' in zlib || hasProgram('zstd')
const kinds = hasZstd ? (['gzip', 'zstd'] as const) : (['gzip'] as const)

const text = Buffer.from('a line of a text that repeats, and repeats, with a number: ')
const textOf = (size: number) => Buffer.alloc(size, text)

const cases: readonly (readonly [string, Buffer])[] = [
  ['nothing', Buffer.alloc(0)],
  ['one byte', Buffer.from('x')],
  ['a whole block', textOf(1 << 20)],
  ['a block and a byte', textOf((1 << 20) + 1)],
  ['many blocks', textOf(20_000_000)],
  ['noise', randomBytes(3_000_000)],
  ['noise between texts', Buffer.concat([textOf(1_500_000), randomBytes(2_500_000), textOf(1_500_000)])],
]

test.each(cases)('%s come out of gunzip as they went in, and always in the same form', async (_, bytes) => {
  const slices = Array.from({ length: Math.ceil(bytes.length / 70_000) }, (_, i) =>
    bytes.subarray(i * 70_000, (i + 1) * 70_000),
  )
  const packed = await collect(compress(flow(...slices), 'gzip'), 1 << 26)
  expect(zlib.gunzipSync(packed).equals(bytes)).toBe(true)
  expect((await collect(compress(flow(bytes), 'gzip'), 1 << 26)).equals(packed)).toBe(true)
})

test.skipIf(!hasZstd).each(cases)('%s come out of zstd as they went in', async (_, bytes) => {
  const packed = await collect(compress(flow(bytes), 'zstd'), 1 << 26)
  const { bytes: plain, format } = await decompress(flow(packed))
  expect(format).toBe('zstd')
  expect((await collect(plain, 1 << 26)).equals(bytes)).toBe(true)
})

test('bytes that are as frequent as each other are compressed where they repeat', async () => {
  const line = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
  const packed = await collect(compress(flow(Buffer.alloc(4 << 20, line)), 'gzip'), 1 << 26)
  expect(packed.length).toBeLessThan(100_000)
})

test('what cannot be compressed grows by less than a thousandth', async () => {
  const bytes = randomBytes(4 << 20)
  const packed = await collect(compress(flow(bytes), 'gzip'), 1 << 26)
  expect(packed.length).toBeLessThan(bytes.length * 1.001)
})

test.each(kinds)('%s: a source that fails ends the stream with its error', async (kind) => {
  const broken = async function* () {
    yield textOf(3 << 20)
    throw new Error('the cable was pulled')
  }
  await expect(collect(compress(broken(), kind), 1 << 26)).rejects.toThrow('the cable was pulled')
})
