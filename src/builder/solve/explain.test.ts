import { chmodSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { pushBase } from '../../../test/kit/base-images.ts'
import { type BuildBench, type Built, buildBench, registryOfTest } from '../../../test/kit/build-bench.ts'
import { temporaryFolder } from '../../../test/kit/cli.ts'
import type { BuildOptions } from '../../api/index.ts'

/** Why each step was executed or not, by title. */
function whys({ events }: Built): Record<string, string> {
  const titles = new Map(
    events.flatMap((event) => (event.type === 'step-started' ? [[event.step, event.title]] : [])) as [number, string][],
  )
  return Object.fromEntries(
    events.flatMap((event) =>
      event.type === 'step-explained' ? [[titles.get(event.step)!.replace(/^\[.*?\] /, ''), event.why]] : [],
    ),
  )
}

const files = { a: 'a', 'd/x': 'x', 'd/y': 'y' }

interface Case {
  readonly lines?: readonly string[]
  readonly options?: Partial<BuildOptions>
  readonly change?: (bench: BuildBench) => void
  readonly next?: readonly string[]
  readonly thenOptions?: Partial<BuildOptions>
}

/** Builds, changes something, and builds again with --explain. */
async function explained({ lines = ['FROM scratch', 'COPY d /d'], options, change, next, thenOptions }: Case) {
  const bench = await buildBench(files)
  await bench.build(lines, options)
  change?.(bench)
  return whys(await bench.build(next ?? lines, { ...options, ...thenOptions, explain: true }))
}

const at = ({ folder }: BuildBench, path: string) => join(folder, path)
const [x, y, X] = ['2d711642b726', 'a1fce4363854', '4b68ab3847fe']

test.each<[string, Case, Record<string, string>]>([
  [
    'a file with other contents',
    { change: (bench) => writeFileSync(at(bench, 'd/x'), 'X') },
    { 'COPY d /d': `the file d/x changed from sha256:${x} (1 byte) to sha256:${X} (1 byte)` },
  ],
  [
    'a new file',
    { change: (bench) => writeFileSync(at(bench, 'd/z'), 'x') },
    { 'COPY d /d': `the file d/z is new: sha256:${x} (1 byte)` },
  ],
  [
    'a file that is gone',
    { change: (bench) => rmSync(at(bench, 'd/y')) },
    { 'COPY d /d': `the file d/y is gone; it was sha256:${y} (1 byte)` },
  ],
  [
    'another mode',
    { change: (bench) => chmodSync(at(bench, 'd/x'), 0o755) },
    { 'COPY d /d': 'the mode of d/x changed from 0644 to 0755' },
  ],
  [
    'a file that is a link now',
    {
      change: (bench) => {
        rmSync(at(bench, 'd/x'))
        symlinkSync('y', at(bench, 'd/x'))
      },
    },
    { 'COPY d /d': 'd/x was a file and is a link now' },
  ],
  [
    'a flag',
    { next: ['FROM scratch', 'COPY --chmod=0600 d /d'] },
    {
      'COPY --chmod=0600 d /d': '--chmod is new: "0600"',
    },
  ],
  [
    'another destination',
    { next: ['FROM scratch', 'COPY d /e'] },
    { 'COPY d /e': 'never built here; nearest: COPY d /d; the destination changed from "/d" to "/e"' },
  ],
  [
    'a step before it',
    { lines: ['FROM scratch', 'COPY a /', 'COPY d /d'], change: (bench) => writeFileSync(at(bench, 'a'), 'A') },
    {
      'COPY a /': 'the file a changed from sha256:ca978112ca1b (1 byte) to sha256:559aead08264 (1 byte)',
      'COPY d /d': 'the step before it has another result: COPY a /',
    },
  ],
  [
    'a step before it that was not there',
    { next: ['FROM scratch', 'COPY a /', 'COPY d /d'] },
    {
      'COPY a /': 'never built here',
      'COPY d /d': 'the step before it is another: COPY a /',
    },
  ],
  [
    'the time of a WORKDIR',
    {
      lines: ['FROM scratch', 'WORKDIR /w'],
      options: { environment: { SOURCE_DATE_EPOCH: '1000' } },
      thenOptions: { environment: { SOURCE_DATE_EPOCH: '2000' } },
    },
    { 'WORKDIR /w': 'the SOURCE_DATE_EPOCH changed from "1000" to "2000"' },
  ],
  ['--no-cache', { thenOptions: { noCache: true } }, { 'COPY d /d': 'the cache is not used (--no-cache)' }],
  [
    '--no-cache-filter',
    { lines: ['FROM scratch AS one', 'COPY d /d'], thenOptions: { noCacheFilter: ['one'] } },
    { 'COPY d /d': 'the cache is not used for the stage one (--no-cache-filter)' },
  ],
  ['another kind of step', { next: ['FROM scratch', 'WORKDIR /w'] }, { 'WORKDIR /w': 'never built here' }],
])('%s is named as the reason', async (_, change, why) => {
  expect(await explained(change)).toEqual(why)
})

test('a result that is gone from the store is told as that', async () => {
  const why = await explained({
    change: ({ home }) => {
      for (const name of readdirSync(join(home, 'blobs/sha256'))) rmSync(join(home, 'blobs/sha256', name))
    },
  })
  expect(why).toEqual({
    'COPY d /d': expect.stringMatching(/^it was built here, but its layer sha256:[0-9a-f]{12} is gone or damaged$/),
  })
})

test('a base that has moved is told with both digests', async () => {
  const registry = await registryOfTest()
  const first = pushBase(registry, [{ one: 'one' }])
  const bench = await buildBench(files)
  const lines = [`FROM ${registry.host}/base:1`, 'COPY d /d']
  await bench.build(lines)
  const second = pushBase(registry, [{ one: 'two' }])
  const [from, to] = [first, second].map(({ digest }) => digest.slice(0, 19))
  expect(whys(await bench.build(lines, { explain: true }))).toEqual({
    'COPY d /d': `the base ${registry.host}/base:1 moved from ${from} to ${to}`,
  })
})

test('what is remembered says where from, and when it was made', async () => {
  const path = join(temporaryFolder(), 'cache')
  const lines = ['FROM scratch', 'COPY d /d']
  const bench = await buildBench(files)
  await bench.build(lines, { cacheTo: [{ type: 'local', path }] })
  const time = String.raw`\d{4}-\d\d-\d\dT[\d:.]+Z`
  expect(whys(await bench.build(lines, { explain: true }))).toEqual({
    'COPY d /d': expect.stringMatching(new RegExp(`^remembered from this store, made at ${time}$`)),
  })
  const other = await buildBench(files)
  expect(whys(await other.build(lines, { explain: true, cacheFrom: [{ type: 'local', path }] }))).toEqual({
    'COPY d /d': expect.stringMatching(new RegExp(`^remembered from the cache ${path}, made at ${time}$`)),
  })
})

test('a step that only an imported cache knows is explained with what that tells', async () => {
  const path = join(temporaryFolder(), 'cache')
  const lines = ['FROM scratch', 'COPY d /d']
  await (await buildBench(files)).build(lines, { cacheTo: [{ type: 'local', path }] })
  const other = await buildBench({ ...files, 'd/x': 'X' })
  expect(whys(await other.build(lines, { explain: true, cacheFrom: [{ type: 'local', path }] }))).toEqual({
    'COPY d /d': `the file d/x changed from sha256:${x} (1 byte) to sha256:${X} (1 byte)`,
  })
})

test('the first build of all is told as that', async () => {
  const bench = await buildBench(files)
  expect(whys(await bench.build(['FROM scratch', 'COPY d /d'], { explain: true }))).toEqual({
    'COPY d /d': 'never built here',
  })
})
