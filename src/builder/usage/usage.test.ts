import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { buildBench } from '../../../test/kit/build-bench.ts'
import { noise } from '../../../test/kit/cli.ts'
import { createHost } from '../../images/index.ts'
import { openTare, tareOf } from '../../verbs/library.ts'
import { type CacheObject, chooseObjects, readObjectFilters } from './index.ts'

const now = new Date('2026-01-02T03:04:05Z')
const hour = 3_600_000

function object(id: string, size: number, hoursAgo: number, more: Partial<CacheObject> = {}): CacheObject {
  const lastUsed = now.getTime() - hoursAgo * hour
  return { id, type: 'regular', description: id, size, lastUsed, inUse: false, isImages: false, ...more }
}

const all = [
  object('sha256:new', 10, 1),
  object('sha256:old', 20, 100),
  object('mount', 30, 50, { type: 'exec.cachemount' }),
  object('sha256:needed', 40, 200, { inUse: true, isImages: true }),
]
const usage = { objects: all, images: 40, cache: 60 }

test.each<[string, readonly string[], Parameters<typeof chooseObjects>[2], number, readonly string[]]>([
  ['everything without a bound', [], {}, 0, ['sha256:old', 'mount', 'sha256:new']],
  ['nothing if the cache is small enough', [], { maxUsedSpace: 60 }, 0, []],
  ['the oldest, as much as is needed', [], { maxUsedSpace: 45 }, 0, ['sha256:old']],
  ['more if that is not enough', [], { maxUsedSpace: 30 }, 0, ['sha256:old', 'mount']],
  ['as much as the disk needs', [], { minFreeSpace: 100 }, 95, ['sha256:old']],
  ['nothing if the disk has enough', [], { minFreeSpace: 100 }, 100, []],
  ['down to what is reserved', [], { reservedSpace: 40 }, 0, ['sha256:old']],
  ['never below what is reserved', [], { reservedSpace: 50, maxUsedSpace: 0 }, 0, ['sha256:old']],
  ['what was not used since', ['until=24h'], {}, 0, ['sha256:old', 'mount']],
  ['one type', ['type=exec.cachemount'], {}, 0, ['mount']],
  ['any of two types', ['type=regular', 'type=exec.cachemount'], {}, 0, ['sha256:old', 'mount', 'sha256:new']],
  ['all but one type', ['type!=regular'], {}, 0, ['mount']],
  ['one id', ['id=old'], {}, 0, ['sha256:old']],
  ['ids by a pattern', ['id~=^sha256:(old|new)$'], {}, 0, ['sha256:old', 'sha256:new']],
  ['nothing that is in use', ['inuse'], {}, 0, []],
  ['what is not in use', ['inuse=false', 'type=regular'], {}, 0, ['sha256:old', 'sha256:new']],
])('pruning removes %s', (_, filters, bounds, free, ids) => {
  expect(chooseObjects(usage, readObjectFilters(filters, now), bounds, free).map(({ id }) => id)).toEqual(ids)
})

test.each(['type=none', 'colour=red', 'until=yesterday-ish', 'id', 'inuse=perhaps', 'id~=('])(
  '%s is no filter',
  (filter) => {
    expect(() => readObjectFilters([filter], now)).toThrow(expect.objectContaining({ code: 'FILTER_INVALID' }))
  },
)

/** What du says of a folder, in bytes. */
const du = (folder: string) => Number(execFileSync('du', ['-sk', folder], { encoding: 'utf8' }).split('\t')[0]) * 1024

