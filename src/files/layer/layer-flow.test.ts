import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hasProgram } from '../../../test/kit/needs.ts'
import { temporaryFolder } from '../../../test/kit/registry-images.ts'
import { tarOf } from '../../../test/kit/tiny-archive.ts'
import { manyBytes } from '../../../test/kit/trees.ts'
import { sha256 } from '../../support/index.ts'
import { decodeIndex, encodeIndex, indexFlow, indexLayer, indexOf, tableOf } from './index.ts'

/** The bytes in pieces of so many. */
async function* inPieces(bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

const atRest = (bytes: Buffer) => ({
  size: bytes.length,
  read: (into: Uint8Array, position: number) => bytes.copy(into, 0, position, position + into.length),
})

const withoutDigests = (entries: readonly { digest?: unknown }[]) =>
  entries.map((entry) => ({ ...entry, digest: undefined }))

for (const size of [1, 511, 512, 4096, 1 << 20])
  test(`a layer that flows by in pieces of ${size} bytes has the index of one at rest, and the digest of each file`, async () => {
    const big = manyBytes(size === 1 ? 3000 : 300_000)
    const bytes = tarOf({ a: 'x', 'b/.wh.c': '', empty: '', big, link: { hardlink: 'a' }, soft: { symlink: 'a' } })
    const flowed = await indexFlow(inPieces(bytes, size), 'it', { digests: true })
    const index = indexOf({ diffId: sha256(bytes), size: flowed.size }, flowed.table)
    const rest = indexLayer(atRest(bytes), sha256(bytes), 'it')
    expect(index.size).toBe(bytes.length)
    expect(withoutDigests(index.entries)).toEqual(withoutDigests(rest.entries))
    expect(index.entries.map(({ digest }) => digest)).toEqual([
      ...[sha256('x'), undefined, sha256(''), sha256(big), undefined, undefined],
    ])
    expect(tableOf(decodeIndex(encodeIndex(index))!).isHashed).toBe(true)
    expect(tableOf(decodeIndex(encodeIndex(rest))!).isHashed).toBe(false)
  })

test('a hard link to a note of AUFS gets no digest that is not its own, whether its layer flows by or is at rest', async () => {
  const bytes = tarOf({ '.wh..wh.plnk/1': 'linked', a: { hardlink: '.wh..wh.plnk/1' }, b: 'x' })
  const { size, table } = await indexFlow(inPieces(bytes, 512), 'it', { digests: true })
  const { entries } = indexOf({ diffId: sha256(bytes), size }, table)
  expect(withoutDigests(entries)).toEqual(withoutDigests(indexLayer(atRest(bytes), sha256(bytes), 'it').entries))
  expect(entries).toMatchObject([
    { path: 'a', kind: 'file', size: 6 },
    { path: 'b', digest: sha256('x') },
  ])
  expect(entries[0]!.digest).toBeUndefined()
})

test.skipIf(!hasProgram('tar')).each(['posix', 'oldgnu'])(
  'the digest of a sparse file is that of all its bytes, holes as well: tar’s %s format',
  async (format) => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'in'))
    const path = join(folder, 'in/sparse')
    writeFileSync(path, '')
    truncateSync(path, 3_000_000)
    const fd = openSync(path, 'r+')
    for (const at of [500_000, 1_700_000]) writeSync(fd, manyBytes(70_000), 0, 70_000, at)
    closeSync(fd)
    execFileSync('tar', ['--sparse', `--format=${format}`, '-cf', 'out.tar', '-C', 'in', 'sparse'], { cwd: folder })
    const bytes = readFileSync(join(folder, 'out.tar'))
    expect(bytes.length).toBeLessThan(1_000_000)
    for (const size of [1000, 1 << 20]) {
      const { table } = await indexFlow(inPieces(bytes, size), 'it', { digests: true })
      expect(table.count).toBe(1)
      expect(table.entry(0)).toMatchObject({ path: 'sparse', size: 3_000_000, digest: sha256(readFileSync(path)) })
      const without = await indexFlow(inPieces(bytes, size), 'it', { digests: false })
      expect(without.table.entry(0)).toEqual({ ...table.entry(0), digest: undefined })
    }
  },
)

test('a layer that is cut short, or whose holes stand for more than a disk holds, is refused', async () => {
  const bytes = tarOf({ a: 'x'.repeat(5000) })
  await expect(indexFlow(inPieces(bytes.subarray(0, 3000), 512), 'it', { digests: true })).rejects.toMatchObject({
    code: 'TAR_TRUNCATED',
  })
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'huge'), '')
  truncateSync(join(folder, 'huge'), 2 ** 40)
  if (!hasProgram('tar')) return
  execFileSync('tar', ['--sparse', '-cf', 'out.tar', 'huge'], { cwd: folder })
  const bomb = readFileSync(join(folder, 'out.tar'))
  for (const digests of [true, false])
    await expect(indexFlow(inPieces(bomb, 512), 'it', { digests })).rejects.toMatchObject({ code: 'ARCHIVE_BOMB' })
})

test.skipIf(!hasProgram('tar'))(
  'a large layer may have larger holes, also where they come before its bytes',
  async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'a'), manyBytes(8 << 20))
    truncateSync(join(folder, 'a'), 1200 << 20)
    execFileSync('tar', ['--sparse', '-cf', 'out.tar', 'a'], { cwd: folder })
    const bytes = readFileSync(join(folder, 'out.tar'))
    for (const digests of [true, false]) {
      const { table } = await indexFlow(inPieces(bytes, 1 << 16), 'it', { digests })
      expect([table.columns.size[0], table.isHashed]).toEqual([1200 << 20, digests])
    }
  },
)
