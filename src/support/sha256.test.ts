import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { runs } from '../../test/kit/scale.ts'
import { Sha256, sha256Hex } from './index.ts'
import { sha256Here } from './sha256-here.ts'

const expected = (data: string | Uint8Array) => createHash('sha256').update(data).digest('hex')

test('without node:crypto, bytes of every length around a block have the same digest', () => {
  for (let length = 0; length < 300; length++) {
    const bytes = Buffer.from(Array.from({ length }, (_, i) => (i * 131 + length) & 255))
    expect(sha256Here(bytes)).toBe(expected(bytes))
  }
})

test('without node:crypto, any bytes have the same digest', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
      expect(sha256Here(bytes)).toBe(expected(bytes))
    }),
    { numRuns: runs(200) },
  )
})

test('a digest is that of all parts, at first and after many, of texts and bytes, also if the parts are overwritten', () => {
  for (let round = 0; round < 40; round++) {
    const parts = ['a\ud800ü', Buffer.alloc(round * 50, round), '', 'text'.repeat(round * round)]
    const hash = new Sha256()
    const held = Buffer.alloc(round * 50, round)
    for (const part of parts) hash.update(typeof part === 'string' ? part : held)
    held.fill(0)
    expect(hash.hex()).toBe(expected(Buffer.concat(parts.map((part) => Buffer.from(part as string)))))
    expect(sha256Hex(parts[3]!)).toBe(expected(parts[3]!))
  }
})

test('two digests that are computed at the same time do not mix', () => {
  const [one, two] = [new Sha256(), new Sha256()]
  for (let i = 0; i < 100; i++) {
    one.update(`${i}`)
    two.update(Buffer.alloc(i * 10, i))
  }
  expect(one.hex()).toBe(expected(Array.from({ length: 100 }, (_, i) => `${i}`).join('')))
  expect(two.hex()).toBe(expected(Buffer.concat(Array.from({ length: 100 }, (_, i) => Buffer.alloc(i * 10, i)))))
})