test('builder du, system df and du of the folder agree', async () => {
  const files = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`f${i}`, `${i}`]))
  const bench = await buildBench({ ...files, big: noise(3_000_000) })
  await bench.build(['FROM scratch', 'COPY f* /f/', 'COPY big /'], { tags: ['app'] })
  await bench.build(['FROM scratch', 'COPY f1 f2 /'])
  for (let i = 0; i < 20; i++) await bench.build(['FROM scratch', `COPY f${i} /`])
  const total = du(bench.home)
  const usage = await bench.tare.cache.usage()
  const df = (await bench.tare.diskUsage()).reduce((sum, { size }) => sum + size, 0)
  expect(Math.abs(usage.total - total)).toBeLessThan(total / 100)
  expect(Math.abs(df - total)).toBeLessThan(total / 100)
  expect(usage.objects.find(({ description }) => description === 'COPY big /')).toMatchObject({ inUse: true })
  expect((await bench.tare.cache.usage({ filters: ['type=internal'] })).objects.map(({ id }) => id)).toEqual([
    'records',
  ])
})

test('TARE_CACHE_LIMIT removes what was not used for longest, and never what a name needs', async () => {
  const home = join((await buildBench()).folder, 'home')
  const environment = { TARE_CACHE_LIMIT: '1MB' }
  const limited = await openTare({ home, environment })
  const { folder } = await buildBench(
    Object.fromEntries(['a', 'b', 'c', 'd'].map((name) => [name, noise(600_000, name)])),
  )
  const build = async (tare: typeof limited, name: string, tags: string[] = []) =>
    tare.build({
      context: { kind: 'directory', path: folder },
      dockerfile: { text: `FROM scratch\nCOPY ${name} /\n` },
      tags,
    })
  const free = await openTare({ home, environment: { TARE_CACHE_LIMIT: '0' } })
  await build(free, 'd', ['app'])
  for (const name of ['a', 'b', 'c']) {
    await build(free, name)
    for (const image of await free.images.list({ filters: ['dangling=true'] }))
      await free.images.remove({ names: [image.id], force: true })
  }
  const verified = join(home, 'tare/verified')
  for (const place of [verified, join(home, 'blobs/sha256')])
    for (const name of readdirSync(place)) utimesSync(join(place, name), 1000, 1000)
  writeFileSync(join(folder, 'e'), 'e')
  await build(limited, 'e')
  await build(limited, 'e')
  const { objects } = await limited.cache.usage({ filters: ['type=regular'] })
  const told = objects.filter(({ size }) => size > 500_000).map(({ description }) => description)
  expect(told).toContain('COPY d /')
  expect(told.length).toBeLessThanOrEqual(2)
  await expect(
    (await openTare({ home, environment: { TARE_CACHE_LIMIT: 'lots' } })).build({ context: { kind: 'empty' } }),
  ).rejects.toMatchObject({
    code: 'OPTION_INVALID',
  })
})

test('a store far below its limit is not measured after each build, and one near it is', async () => {
  const { folder } = await buildBench({ a: 'a', b: 'b', c: 'c', d: 'd', e: 'e' })
  const home = join(folder, 'home')
  let time = now.getTime()
  const build = async (file: string, limit?: string) => {
    const environment = limit === undefined ? {} : { TARE_CACHE_LIMIT: limit }
    const tare = tareOf({ ...createHost({ home, environment }), now: () => new Date(time) })
    await tare.build({
      context: { kind: 'directory', path: folder },
      dockerfile: { text: `FROM scratch\nCOPY ${file} /\n` },
      ...{ tags: [file] },
    })
    return JSON.parse(readFileSync(join(home, 'tare/usage.json'), 'utf8'))
  }
  const first = await build('a', '5GB')
  expect(first.bytes).toBeGreaterThan(1000)
  time += 60_000
  expect(await build('b', '5GB')).toEqual(first)
  // Within a gigabyte of the limit, what others do on the disk may hide how the store grows.
  const near = await build('c', '900MB')
  expect(near.at).toBe(time)
  time += 3_600_001
  expect((await build('d', '5GB')).at).toBe(time)
  writeFileSync(join(home, 'tare/usage.json'), JSON.stringify({ bytes: 4.5e9, free: 0, at: time }))
  expect((await build('e', '5GB')).bytes).toBeLessThan(1e9)
})
