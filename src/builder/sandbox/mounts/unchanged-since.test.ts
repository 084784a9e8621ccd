import { chmodSync, lstatSync, renameSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder, writeFiles } from '../../../../test/kit/cli.ts'
import { canMount, mountOn } from '../../../../test/kit/needs.ts'
import { openDirectory } from '../../../files/context/index.ts'
import type { DirectoryPlace } from '../../../files/tree/index.ts'
import { isUnchanged } from './unchanged-since.ts'

const old = new Date('2020-01-01T00:00:00.000Z')

/** A folder with files, and its places once they have been there for a while. */
async function openFolder(count = 2100) {
  const path = temporaryFolder()
  writeFiles(path, Object.fromEntries(Array.from({ length: count }, (_, i) => [`sub/${i % 9}/${i}`, 'x'])))
  await new Promise((resolve) => setTimeout(resolve, 30))
  const { tree } = openDirectory(path, { name: '.' })
  const places = [...tree.walk()].flatMap(([, node]) => (node.kind === 'directory' ? [node.outline!.place!] : []))
  return { path, places: [tree.root.outline!.place!, ...places] }
}

const like = (place: DirectoryPlace, more: Partial<DirectoryPlace>): DirectoryPlace => ({
  ...{ dev: place.dev, ino: place.ino, readAt: place.readAt, fileCount: place.fileCount, hasWholeSeconds: false },
  ...(more as DirectoryPlace),
})

test('many files that nobody has touched are unchanged', async () => {
  const { path, places } = await openFolder()
  expect(await isUnchanged(path, places)).toBe(true)
})

test.each<[string, (at: (name: string) => string) => void]>([
  ['a content', (at) => writeFileSync(at('sub/3/3'), 'y')],
  [
    'a content, with the time of before',
    (at) => {
      writeFileSync(at('sub/3/3'), 'y')
      utimesSync(at('sub/3/3'), old, old)
    },
  ],
  ['a file that is gone', (at) => unlinkSync(at('sub/4/4'))],
  ['a file that is another', (at) => renameSync(at('sub/4/4'), at('sub/5/5'))],
])('%s is a change', async (_, change) => {
  const { path, places } = await openFolder()
  change((name) => join(path, name))
  expect(await isUnchanged(path, places)).toBe(false)
})

test('another folder at its path is not the one that was read', async () => {
  const { path, places } = await openFolder()
  const other = await openFolder()
  renameSync(path, `${path}-before`)
  renameSync(other.path, path)
  expect(await isUnchanged(path, places)).toBe(false)
})

test('few files, a clock that was set back, and times in seconds within one are no answer', async () => {
  const few = await openFolder(10)
  expect(await isUnchanged(few.path, few.places)).toBe(false)
  const { path, places } = await openFolder()
  const after = (running: number, time: number, more: Partial<DirectoryPlace> = {}) => {
    const readAt = { running: places[0]!.readAt.running + running, time: places[0]!.readAt.time + time }
    return isUnchanged(
      path,
      places.map((place) => like(place, { readAt, ...more })),
    )
  }
  expect(await after(0, 0)).toBe(true)
  expect(await after(0, 60_000)).toBe(false)
  expect(await after(-60_000, -60_000)).toBe(false)
  const last = join(path, 'sub/3/3')
  do chmodSync(last, 0o600)
  while (lstatSync(last).ctimeMs % 1000 > 900)
  const since = lstatSync(last).ctimeMs + 40 - places[0]!.readAt.time
  expect(await after(since, since)).toBe(true)
  expect(await after(since, since, { hasWholeSeconds: true })).toBe(false)
})

test.skipIf(!canMount())('something mounted in it is no answer', async () => {
  const { path, places } = await openFolder()
  mountOn(join(path, 'sub/1'), '--bind', join(path, 'sub/2'))
  expect(await isUnchanged(path, places)).toBe(false)
})
