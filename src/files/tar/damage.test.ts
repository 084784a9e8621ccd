import { expect, test } from 'vitest'
import { flow, TareError } from '../../support/index.ts'
import { readTar, scanTar } from './index.ts'
import { rawBlock, rawEntry, rawRecord, rawRecords, readWhole, scanWhole, sealed } from './test-kit.ts'

const end = Buffer.alloc(1024)
const gnu = 'ustar  \0'

async function codesOf(...parts: readonly Uint8Array[]): Promise<readonly (string | undefined)[]> {
  const tar = Buffer.concat(parts)
  const codeOf = (error: unknown) => {
    if (!(error instanceof TareError)) throw error
    expect(error.message).toMatch(/at byte \d+/)
    expect(error.remedy).toBeTruthy()
    return error.code
  }
  const whole = readWhole(tar).then(() => undefined, codeOf)
  const pieces = readWhole(tar, 100).then(() => undefined, codeOf)
  let scanned: string | undefined
  try {
    scanWhole(tar)
  } catch (error) {
    scanned = codeOf(error)
  }
  return [...new Set([await whole, await pieces, scanned])]
}

async function pathsOf(...parts: readonly Uint8Array[]): Promise<readonly string[]> {
  const tar = Buffer.concat(parts)
  const read = await readWhole(tar)
  expect(scanWhole(tar)).toEqual(read)
  return read.map(({ path }) => path)
}

const file = rawEntry({ path: 'whole' }, 'some bytes')

test('a header with a wrong checksum is refused, behind good entries too', async () => {
  const wrong = rawBlock({})
  wrong[0]! ^= 1
  expect(await codesOf(wrong)).toEqual(['TAR_CHECKSUM'])
  expect(await codesOf(file, wrong, end)).toEqual(['TAR_CHECKSUM'])
  expect(await codesOf(file, Buffer.from('x'.repeat(512)))).toEqual(['TAR_CHECKSUM'])
})

test('a checksum over signed bytes is as good', async () => {
  const block = rawBlock({ path: 'caf\xe9' })
  const sum = block.reduce(
    (total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte > 127 ? byte - 256 : byte),
    0,
  )
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  expect(await pathsOf(block, end)).toEqual(['caf\udce9'])
})

test('an archive may end without its marker between two entries, or in the padding of the last', async () => {
  expect(await pathsOf()).toEqual([])
  expect(await pathsOf(file)).toEqual(['whole'])
  expect(await pathsOf(file, file.subarray(0, 522))).toEqual(['whole', 'whole'])
  expect(await pathsOf(file, Buffer.alloc(512))).toEqual(['whole'])
})

test('bytes behind the end marker do not count', async () => {
  expect(await pathsOf(file, end, file, Buffer.from('anything'))).toEqual(['whole'])
})

test('an archive that ends inside a header, a body or an extended header is cut short', async () => {
  expect(await codesOf(file, file.subarray(0, 511))).toEqual(['TAR_TRUNCATED'])
  expect(await codesOf(file, file.subarray(0, 521))).toEqual(['TAR_TRUNCATED'])
  expect(await codesOf(file, Buffer.alloc(512), Buffer.alloc(100))).toEqual(['TAR_TRUNCATED'])
  const extended = rawRecords(['path=long'])
  expect(await codesOf(extended.subarray(0, 520))).toEqual(['TAR_TRUNCATED'])
  expect(await codesOf(extended)).toEqual(['TAR_TRUNCATED'])
  expect(await codesOf(rawEntry({ type: 'L', path: '././@LongLink' }, 'name\0'))).toEqual(['TAR_TRUNCATED'])
})

test('a body that is not read is missed all the same when it is cut short', async () => {
  const skim = async () => {
    for await (const entry of readTar(flow(file.subarray(0, 515)))) expect(entry.path).toBe('whole')
  }
  await expect(skim()).rejects.toMatchObject({ code: 'TAR_TRUNCATED' })
})

test('a block of zeros followed by a header is refused', async () => {
  expect(await codesOf(file, Buffer.alloc(512), file, end)).toEqual(['TAR_HEADER_INVALID'])
})

test('a number field with anything but a number is refused', async () => {
  for (const field of ['mode', 'uid', 'gid'] as const) {
    for (const text of ['000064x', '00 0644', '-000001', '0x00644', '8888888']) {
      expect(await codesOf(rawBlock({ [field]: text }), end)).toEqual(['TAR_NUMBER_INVALID'])
    }
  }
  expect(await codesOf(rawBlock({ also: { 329: '00000zz' } }), end)).toEqual(['TAR_NUMBER_INVALID'])
  expect(await codesOf(rawBlock({ mtime: '\x80'.padEnd(12, '\xff') }), end)).toEqual(['TAR_NUMBER_INVALID'])
  // star has two times where others have the end of the prefix.
  expect(await codesOf(rawBlock({ also: { 476: 'no time', 508: 'tar\0' } }), end)).toEqual(['TAR_NUMBER_INVALID'])
})

