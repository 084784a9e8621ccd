import fc from 'fast-check'
import { expect, test } from 'vitest'
import { runs } from '../../test/kit/scale.ts'
import {
  collect,
  compareNames,
  decodeName,
  encodeName,
  flow,
  Gauge,
  measured,
  sha256,
  sortNames,
  systemPath,
} from './index.ts'

/** Bytes that are often nearly UTF-8. */
const nearlyText = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 4 }),
      fc.string({ unit: 'binary', maxLength: 3 }).map((text) => Buffer.from(text)),
      fc
        .constantFrom(
          [0xed, 0xb2, 0x80],
          [0xed, 0xa0, 0x80],
          [0xf0, 0x9f, 0x98],
          [0xc0, 0x80],
          [0xf4, 0x90, 0x80, 0x80],
        )
        .map((bytes) => Buffer.from(bytes)),
    ),
    { maxLength: 6 },
  )
  .map((parts) => Buffer.concat(parts))

test('a name comes back as the very bytes that it was, whatever they are', () => {
  fc.assert(
    fc.property(nearlyText, (bytes) => {
      expect(encodeName(decodeName(bytes)).equals(bytes)).toBe(true)
    }),
    { numRuns: runs(2000) },
  )
})

test('different bytes are different names', () => {
  fc.assert(
    fc.property(nearlyText, nearlyText, (a, b) => {
      expect(decodeName(a) === decodeName(b)).toBe(a.equals(b))
    }),
    { numRuns: runs(1000) },
  )
})

test('a name of text is that text, and a mark at its beginning is part of it', () => {
  for (const text of ['', 'plain', 'ünï/cödé', '\u{1f600}', '\ufeffmarked', '\ufffd'])
    expect(decodeName(Buffer.from(text))).toBe(text)
  expect(decodeName(Buffer.from([0x61, 0xff, 0x62]))).toBe('a\udcffb')
})

test('names are ordered and sorted as their bytes are', () => {
  fc.assert(
    fc.property(fc.array(nearlyText, { maxLength: 8 }), (all) => {
      const wanted = [...all].sort(Buffer.compare)
      expect(sortNames(all.map(decodeName))).toEqual(wanted.map(decodeName))
      for (const a of all)
        for (const b of all) expect(Math.sign(compareNames(decodeName(a), decodeName(b)))).toBe(Buffer.compare(a, b))
    }),
    { numRuns: runs(1000) },
  )
})

test('names beyond the first plane come after those at its end', () => {
  expect(sortNames(['\u{1f600}', '\uffee', 'z', '\udcff'])).toEqual(['z', '\uffee', '\u{1f600}', '\udcff'])
})

test('the system gets a string where it can, and bytes where it must', () => {
  expect(systemPath('/a/ü')).toBe('/a/ü')
  expect(systemPath('/a/\u{1f600}')).toBe('/a/\u{1f600}')
  expect(systemPath('/a/\udcff')).toEqual(Buffer.from([0x2f, 0x61, 0x2f, 0xff]))
})

test('a gauge knows what passed, in whatever pieces', async () => {
  const gauge = new Gauge()
  const parts = [Buffer.from('he'), Buffer.alloc(0), Buffer.from('llo')]
  const passed = await collect(measured(flow(...parts), gauge), 5)
  expect([passed.toString(), gauge.size, gauge.digest()]).toEqual(['hello', 5, sha256('hello')])
})

test('more than may be collected is not', async () => {
  await expect(collect(flow(Buffer.from('hel'), Buffer.from('lo')), 4)).rejects.toThrow(RangeError)
})
