import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sha256 } from '../../support/index.ts'
import { contentSize, decodeIndex, encodeIndex, type LayerEntry, type LayerIndex, readContentSize } from './index.ts'

const number = fc.nat({ max: 2 ** 40 })
const entry: fc.Arbitrary<LayerEntry> = fc
  .record({
    path: fc.string({ unit: 'binary', minLength: 1 }),
    kind: fc.constantFrom(
      'file',
      'hardlink',
      'symlink',
      'char',
      'block',
      'directory',
      'fifo',
      'remove',
      'hide',
      'touch',
    ),
    mode: fc.nat({ max: 0o7777 }),
    uid: fc.nat({ max: 2 ** 32 - 1 }),
    gid: fc.nat({ max: 2 ** 32 - 1 }),
    mtime: fc.integer(),
    mtimeNs: fc.nat({ max: 999_999_999 }),
    size: number,
    at: fc.integer({ min: -1 }),
    runs: fc.array(fc.record({ position: number, length: number, at: number }), { maxLength: 3 }),
    link: fc.option(fc.string(), { nil: undefined }),
    device: fc.option(fc.tuple(number, number), { nil: undefined }),
    xattrs: fc.option(
      fc.array(fc.tuple(fc.string(), fc.uint8Array())).map((pairs) => new Map(pairs)),
      { nil: undefined },
    ),
    digest: fc.option(fc.string().map(sha256), { nil: undefined }),
  } as const)
  .map(({ link, device, xattrs, ...rest }) => ({
    ...rest,
    ...(link === undefined ? {} : { link }),
    ...(device === undefined ? {} : { device }),
    ...(xattrs === undefined ? {} : { xattrs }),
  }))

function plain(index: LayerIndex | undefined) {
  return index?.entries.map(({ xattrs, ...rest }) => ({
    ...rest,
    xattrs: xattrs === undefined ? undefined : [...xattrs].map(([name, value]) => [name, [...value]]),
  }))
}

test('an index comes back from its text as it was, whatever is in it', () => {
  fc.assert(
    fc.property(fc.array(entry), number, (entries, size) => {
      const index = { diffId: sha256('x'), size, entries }
      const back = decodeIndex(encodeIndex(index))
      expect(back).toMatchObject({ diffId: index.diffId, size })
      expect(plain(back)).toEqual(plain(index))
    }),
  )
})

test('names that are not UTF-8 come back as well', () => {
  const name = 'a\udcffb'
  const one = {
    path: name,
    kind: 'file',
    mode: 0,
    uid: 0,
    gid: 0,
    mtime: 0,
    mtimeNs: 0,
    size: 0,
    at: 0,
    runs: [],
  } as const
  expect(decodeIndex(encodeIndex({ diffId: sha256(''), size: 0, entries: [one] }))!.entries[0]!.path).toBe(name)
})

test.each(['', 'null', '[]', '{}', '{"format":2,"entries":[]}', '{"format":4}\n', '{"format":5', '{"format":5}\n'])(
  'bytes of another kind are no index: %s',
  (text) => {
    expect(decodeIndex(Buffer.from(text))).toBeUndefined()
    expect(readContentSize(Buffer.from(text), sha256(''))).toBeUndefined()
  },
)

test('an index that was cut short, or that has bytes too many, is none', () => {
  const base = { path: 'x', mode: 0, uid: 0, gid: 0, mtime: 0, mtimeNs: 0, at: 0, runs: [], size: 5 }
  const entries: LayerEntry[] = [{ ...base, kind: 'file', digest: sha256('') }]
  const bytes = encodeIndex({ diffId: sha256(''), size: 99, entries })
  expect(decodeIndex(bytes)).toBeDefined()
  for (let length = 0; length < bytes.length; length++) expect(decodeIndex(bytes.subarray(0, length))).toBeUndefined()
  expect(decodeIndex(Buffer.concat([bytes, Buffer.alloc(1)]))).toBeUndefined()
})

test('an index is read wherever its bytes begin in memory', () => {
  const base = { path: 'a/é', mode: 0, uid: 0, gid: 0, mtime: -1, mtimeNs: 0, at: 0, runs: [], size: 5 }
  const bytes = encodeIndex({ diffId: sha256(''), size: 99, entries: [{ ...base, kind: 'file' }] })
  for (let at = 0; at < 8; at++) {
    const moved = Buffer.concat([Buffer.alloc(at), bytes]).subarray(at)
    expect(decodeIndex(moved)!.entries[0]).toEqual({ ...base, kind: 'file', digest: undefined })
  }
})

test('the size of what is in a layer is that of its files: hard links and whiteouts have none', () => {
  const base = { path: 'x', mode: 0, uid: 0, gid: 0, mtime: 0, mtimeNs: 0, at: 0, runs: [] }
  const entries: LayerEntry[] = [
    { ...base, kind: 'file', size: 5 },
    { ...base, kind: 'file', size: 7 },
    { ...base, kind: 'hardlink', size: 0, link: 'x' },
    { ...base, kind: 'remove', size: 0 },
  ]
  expect(contentSize({ diffId: sha256(''), size: 99, entries })).toBe(12)
})

test('the start of an index says how large the files are, and only for its own layer', () => {
  const base = { mode: 0, uid: 0, gid: 0, mtime: 0, mtimeNs: 0, at: 0, size: 0, runs: [] }
  const entries: LayerEntry[] = [
    { ...base, path: 'a', kind: 'file', size: 5 },
    { ...base, path: 'b', kind: 'file', size: 7_000_000_000 },
    { ...base, path: 'c', kind: 'directory' },
  ]
  const index = { diffId: sha256(''), size: 9, entries }
  const bytes = encodeIndex(index)
  expect(contentSize(index)).toBe(7_000_000_005)
  expect(contentSize(decodeIndex(bytes)!)).toBe(7_000_000_005)
  expect(readContentSize(bytes.subarray(0, bytes.indexOf(10) + 1), sha256(''))).toBe(7_000_000_005)
  expect(readContentSize(bytes.subarray(0, bytes.indexOf(10) - 20), sha256(''))).toBeUndefined()
  expect(readContentSize(bytes, sha256('another'))).toBeUndefined()
})