test('number fields may be blank, and padded with blanks or NULs on both sides', async () => {
  for (const uid of ['', '        ', '\0\0 12\0 \0', ' 12     ', '12\0junk!', '00000012']) {
    const [entry] = await readWhole(Buffer.concat([rawBlock({ uid }), end]))
    expect(entry?.uid).toBe(uid.trim() === '' ? 0 : 10)
  }
})

test('owners are 32 bits: -2 is "nobody" of old systems, -1 and more than 32 bits are refused', async () => {
  const owner = (value: bigint) => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64BE(value)
    bytes[0]! |= 0x80
    return bytes.toString('latin1')
  }
  const [nobody] = await readWhole(Buffer.concat([rawBlock({ uid: owner(-2n), gid: owner(0xfffffffen) }), end]))
  expect([nobody?.uid, nobody?.gid]).toEqual([0xfffffffe, 0xfffffffe])
  for (const value of [-1n, 2n ** 32n, -(2n ** 33n)]) {
    expect(await codesOf(rawBlock({ uid: owner(value) }), end)).toEqual(['TAR_NUMBER_INVALID'])
  }
})

test('a size that is negative or beyond all reason is refused', async () => {
  expect(await codesOf(rawBlock({ size: '\xff'.repeat(12) }), end)).toEqual(['TAR_SIZE_INVALID'])
  expect(await codesOf(rawBlock({ size: `\x80\0\0\0\x10${'\xff'.repeat(7)}` }), end)).toEqual(['TAR_SIZE_INVALID'])
  expect(await codesOf(rawRecords(['size=-1']), rawBlock({}), end)).toEqual(['TAR_SIZE_INVALID'])
  expect(await codesOf(rawRecords(['size=9007199254740993']), rawBlock({}), end)).toEqual(['TAR_SIZE_INVALID'])
  expect(await codesOf(rawRecords(['size=99999999999999999999']), rawBlock({}), end)).toEqual(['TAR_PAX_INVALID'])
  expect(await codesOf(rawRecords(['size=12345678901']), file, end)).toEqual(['TAR_TRUNCATED'])
})

test('links, devices, directories and fifos have no body, whatever their size says', async () => {
  for (const type of ['1', '2', '3', '4', '5', '6']) {
    const tar = Buffer.concat([rawBlock({ type, size: 700 }), file, end])
    const [first, second] = await readWhole(tar)
    expect([first?.size, second?.path]).toEqual([0, 'whole'])
    expect(scanWhole(tar).map(({ path }) => path)).toEqual(['file', 'whole'])
  }
})

test('a PAX record has to be as long as it says, with a key and a newline', async () => {
  const records = [
    'nonsense',
    '12 path=abc',
    '14 path=abcd\n',
    '11 path=abc\n',
    '3 a\n',
    '4 =\n',
    '7 path\n',
    '6 =ab\n',
    '-5 a=\n',
    'x path=abc\n',
    '99999999999999999999 path=abc\n',
    `${rawRecord('path=abc')}\0\0\0`,
    rawRecord('path=a\0b'),
    rawRecord('linkpath=a\0b'),
    rawRecord('uname=a\0b'),
    rawRecord('ke\0y=value'),
    rawRecord('uid=root'),
    rawRecord('size=1.5'),
    rawRecord('mtime=yesterday'),
    rawRecord('mtime=1.2.3'),
    rawRecord('mtime=.5'),
    rawRecord('atime=x'),
  ]
  for (const record of records) {
    expect(await codesOf(rawEntry({ type: 'x' }, record), rawBlock({}), end), JSON.stringify(record)).toEqual([
      'TAR_PAX_INVALID',
    ])
  }
  expect(await codesOf(rawEntry({ type: 'g' }, 'nonsense'), rawBlock({}), end)).toEqual(['TAR_PAX_INVALID'])
})

test('an extended header of more than 1 MiB, or an endless run of them, is refused', async () => {
  const long = 'x'.repeat(1024 * 1024 + 1)
  for (const type of ['x', 'g', 'L', 'K']) {
    expect(await codesOf(rawEntry({ type }, long), file, end)).toEqual(['TAR_EXTENSION_TOO_LONG'])
    expect(
      await codesOf(rawBlock({ type, size: '\x80'.padEnd(11, '\0') + '\xff', also: { 129: '\x7f' } }), end),
    ).toEqual(['TAR_EXTENSION_TOO_LONG'])
  }
  const run = Array.from({ length: 5000 }, () => rawRecords(['comment=again and again'.padEnd(400)]))
  expect(await codesOf(...run, file, end)).toEqual(['TAR_EXTENSION_TOO_LONG'])
  const name = 'n'.repeat(1024 * 1024)
  expect(await pathsOf(rawEntry({ type: 'L' }, name), file, end)).toEqual([name])
})

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

test('an unknown type is refused, and so is a file that began in another volume', async () => {
  for (const type of ['M', 'q', '8', '\xff'])
    expect(await codesOf(rawEntry({ type }, 'body'), end)).toEqual(['TAR_TYPE_UNKNOWN'])
})

