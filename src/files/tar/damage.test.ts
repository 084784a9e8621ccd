import { expect, test } from 'vitest'
import { flow } from '../../support/index.ts'
import { readTar } from './index.ts'
import { codesOf, pathsOf, rawBlock, rawEntry, rawRecord, rawRecords, readWhole } from './test-kit.ts'

const end = Buffer.alloc(1024)
const file = rawEntry({ path: 'whole' }, 'some bytes')

test('a header with a wrong checksum is refused, behind good entries too', async () => {
  const wrong = rawBlock({})
  wrong[0]! ^= 1
  expect(await codesOf(wrong)).toEqual(['TAR_CHECKSUM'])
  expect(await codesOf(file, wrong, end)).toEqual(['TAR_CHECKSUM'])
  expect(await codesOf(file, Buffer.from('x'.repeat(512)))).toEqual(['TAR_CHECKSUM'])
})

test('an archive may end without its marker between two entries, or in the padding of the last', async () => {
  expect(await pathsOf()).toEqual([])
  expect(await pathsOf(file)).toEqual(['whole'])
  expect(await pathsOf(file, file.subarray(0, 522))).toEqual(['whole', 'whole'])
  expect(await pathsOf(file, Buffer.alloc(512))).toEqual(['whole'])
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

test('an unknown type is refused, and so is a file that began in another volume', async () => {
  for (const type of ['M', 'q', '8', '\xff'])
    expect(await codesOf(rawEntry({ type }, 'body'), end)).toEqual(['TAR_TYPE_UNKNOWN'])
})
