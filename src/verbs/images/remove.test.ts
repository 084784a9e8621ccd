import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { faultsOf } from '../../../test/kit/check-store.ts'
import { type HostBench, hostBench } from '../../../test/kit/hosts.ts'
import type { CacheFilter, ImageFilter } from '../../api/index.ts'
import { findImage } from '../../images/stored-image.ts'
import { diskUsage } from '../cache/disk-usage.ts'
import { pruneBuildCache } from '../cache/prune-build-cache.ts'
import { images } from './images.ts'
import { prune } from './prune.ts'
import { remove } from './remove.ts'
import { tag } from './tag.ts'

const lines = ['FROM scratch', 'COPY f /']

async function names(bench: HostBench): Promise<string[]> {
  return (await images(bench.host)).map(({ repository, tag }) => `${repository}:${tag}`).sort()
}

/** Two images that share a layer, and forgotten steps: only images keep anything. */
async function shelf(): Promise<HostBench> {
  const bench = hostBench()
  await bench.build('one', lines, { files: { f: 'shared', g: 'own' } })
  bench.later()
  await bench.build('two', [...lines, 'COPY g /'])
  await pruneBuildCache(bench.host)
  return bench
}

test('with its last name an image goes, and what others need stays', async () => {
  const bench = await shelf()
  const { id } = findImage(bench.store, 'two')
  const before = bench.blobs().length
  expect(await remove(bench.host, { names: ['two'] })).toEqual([{ untagged: 'two:latest' }, { deleted: id }])
  expect(await names(bench)).toEqual(['one:latest'])
  // Its config, its manifest and the layer of its own.
  expect(bench.blobs().length).toBe(before - 3)
  expect(await faultsOf(bench.store.home)).toEqual([])
  expect(findImage(bench.store, 'one').config.diffIds.every((layer) => bench.store.blobs.has(layer))).toBe(true)
})

test('one name of several goes alone', async () => {
  const bench = await shelf()
  await tag(bench.host, 'two', 'other:1')
  const before = bench.blobs().length
  expect(await remove(bench.host, { names: ['two'] })).toEqual([{ untagged: 'two:latest' }])
  expect(await names(bench)).toEqual(['one:latest', 'other:1'])
  expect(bench.blobs().length).toBe(before)
})

test('an ID with several names goes only by force', async () => {
  const bench = await shelf()
  await tag(bench.host, 'two', 'other:1')
  const { id } = findImage(bench.store, 'two')
  await expect(remove(bench.host, { names: [id.slice(7, 19)] })).rejects.toMatchObject({
    code: 'IMAGE_IN_USE',
    remedy: expect.stringContaining('two:latest, other:1'),
  })
  expect(await remove(bench.host, { names: [id.slice(7, 19)], force: true })).toEqual([
    { untagged: 'two:latest' },
    { untagged: 'other:1' },
    { deleted: id },
  ])
  expect(await names(bench)).toEqual(['one:latest'])
})

test('an ID with one name goes with it', async () => {
  const bench = await shelf()
  const { id } = findImage(bench.store, 'one')
  expect(await remove(bench.host, { names: [id] })).toEqual([{ untagged: 'one:latest' }, { deleted: id }])
})

test('of several names, those that can be removed are, and the first error is reported with them', async () => {
  const bench = await shelf()
  const { id } = findImage(bench.store, 'one')
  await expect(remove(bench.host, { names: ['nothing', 'one', 'none'] })).rejects.toMatchObject({
    code: 'IMAGE_UNKNOWN',
    message: 'No such image: nothing:latest',
    removals: [{ untagged: 'one:latest' }, { deleted: id }],
    others: [{ message: 'No such image: none:latest' }],
  })
  expect(await names(bench)).toEqual(['two:latest'])
})

test('by force, what is not there is no error', async () => {
  const bench = await shelf()
  expect(await remove(bench.host, { names: ['nothing'], force: true })).toEqual([])
})

test('layers that a remembered step made stay for the next build', async () => {
  const bench = hostBench()
  const { id } = await bench.build('app', lines, { files: { f: 'f' } })
  await remove(bench.host, { names: ['app'] })
  expect(bench.blobs().length).toBe(1)
  const again = await bench.build('app', lines)
  expect(again.id).toBe(id)
})

