import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../../test/kit/cli.ts'
import { onDisk } from '../../../test/kit/on-disk.ts'
import { tinyBlob } from '../../../test/kit/tiny-image.ts'
import { mediaTypes } from '../../oci/index.ts'
import { collect, sha256 } from '../../support/index.ts'
import { Store } from './index.ts'

onDisk()

const large = tinyBlob(mediaTypes.layer, Buffer.alloc(100_000, 'tare'))
const little = tinyBlob(mediaTypes.layer, 'tare')

/** A store with both blobs; `reopened` is another process's, in the same boot of the machine or in another. */
async function openStore() {
  const home = join(temporaryFolder(), 'home')
  const store = new Store(home, { boot: 'first' })
  for (const blob of [large, little]) await store.put(blob.descriptor, blob.open)
  return { store, home, reopened: (boot = 'first') => new Store(home, { boot }) }
}

/** Other bytes in the file, of the same size and at the same time. */
function tamper(path: string): void {
  const { atimeMs, mtimeMs } = statSync(path)
  const bytes = readFileSync(path)
  writeFileSync(path, bytes.fill(0, 2))
  utimesSync(path, atimeMs / 1000, mtimeMs / 1000)
}

function inPlaceOf(path: string, make: () => void): void {
  rmSync(path)
  make()
}

test.each([
  ['cut short', (path: string) => truncateSync(path, 3)],
  ['of the right size and zeros', tamper],
  ['empty', (path: string) => truncateSync(path, 0)],
  ['longer', (path: string) => writeFileSync(path, 'more', { flag: 'a' })],
  ['a pipe that nobody writes to', (path: string) => inPlaceOf(path, () => execFileSync('mkfifo', [path]))],
  ['a folder', (path: string) => inPlaceOf(path, () => mkdirSync(join(path, 'x'), { recursive: true }))],
])('a blob that is %s is neither touched nor opened, and written anew by whoever has it', async (_, damage) => {
  const { store, reopened } = await openStore()
  for (const blob of [large, little]) {
    const { digest } = blob.descriptor
    damage(store.blobs.path(digest))
    for (const one of [store, reopened()]) {
      expect(one.blobs.touch(digest)).toBe(false)
      expect(await one.has(blob.descriptor)).toBe(false)
      expect(() => one.blobs.check(digest)).toThrow(expect.objectContaining({ code: 'BLOB_CORRUPT' }))
      await expect(one.open(blob.descriptor)).rejects.toMatchObject({ code: 'BLOB_CORRUPT' })
    }
    await reopened().put(blob.descriptor, blob.open)
    for (const one of [store, reopened()]) {
      expect(one.blobs.touch(digest)).toBe(true)
      expect(sha256(await collect(await one.open(blob.descriptor), 1 << 20))).toBe(digest)
    }
  }
})

test('what was found sound is not read again in the same boot, and once in another', async () => {
  const { store, home, reopened } = await openStore()
  const { digest } = large.descriptor
  const path = store.blobs.path(digest)
  const note = join(home, 'tare/verified', digest.slice(7))
  expect(readFileSync(note, 'utf8').split(' ').slice(4)).toEqual(['first'])
  expect(reopened('second').blobs.touch(digest)).toBe(true)
  expect(readFileSync(note, 'utf8').split(' ').slice(4)).toEqual(['second', 'first'])
  // Two machines on one volume: each has looked.
  expect(reopened('first').blobs.isSound(digest)).toBe(true)
  // As a power cut leaves it: the facts are those that were noted, the bytes are not.
  tamper(path)
  const { size, mtimeNs, ctimeNs, ino } = statSync(path, { bigint: true })
  writeFileSync(note, `${size} ${mtimeNs} ${ctimeNs} ${ino} first`)
  expect(reopened('first').blobs.isSound(digest)).toBe(true)
  expect(reopened('third').blobs.isSound(digest)).toBe(false)
})

test('a blob that was moved here, or that nothing is noted of, is read once and then known', async () => {
  const { store, home, reopened } = await openStore()
  const { digest } = large.descriptor
  const path = store.blobs.path(digest)
  renameSync(path, `${path}.aside`)
  writeFileSync(path, readFileSync(`${path}.aside`))
  rmSync(`${path}.aside`)
  expect(reopened().blobs.touch(digest)).toBe(true)
  rmSync(join(home, 'tare/verified'), { recursive: true })
  expect(reopened().blobs.isSound(digest)).toBe(true)
  expect(readdirSync(join(home, 'tare/verified'))).toEqual([digest.slice(7)])
})

test('using a blob changes nothing of it, and keeps a prune from taking it', async () => {
  const { store, reopened } = await openStore()
  const { digest } = large.descriptor
  utimesSync(store.blobs.path(digest), 1000, 1000)
  expect(reopened().blobs.isSound(digest)).toBe(true)
  const before = statSync(store.blobs.path(digest), { bigint: true })
  utimesSync(join(store.home, 'tare/verified', digest.slice(7)), 1000, 1000)
  store.lease()
  expect(reopened().blobs.touch(digest)).toBe(true)
  expect(statSync(store.blobs.path(digest), { bigint: true })).toMatchObject({
    mtimeNs: before.mtimeNs,
    ctimeNs: before.ctimeNs,
  })
  expect(store.collect(new Set([little.descriptor.digest])).removed).toEqual([])
  utimesSync(join(store.home, 'tare/verified', digest.slice(7)), 1000, 1000)
  expect(store.collect(new Set([little.descriptor.digest])).removed).toEqual([digest])
})

test('what is noted of a blob goes with it', async () => {
  const { store, home } = await openStore()
  expect(store.collect(new Set()).removed.length).toBe(2)
  expect(readdirSync(join(home, 'tare/verified'))).toEqual([])
})

test.each([
  ['large', large],
  ['little', little],
])('a %s blob is dated when it is first touched, and again after a lease', async (_, blob) => {
  const { store } = await openStore()
  const { digest } = blob.descriptor
  const since = () => store.blobs.all().find((one) => one.digest === digest)!.since
  const lookTwice = () => {
    expect(store.blobs.touch(digest)).toBe(true)
    const first = since()
    expect(store.blobs.touch(digest)).toBe(true)
    expect(since()).toBe(first)
    return first
  }
  const before = lookTwice()
  await new Promise((resolve) => setTimeout(resolve, 20))
  const release = store.lease()
  expect(lookTwice()).toBeGreaterThan(before)
  release()
  // A removed one is gone, however lately it was touched.
  expect(store.blobs.remove(digest, Date.now() + 1000)).toBe(true)
  expect(store.blobs.touch(digest)).toBe(false)
})
