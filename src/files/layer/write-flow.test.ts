import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../../test/kit/registry-images.ts'
import { tarOf } from '../../../test/kit/tiny-archive.ts'
import { manyBytes } from '../../../test/kit/trees.ts'
import { sha256 } from '../../support/index.ts'
import { indexLayer, writeFlow } from './index.ts'

async function* inPieces(bytes: Buffer, size: number, closed?: () => void) {
  try {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
  } finally {
    closed?.()
  }
}

const options = (expected = 0) => ({ path: join(temporaryFolder(), 'layer'), what: 'layer x', expected, digests: true })

for (const expected of [0, 48 << 20])
  test(`a layer is written as it comes, and has the index of one at rest and the digests of its files: of ${expected} bytes`, async () => {
    const big = manyBytes(3_000_000)
    const bytes = tarOf({ a: 'x', 'd/b': big, link: { hardlink: 'a' } })
    const wanted = options(expected)
    const digests: string[] = []
    const index = await writeFlow(inPieces(bytes, 100_000), { ...wanted, check: (digest) => digests.push(digest) })
    expect(readFileSync(wanted.path).equals(bytes)).toBe(true)
    expect(digests).toEqual([sha256(bytes)])
    const read = (into: Uint8Array, at: number) => bytes.copy(into, 0, at, at + into.length)
    const rest = indexLayer({ size: bytes.length, read }, sha256(bytes), 'it')
    const withDigests = rest.entries.map((entry) => ({
      ...entry,
      digest: { a: sha256('x'), 'd/b': sha256(big) }[entry.path],
    }))
    expect(index).toMatchObject({ diffId: sha256(bytes), size: bytes.length, entries: withDigests })
  })

test('of damaged bytes it is the digest that is told, of bytes that were meant so what is wrong with them', async () => {
  const bytes = tarOf({ a: 'x'.repeat(5000), b: 'y' })
  bytes[512 + 5120 + 3] = 0xff
  const refuse = () => {
    throw new Error('other bytes')
  }
  await expect(writeFlow(inPieces(bytes, 512), { ...options(), check: refuse })).rejects.toThrow('other bytes')
  let digest: string | undefined
  const check = (found: string) => {
    digest = found
  }
  await expect(writeFlow(inPieces(bytes, 512), { ...options(), check })).rejects.toMatchObject({ code: 'TAR_CHECKSUM' })
  // All of it was read.
  expect(digest).toBe(sha256(bytes))
})

test('a source that fails, a caller that stops and a file that is there end it, and the source is closed', async () => {
  const bytes = tarOf({ a: 'x'.repeat(5000) })
  const broken = async function* () {
    yield bytes.subarray(0, 1000)
    throw new Error('the line is cut')
  }
  const check = () => {
    throw new Error('is not asked')
  }
  await expect(writeFlow(broken(), { ...options(), check })).rejects.toThrow('the line is cut')
  const stop = new AbortController()
  const stopping = async function* () {
    yield bytes.subarray(0, 1000)
    stop.abort(new Error('stopped'))
    yield bytes.subarray(1000)
  }
  await expect(writeFlow(stopping(), { ...options(), check, signal: stop.signal })).rejects.toThrow('stopped')
  let closed = 0
  const aborted = { ...options(), signal: AbortSignal.abort(new Error('before')) }
  await expect(
    writeFlow(
      inPieces(bytes, 512, () => closed++),
      aborted,
    ),
  ).rejects.toThrow('before')
  const there = options()
  await writeFlow(
    inPieces(bytes, 512, () => closed++),
    there,
  )
  await expect(writeFlow(inPieces(bytes, 512), there)).rejects.toMatchObject({ code: 'EEXIST' })
  expect(closed).toBe(1)
  expect(existsSync(there.path)).toBe(true)
})
