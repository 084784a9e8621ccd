import { closeSync, ftruncateSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { noise, temporaryFolder } from '../../../test/kit/cli.ts'
import { compareExtents } from './compare-extents.ts'

const mebi = 1 << 20

/** A sparse file with some bytes that are not zero. */
function sparseFile(size: number, bytes: readonly number[]): string {
  const path = join(temporaryFolder(), 'file')
  const fd = openSync(path, 'wx')
  ftruncateSync(fd, size)
  for (const at of bytes) writeSync(fd, 'x', at)
  closeSync(fd)
  return path
}

test('extents anywhere in two files are the same if all of their bytes are', async () => {
  const [pathA, pathB] = [join(temporaryFolder(), 'a'), join(temporaryFolder(), 'b')]
  const bytes = Buffer.from(noise(3000).map((byte) => byte & 1))
  writeFileSync(pathA, bytes)
  const place = fc.nat({ max: 2000 })
  const pair = fc.record({ atA: place, atB: place, size: fc.oneof(fc.integer({ min: 1, max: 8 }), place) })
  await fc.assert(
    fc.asyncProperty(fc.array(pair), fc.nat({ max: 100 }), async (places, shift) => {
      const moved = Buffer.concat([bytes.subarray(0, shift), bytes])
      writeFileSync(pathB, moved)
      const pairs = places.map(({ atA, atB, size }) => ({
        pathA,
        atA,
        pathB,
        atB: size > 100 ? atA + shift : atB,
        size,
      }))
      const expected = pairs.map(({ atA, atB, size }) =>
        bytes.subarray(atA, atA + size).equals(moved.subarray(atB, atB + size)) ? 'same' : 'different',
      )
      const fit = pairs.map(({ atA, atB, size }) => atA + size <= bytes.length && atB + size <= moved.length)
      const found = await compareExtents(pairs)
      expect(found.filter((_, i) => fit[i])).toEqual(expected.filter((_, i) => fit[i]))
      expect(found.filter((_, i) => !fit[i]).filter((one) => one === 'same')).toEqual([])
    }),
  )
})

test('a byte anywhere in large files makes them different, in whichever part of them it is', async () => {
  const size = 70 * mebi
  const plain = sparseFile(size, [])
  const ends = [0, 256 * 1024 - 1, 256 * 1024, 8 * mebi - 1, 8 * mebi, size / 2, size - 1]
  const pairs = ends.map((at) => ({ pathA: plain, atA: 0, pathB: sparseFile(size, [at]), atB: 0, size }))
  const other = { pathA: plain, atA: 0, pathB: sparseFile(size + 9, [8]), atB: 9, size }
  expect(await compareExtents([...pairs, other])).toEqual([...ends.map(() => 'different'), 'same'])
})

test('what is not there is not read, which is nothing for the others', async () => {
  const [plain, short] = [sparseFile(mebi, []), sparseFile(mebi - 1, [])]
  const pair = (pathB: string) => ({ pathA: plain, atA: 0, pathB, atB: 0, size: mebi })
  expect(await compareExtents([pair(join(temporaryFolder(), 'none')), pair(short), pair(plain)])).toEqual([
    'unread',
    'unread',
    'same',
  ])
  expect(await compareExtents([])).toEqual([])
})

test('two threads find the same as one: each of many large pairs, and those of which a side is missing', async () => {
  const size = 40 * mebi
  const [plain, none] = [sparseFile(size, []), join(temporaryFolder(), 'none')]
  const others = [sparseFile(size, [1]), sparseFile(size, []), sparseFile(size, [size - 1]), none, sparseFile(mebi, [])]
  const pairs = others.map((pathB) => ({ pathA: plain, atA: 0, pathB, atB: 0, size }))
  const expected = ['different', 'same', 'different', 'unread', 'unread']
  expect(await compareExtents([...pairs, ...pairs, ...pairs])).toEqual([...expected, ...expected, ...expected])
})

test('a comparison ends when it is called off', async () => {
  const plain = sparseFile(100 * mebi, [])
  const pair = { pathA: plain, atA: 0, pathB: plain, atB: 0, size: 100 * mebi }
  await expect(compareExtents([pair], AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough')
})
