import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { leftovers } from '../../../test/kit/check-store.ts'
import { isRoot, temporaryFolder } from '../../../test/kit/cli.ts'
import { canMount, mountOn } from '../../../test/kit/needs.ts'
import { asOrdinaryUser } from '../../../test/kit/ordinary-user.ts'
import { tinyBlob } from '../../../test/kit/tiny-image.ts'
import { mediaTypes, parseReference } from '../../oci/index.ts'
import { sha256 } from '../../support/index.ts'
import { Store } from './index.ts'

const blob = tinyBlob(mediaTypes.layer, Buffer.alloc(200_000, 'layer'))
const key = 'b'.repeat(64)
const now = new Date('2026-01-02T03:04:05Z')

/** A folder on a disk of its own of 64 KiB; `fill` leaves no room at all. */
function smallDisk(fill: boolean): string {
  const folder = join(temporaryFolder(), 'disk')
  mkdirSync(folder)
  mountOn(folder, '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs')
  if (fill)
    try {
      writeFileSync(join(folder, 'filler'), Buffer.alloc(1 << 20))
    } catch {
      // That is what it is for.
    }
  return folder
}

const full = expect.objectContaining({ code: 'STORE_FULL', remedy: expect.stringContaining('prune') })

test.skipIf(!canMount())('a blob that the disk has no room for is told so, and leaves its room to others', async () => {
  const store = new Store(join(smallDisk(false), 'home'))
  await expect(store.put(blob.descriptor, blob.open)).rejects.toEqual(full)
  expect(() => store.blobs.write(blob.bytes)).toThrow(full)
  expect(() => store.records.remember('steps', key, 'x'.repeat(100_000))).toThrow(full)
  expect(leftovers(store.home)).toEqual([])
  store.blobs.write(Buffer.from('there is room for this'))
})

test.skipIf(!canMount())(
  'on a full disk a change of names that takes room fails, changes nothing and holds nobody up',
  async () => {
    const home = smallDisk(false)
    const store = new Store(home)
    await store.keep(blob.descriptor, [parseReference('app')], now)
    const before = store.entries()
    try {
      writeFileSync(join(home, 'filler'), Buffer.alloc(1 << 20))
    } catch {
      // That is what it is for.
    }
    const many = Array.from({ length: 300 }, (_, i) => parseReference(`other:${i}`))
    for (let i = 0; i < 2; i++) await expect(store.keep(blob.descriptor, many, now)).rejects.toEqual(full)
    expect(store.entries()).toEqual(before)
    // What takes no more room than there was is done.
    await store.change(() => [])
    expect(new Store(home).entries()).toEqual([])
    expect(leftovers(home)).toEqual(['filler was left behind'])
  },
)

test.skipIf(!canMount())('a read-only disk is told as what it is', async () => {
  const home = smallDisk(false)
  mountOn(home, '-o', 'remount,ro')
  const store = new Store(home)
  const readOnly = expect.objectContaining({
    code: 'STORE_UNWRITABLE',
    message: expect.stringContaining(`the store in ${home} cannot be written:`),
    remedy: expect.stringContaining('TARE_HOME'),
  })
  await expect(store.put(blob.descriptor, blob.open)).rejects.toEqual(readOnly)
  await expect(store.keep(blob.descriptor, [], now)).rejects.toEqual(readOnly)
  for (const work of [() => store.lease(), () => store.reserve(), () => store.records.remember('steps', key, '')])
    expect(work).toThrow(readOnly)
})

test('a folder of another user is reported before any work is done', () => {
  const home = join(temporaryFolder(), 'home')
  mkdirSync(home)
  if (!isRoot) chmodSync(home, 0o500)
  const denied = expect.objectContaining({
    code: 'STORE_UNWRITABLE',
    message: `the store in ${home} cannot be written: permission denied`,
  })
  const store = new Store(home)
  asOrdinaryUser(() => {
    for (const work of [
      () => store.lease(),
      () => store.reserve(),
      () => store.blobs.write(Buffer.from('x')),
      () => store.records.remember('steps', key, ''),
    ])
      expect(work).toThrow(denied)
  })
  expect(readdirSync(home)).toEqual([])
})

test('an unreadable index.json is reported', () => {
  const home = join(temporaryFolder(), 'home')
  mkdirSync(home)
  writeFileSync(join(home, 'index.json'), '{}')
  chmodSync(join(home, 'index.json'), 0)
  asOrdinaryUser(() =>
    expect(() => new Store(home).entries()).toThrow(expect.objectContaining({ code: 'STORE_UNREADABLE' })),
  )
})

test('a file where the store should be is reported, and kept', async () => {
  const home = join(temporaryFolder(), 'home')
  writeFileSync(home, 'precious')
  const store = new Store(home)
  const inTheWay = expect.objectContaining({
    code: 'STORE_UNWRITABLE',
    message: expect.stringContaining('not a folder is in the way'),
  })
  expect(store.entries()).toEqual([])
  await expect(store.put(blob.descriptor, blob.open)).rejects.toEqual(inTheWay)
  await expect(store.keep(blob.descriptor, [], now)).rejects.toEqual(inTheWay)
  expect(() => store.lease()).toThrow(inTheWay)
  expect(existsSync(home)).toBe(true)
})

test('a file where a folder of the store should be is reported', async () => {
  const home = join(temporaryFolder(), 'home')
  mkdirSync(home)
  writeFileSync(join(home, 'tare'), '')
  writeFileSync(join(home, 'blobs'), '')
  const store = new Store(home)
  expect(() => store.reserve()).toThrow(expect.objectContaining({ code: 'STORE_UNWRITABLE' }))
  expect(store.blobs.all()).toEqual([])
  expect(store.blobs.has(sha256(''))).toBe(false)
})
