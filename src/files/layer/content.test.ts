import { chmodSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../../test/kit/cli.ts'
import { asOrdinaryUser } from '../../../test/kit/ordinary-user.ts'
import { fileNode, manyBytes } from '../../../test/kit/trees.ts'
import { sha256 } from '../../support/index.ts'
import type { Content } from '../tree/index.ts'
import { ContentReader, digestOf, pieces, readWhole, sameContent } from './index.ts'

function onDisk(bytes: Buffer, name = 'file'): string {
  const path = join(temporaryFolder(), name)
  writeFileSync(path, bytes)
  return path
}

function isOpen(path: string): boolean {
  return readdirSync('/proc/self/fd').some((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path
    } catch {
      return false
    }
  })
}

test('any part of any kind of content reads as the same part of the whole', () => {
  const disk = manyBytes(400)
  const path = onDisk(disk)
  const runs = [
    { position: 10, length: 20, at: 100 },
    { position: 50, length: 5, at: 0 },
  ]
  const sparse = Buffer.alloc(64)
  disk.copy(sparse, 10, 100, 120)
  disk.copy(sparse, 50, 0, 5)
  const contents: readonly (readonly [Content, Buffer])[] = [
    [{ kind: 'inline', bytes: disk.subarray(0, 64) }, disk.subarray(0, 64)],
    [{ kind: 'extent', path, offset: 33 }, disk.subarray(33, 97)],
    [{ kind: 'sparse', path, runs }, sparse],
  ]
  const reader = new ContentReader()
  fc.assert(
    fc.property(fc.constantFrom(...contents), fc.nat(63), fc.nat(64), ([content, whole], from, length) => {
      const into = Buffer.alloc(Math.min(length, 64 - from), 0xaa)
      reader.read(content, into, from)
      expect(into.equals(whole.subarray(from, from + into.length))).toBe(true)
    }),
  )
  reader.close()
  expect(isOpen(path)).toBe(false)
})

test('pieces put together are the whole, and a digest is that of the whole', () => {
  const bytes = manyBytes((2 << 20) + 77)
  const path = onDisk(bytes)
  const content: Content = { kind: 'extent', path, offset: 0 }
  const reader = new ContentReader()
  const parts: Buffer[] = []
  // A piece is valid until the next is asked for.
  for (const piece of pieces(content, bytes.length, reader)) parts.push(Buffer.from(piece))
  reader.close()
  expect(Buffer.concat(parts).equals(bytes)).toBe(true)
  const node = { ...fileNode(''), size: bytes.length, content }
  expect(content.digest).toBeUndefined()
  expect(digestOf(node)).toBe(sha256(bytes))
  expect(content.digest).toBe(sha256(bytes))
  expect(isOpen(path)).toBe(false)
})

test('files are the same by their bytes, and where sizes differ nothing is read', () => {
  const lost = { kind: 'extent', path: '/no/such', offset: 0 } as const
  expect(sameContent(fileNode('abc'), fileNode('abc'))).toBe(true)
  expect(sameContent(fileNode('abc'), fileNode('abd'))).toBe(false)
  expect(sameContent({ ...fileNode('abc'), content: lost }, fileNode('abcd'))).toBe(false)
  expect(sameContent({ ...fileNode('abc'), content: lost }, { ...fileNode('abc'), content: lost })).toBe(true)
  expect(sameContent({ ...fileNode(''), content: { ...lost } }, fileNode(''))).toBe(true)
})

test('what is larger than a text may be is not read', () => {
  expect(readWhole(fileNode('12345'), 5).toString()).toBe('12345')
  expect(() => readWhole(fileNode('123456'), 5)).toThrow(RangeError)
})

test('a file that may not be read says so and what to do', () => {
  const path = onDisk(Buffer.from('secret'))
  chmodSync(path, 0)
  const node = { ...fileNode('secret'), content: { kind: 'extent', path, offset: 0 } as const }
  expect(() => asOrdinaryUser(() => digestOf(node))).toThrow(
    expect.objectContaining({
      code: 'CONTENT_UNREADABLE',
      message: `cannot read ${path}: permission denied`,
      remedy: expect.stringContaining('.dockerignore'),
    }),
  )
})

test('a file that became shorter is closed as well', () => {
  const path = onDisk(Buffer.from('12345'))
  const node = { ...fileNode('123456789'), content: { kind: 'extent', path, offset: 0 } as const }
  expect(() => digestOf(node)).toThrow(expect.objectContaining({ code: 'CONTENT_CHANGED' }))
  expect(() => readWhole(node, 100)).toThrow(expect.objectContaining({ code: 'CONTENT_CHANGED' }))
  expect(isOpen(path)).toBe(false)
})

test('a path that is not UTF-8 is read by its bytes', () => {
  const folder = temporaryFolder()
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0x61, 0xff])]), 'found')
  const node = { ...fileNode('found'), content: { kind: 'extent', path: `${folder}/a\udcff`, offset: 0 } as const }
  expect(readWhole(node, 10).toString()).toBe('found')
})

test('what is read ahead is where it is said to be, in whatever order; what does not fit or is not there has to be read', () => {
  const disks = [manyBytes(400), manyBytes(300).reverse()]
  const paths = disks.map((bytes) => onDisk(bytes))
  const reader = new ContentReader({ ahead: 64 })
  const bytesAt = (file: number, offset: number, size: number) => {
    const near = reader.near(paths[file]!, offset, size)
    return near === undefined ? undefined : Buffer.from(near.bytes.subarray(near.at, near.at + size))
  }
  for (const [file, offset, size] of [
    ...[
      [0, 0, 10],
      [0, 10, 32],
      [0, 3, 5],
      [1, 3, 5],
      [0, 390, 10],
      [1, 268, 32],
      [0, 100, 1],
    ],
  ] as const)
    expect(bytesAt(file!, offset!, size!)).toEqual(disks[file!]!.subarray(offset, offset! + size!))
  expect(bytesAt(0, 0, 33)).toBeUndefined()
  expect(bytesAt(0, 390, 11)).toBeUndefined()
  expect(bytesAt(0, 0, 10)).toEqual(disks[0]!.subarray(0, 10))
  reader.close()
  expect(new ContentReader().near(paths[0]!, 0, 1)).toBeUndefined()
})