test('prune takes what has no name, or with all every image, and says what it freed', async () => {
  const bench = await shelf()
  bench.later()
  await bench.build('one', lines, { files: { f: 'changed' } })
  await pruneBuildCache(bench.host)
  const [lost] = (await images(bench.host, { filters: ['dangling=true'] })).map(({ id }) => id)
  const first = await prune(bench.host)
  expect(first.removed).toEqual([{ deleted: lost }])
  expect(first.reclaimed).toBeGreaterThan(0)
  expect(await names(bench)).toEqual(['one:latest', 'two:latest'])
  expect(await faultsOf(bench.store.home)).toEqual([])
  const second = await prune(bench.host, { all: true })
  expect(second.removed.length).toBe(4)
  expect(bench.blobs()).toEqual([])
})

test('prune obeys its filters', async () => {
  const bench = hostBench()
  await bench.build('a', ['FROM scratch', 'LABEL keep=yes', 'COPY f /'], { files: { f: '' } })
  bench.later()
  await bench.build('b', ['FROM scratch', 'COPY f /b'])
  const pruned = (filters: string[]) => prune(bench.host, { all: true, filters: filters as ImageFilter[] })
  expect((await pruned(['label=keep=no'])).removed).toEqual([])
  expect((await pruned(['until=2h'])).removed).toEqual([])
  expect((await pruned(['label!=keep'])).removed[0]).toEqual({ untagged: 'b:latest' })
  expect(await names(bench)).toEqual(['a:latest'])
  for (const wrong of [['nonsense=1'], ['dangling=maybe'], ['dangling=true', 'dangling=false']])
    await expect(pruned(wrong)).rejects.toMatchObject({ code: 'FILTER_INVALID' })
  expect(await names(bench)).toEqual(['a:latest'])
})

test('the build cache goes, and what images need stays', async () => {
  const bench = hostBench()
  const { id } = await bench.build('app', lines, { files: { f: 'kept' } })
  await bench.build('lost', ['FROM scratch', 'COPY f /x'])
  const own = findImage(bench.store, 'lost').config.diffIds[0]!
  await remove(bench.host, { names: ['lost'] })
  expect(bench.store.blobs.has(own)).toBe(true)
  const { removed, reclaimed } = await pruneBuildCache(bench.host)
  expect(removed).toEqual([{ deleted: own }])
  expect(reclaimed).toBeGreaterThan(0)
  expect(findImage(bench.store, 'app').id).toBe(id)
  expect(await faultsOf(bench.store.home)).toEqual([])
  for (const kind of ['steps', 'latest', 'contexts'] as const) expect(bench.store.records.all(kind)).toEqual([])
  expect(bench.store.records.all('layers').length).toBe(1)
  expect((await bench.build('app', lines)).id).toBe(id)
})

test('filters of the build cache that mean nothing are refused', async () => {
  const bench = hostBench()
  await bench.build('app', lines, { files: { f: '' } })
  // The records are of now, the clock of this test is of then.
  expect((await pruneBuildCache(bench.host, { filters: ['until=1h'] })).removed).toEqual([])
  expect(bench.store.records.all('steps').length).toBe(1)
  for (const filter of ['label=x', 'until=soon', 'until'])
    await expect(pruneBuildCache(bench.host, { filters: [filter as CacheFilter] })).rejects.toMatchObject({
      code: 'FILTER_INVALID',
    })
})

test('while another process builds, what it made is not collected', async () => {
  const bench = hostBench()
  const release = bench.store.lease()
  await bench.build(undefined, lines, { files: { f: '' } })
  await pruneBuildCache(bench.host)
  await prune(bench.host, { all: true })
  expect(bench.blobs().length).toBe(3)
  release()
  await prune(bench.host, { all: true })
  expect(bench.blobs()).toEqual([])
})

test('the use of the disk adds up to what is on it', async () => {
  const bench = await shelf()
  await bench.build('three', ['FROM scratch', 'COPY g /three'])
  await remove(bench.host, { names: ['three'] })
  const usage = Object.fromEntries((await diskUsage(bench.host)).map((line) => [line.type, line]))
  const used = Number.parseInt(execFileSync('du', ['-s', '--block-size=1', bench.store.home], { encoding: 'utf8' }), 10)
  expect(usage['Images']).toMatchObject({ total: 2 })
  expect(usage['Images']!.size + usage['Build Cache']!.size).toBe(used)
  expect((await pruneBuildCache(bench.host)).reclaimed).toBeLessThanOrEqual(usage['Build Cache']!.reclaimable)
})
