import { expect, test } from 'vitest'
import { flow } from '../../support/index.ts'
import { readTar, scanTar } from './index.ts'
import { pathsOf, rawBlock, rawEntry, rawRecords, readWhole, scanWhole, sealed } from './test-kit.ts'

const end = Buffer.alloc(1024)
const gnu = 'ustar  \0'
const file = rawEntry({ path: 'whole' }, 'some bytes')

test('a checksum over signed bytes is as good', async () => {
  const block = rawBlock({ path: 'caf\xe9' })
  const sum = block.reduce(
    (total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte > 127 ? byte - 256 : byte),
    0,
  )
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  expect(await pathsOf(block, end)).toEqual(['caf\udce9'])
})

test('bytes behind the end marker do not count', async () => {
  expect(await pathsOf(file, end, file, Buffer.from('anything'))).toEqual(['whole'])
})

test('number fields may be blank, and padded with blanks or NULs on both sides', async () => {
  for (const uid of ['', '        ', '\0\0 12\0 \0', ' 12     ', '12\0junk!', '00000012']) {
    const [entry] = await readWhole(Buffer.concat([rawBlock({ uid }), end]))
    expect(entry?.uid).toBe(uid.trim() === '' ? 0 : 10)
  }
})

test('links, devices, directories and fifos have no body, whatever their size says', async () => {
  for (const type of ['1', '2', '3', '4', '5', '6']) {
    const tar = Buffer.concat([rawBlock({ type, size: 700 }), file, end])
    const [first, second] = await readWhole(tar)
    expect([first?.size, second?.path]).toEqual([0, 'whole'])
    expect(scanWhole(tar).map(({ path }) => path)).toEqual(['file', 'whole'])
  }
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