test('labels, global records and what other tars say of an inode are no entries', async () => {
  const others = ['V', 'N', 'A', 'E', 'I', 'X'].map((type) => rawEntry({ type, path: 'no file' }, 'body'))
  expect(await pathsOf(...others, rawRecords(['path=nobody asked', 'mtime=12'], 'g'), file, end)).toEqual(['whole'])
})

test('an old header without a type is a directory if its name says so', async () => {
  const kindOf = async (fields: object) => (await readWhole(Buffer.concat([rawBlock(fields), end])))[0]?.kind
  expect(await kindOf({ type: '\0', magic: '', path: 'dir/' })).toBe('directory')
  expect(await kindOf({ type: '\0', magic: '', path: 'file' })).toBe('file')
  expect(await kindOf({ type: '0', path: 'file/' })).toBe('file')
  expect(await kindOf({ type: '7' })).toBe('file')
  expect(await kindOf({ type: 'D', magic: gnu })).toBe('directory')
})

test('a prefix counts in ustar and star, and in GNU headers only where Go once wrote one by mistake', async () => {
  const prefix = 'some/where'
  expect(await pathsOf(rawBlock({ prefix }), end)).toEqual(['some/where/file'])
  expect(await pathsOf(rawBlock({ prefix, also: { 476: '00000000001', 508: 'tar\0' } }), end)).toEqual([
    'some/where/file',
  ])
  expect(await pathsOf(rawBlock({ prefix, magic: gnu }), end)).toEqual(['some/where/file'])
  expect(await pathsOf(rawBlock({ prefix: '00000000012', magic: gnu }), end)).toEqual(['file'])
  expect(await pathsOf(rawBlock({ prefix, magic: '' }), end)).toEqual(['file'])
})

test('a body may not be read once the next entry has been asked for', async () => {
  const entries = readTar(flow(file, file, end))
  const first = await entries.next()
  await entries.next()
  const read = async () => {
    for await (const _ of first.value.body) return
  }
  await expect(read()).rejects.toThrow('the body of "whole" was read after the next entry')
  const last = readTar(flow(rawEntry({}, 'b'.repeat(512))))
  const only = await last.next()
  await last.next()
  await expect(only.value.body[Symbol.asyncIterator]().next()).rejects.toThrow('the body of "file"')
})

test('what is left of a body is skipped, and who stops early closes the source', async () => {
  let closed = false
  const source = async function* () {
    try {
      yield rawEntry({ path: 'long' }, 'l'.repeat(5000)).subarray(0, 2000)
      yield rawEntry({ path: 'long' }, 'l'.repeat(5000)).subarray(2000)
      yield file
    } finally {
      closed = true
    }
  }
  for await (const entry of readTar(source())) {
    if (entry.path === 'whole') break
    for await (const chunk of entry.body) {
      expect(chunk.length).toBe(2000 - 512)
      break
    }
  }
  expect(closed).toBe(true)
})

test('the source is read to its end behind the end marker, so that it can be measured and verified', async () => {
  let seen = 0
  const source = async function* () {
    for (const part of [file, end, Buffer.alloc(9000)]) {
      yield part
      seen += part.length
    }
  }
  for await (const entry of readTar(source())) expect(entry.path).toBe('whole')
  expect(seen).toBe(file.length + end.length + 9000)
})

test('a header is the same however its checksum was padded', async () => {
  const block = rawBlock({})
  const sum = Number.parseInt(block.toString('latin1', 148, 154), 8)
  for (const text of [`${sum.toString(8)}\0  `, ` ${sum.toString(8)} `, sum.toString(8).padStart(7, '0') + '\0']) {
    const other = sealed(Buffer.from(block))
    other.fill(0, 148, 156)
    other.write(text, 148, 'latin1')
    expect(await pathsOf(other, end)).toEqual(['file'])
  }
})

test('an archive at rest tells where each entry begins, its extended headers included', () => {
  const tar = Buffer.concat([file, rawRecords(['comment=global'], 'g'), rawRecords(['mtime=7']), file, end])
  const read = (into: Uint8Array, position: number) => tar.copy(into, 0, position, position + into.length)
  const entries = [...scanTar({ size: tar.length, read })]
  expect(entries.map(({ at, mtime, runs }) => [at, mtime, runs])).toEqual([
    [0, 0, [{ position: 0, length: 10, at: 512 }]],
    [2048, 7, [{ position: 0, length: 10, at: 2048 + 1024 + 512 }]],
  ])
})

test('an extended header outlives the reads behind it, also where each read is one block', () => {
  const large = Array.from({ length: 20 }, () => rawEntry({ path: 'large' }, 'l'.repeat(100_000)))
  const extended = (path: string) => [
    rawRecords([`path=${path}`, 'SCHILY.xattr.user.a=value']),
    rawEntry({}, 'l'.repeat(100_000)),
  ]
  const tar = Buffer.concat([...large, ...extended('one'), ...extended('two'), end])
  const last = scanWhole(tar).slice(-2)
  expect(last.map(({ path, xattrs }) => [path, Buffer.from(xattrs?.get('user.a') ?? []).toString()])).toEqual([
    ['one', 'value'],
    ['two', 'value'],
  ])
})
