import { randomBytes } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { collect, flow } from '../../support/index.ts'
import { gzipBlocks } from './index.ts'

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
  const packed = await collect(gzipBlocks(flow(...slices)), 1 << 26)
  expect(gunzipSync(packed).equals(bytes)).toBe(true)
  expect((await collect(gzipBlocks(flow(bytes)), 1 << 26)).equals(packed)).toBe(true)
})

test('what cannot be squeezed grows by less than a thousandth', async () => {
  const bytes = randomBytes(4 << 20)
  const packed = await collect(gzipBlocks(flow(bytes)), 1 << 26)
  expect(packed.length).toBeLessThan(bytes.length * 1.001)
})

test('a source that fails ends the stream with its error', async () => {
  const broken = async function* () {
    yield textOf(3 << 20)
    throw new Error('the cable was pulled')
  }
  await expect(collect(gzipBlocks(broken()), 1 << 26)).rejects.toThrow('the cable was pulled')
})
