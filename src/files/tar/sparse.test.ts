import { expect, test } from 'vitest'
import { codesOf, pathsOf, rawBlock, rawEntry, rawRecords, readWhole } from './test-kit.ts'

const end = Buffer.alloc(1024)
const gnu = 'ustar  \0'
const file = rawEntry({ path: 'whole' }, 'some bytes')

const sparse = (records: readonly string[], body = '0123456789') =>
  Buffer.concat([rawRecords(records), rawEntry({ path: 'sparse' }, body), end])
const version1 = ['GNU.sparse.major=1', 'GNU.sparse.minor=0', 'GNU.sparse.realsize=5000']

test('the map of a sparse file has to be in order, inside the file and complete', async () => {
  const maps: readonly (readonly string[])[] = [
    ['GNU.sparse.map=0,5,4,5'],
    ['GNU.sparse.map=100,5,0,5'],
    ['GNU.sparse.map=0,5,4996,5'],
    ['GNU.sparse.map=0,-5,10,15'],
    ['GNU.sparse.map=-5,5,10,5'],
    ['GNU.sparse.map=0,5,x,5'],
    ['GNU.sparse.map=0,5,10'],
    ['GNU.sparse.map=0,5'],
    ['GNU.sparse.map=0,5,10,4'],
    ['GNU.sparse.map=0,5,10,6'],
    ['GNU.sparse.map=0,9223372036854775807,9223372036854775807,5'],
  ]
  for (const map of maps) {
    const tar = sparse(['GNU.sparse.size=5000', 'GNU.sparse.numblocks=2', ...map])
    expect(await codesOf(tar), map[0]).toEqual(['TAR_SPARSE_INVALID'])
  }
  const good = sparse(['GNU.sparse.size=5000', 'GNU.sparse.numblocks=2', 'GNU.sparse.map=0,5,4995,5'])
  expect(await codesOf(good)).toEqual([undefined])
  for (const size of ['-1', 'x']) {
    const tar = sparse([`GNU.sparse.size=${size}`, 'GNU.sparse.numblocks=1', 'GNU.sparse.map=0,10'])
    expect(await codesOf(tar), size).toEqual(['TAR_SPARSE_INVALID'])
  }
})

test('the records of a sparse map come in pairs', async () => {
  const orders = [
    ['GNU.sparse.numbytes=5', 'GNU.sparse.offset=0'],
    ['GNU.sparse.offset=0', 'GNU.sparse.offset=5'],
  ]
  for (const order of orders) {
    expect(await codesOf(sparse(['GNU.sparse.size=5000', 'GNU.sparse.numblocks=1', ...order]))).toEqual([
      'TAR_PAX_INVALID',
    ])
  }
})

test('a sparse map inside the body has to end there', async () => {
  const map = (text: string, stored = 10) => `${text.padEnd(512, '\0')}${'d'.repeat(stored)}`
  expect(await codesOf(sparse(version1, map('1\n0\n10\n')))).toEqual([undefined])
  const wrong = [
    map('1\n0\n'),
    map('x\n0\n10\n'),
    map('-1\n'),
    map('2\n0\n5\n3\n5\n'),
    map('1\n4995\n10\n'),
    map('1\n0\n9\n'),
    '1\n0\n10\n',
  ]
  for (const body of wrong)
    expect(await codesOf(sparse(version1, body)), JSON.stringify(body)).toEqual(['TAR_SPARSE_INVALID'])
  const endless = '99999999\n'.padEnd(2 * 1024 * 1024, '1\n')
  expect(await codesOf(sparse(version1, endless))).toEqual(['TAR_SPARSE_INVALID'])
})

test('GNU’s own sparse map is held to the same rules, and has to stand in a header of GNU’s', async () => {
  const octal = (value: number) => `${value.toString(8).padStart(11, '0')}\0`
  const header = (stretches: readonly (readonly [number, number])[], realSize: number, extended = false) => ({
    path: 'sparse',
    type: 'S',
    magic: gnu,
    also: {
      386: stretches.map(([at, length]) => octal(at) + octal(length)).join(''),
      482: extended ? '\x01' : '\0',
      483: octal(realSize),
    },
  })
  const body = '0123456789'
  const good = header(
    [
      [512, 5],
      [1024, 5],
      [2000, 0],
    ],
    2000,
  )
  const [entry] = await readWhole(Buffer.concat([rawEntry(good, body), end]))
  expect(entry?.data.toString('latin1')).toBe(`${'\0'.repeat(512)}01234${'\0'.repeat(507)}56789`.padEnd(2000, '\0'))
  const wrong = [
    header(
      [
        [0, 5],
        [4, 5],
      ],
      2000,
    ),
    header(
      [
        [1000, 5],
        [0, 5],
      ],
      2000,
    ),
    header(
      [
        [0, 5],
        [1996, 5],
      ],
      2000,
    ),
    header([[0, 5]], 2000),
    { ...good, magic: 'ustar\x0000' },
  ]
  for (const fields of wrong) expect(await codesOf(rawEntry(fields, body), end)).toEqual(['TAR_SPARSE_INVALID'])
  const extended = rawBlock({ ...header([[0, 5]], 2000, true), size: 10 })
  const more = Buffer.alloc(512)
  more.write(octal(100) + octal(5), 'latin1')
  const data = Buffer.from(body.padEnd(512, '\0'))
  expect(await pathsOf(extended, more, data, file, end)).toEqual(['sparse', 'whole'])
  expect(await codesOf(extended, more.subarray(0, 100))).toEqual(['TAR_TRUNCATED'])
  more[504] = 1
  expect(await codesOf(extended, ...Array.from({ length: 2100 }, () => more))).toEqual(['TAR_SPARSE_INVALID'])
})
