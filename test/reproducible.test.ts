import { chmodSync, cpSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { openQuickBench } from './kit/call-tare.ts'
import { type Bench, isRoot, ordinaryUser, type RunOptions } from './kit/cli.ts'

// SOURCE_DATE_EPOCH: the same image from the same files, wherever, whenever and by whomever.

const epoch = 1_700_000_000
const env = { SOURCE_DATE_EPOCH: String(epoch) }
const files = {
  Dockerfile: 'FROM scratch\nWORKDIR /srv\nCOPY app app\nCOPY data /var/lib/data/\nENV A=1\nCMD ["/srv/app"]\n',
  'app/main': { content: 'main', mode: 0o755 },
  'app/lib/a': 'a',
  data: 'data',
}

/** Gives every file of the bench the same time: what git or an archive would. */
function date(bench: Bench, seconds: number): Bench {
  for (const name of ['app/main', 'app/lib/a', 'app/lib', 'app', 'data', 'Dockerfile'])
    utimesSync(join(bench.context, name), seconds, seconds)
  return bench
}

const build = (bench: Bench, flags: readonly string[] = [], options: RunOptions = {}) =>
  bench.succeed(['build', '-q', '-t', 'x', ...flags, 'context'], { env, ...options })

test('the id is the same from two stores, two folders, two times and two users', async () => {
  const one = date(openQuickBench(files), 1_600_000_000)
  const two = date(openQuickBench(files), 1_600_000_000)
  chmodSync(two.folder, 0o777)
  // Without --rewrite-timestamp, folders that COPY makes by itself have the time of the clock, as Docker's.
  const flags = ['--rewrite-timestamp']
  const first = await build(one, flags)
  await sleep(1100)
  expect(await build(two, flags, isRoot ? { user: ordinaryUser } : {})).toBe(first)
  expect(await build(two, ['--no-cache', ...flags], { home: join(two.folder, 'third') })).toBe(first)
  cpSync(one.context, join(one.folder, 'context2'), { recursive: true, preserveTimestamps: true })
  expect(await one.succeed(['build', '-q', ...flags, 'context2'], { env })).toBe(first)
  await one.succeed(['save', '-o', '1.tar', 'x'])
  await two.succeed(['save', '-o', '2.tar', 'x'])
  expect(readFileSync(join(one.folder, '1.tar')).equals(readFileSync(join(two.folder, '2.tar')))).toBe(true)
})

test('with --rewrite-timestamp also where the files are younger than the epoch', async () => {
  const flags = ['--rewrite-timestamp']
  const first = await build(date(openQuickBench(files), epoch + 1000), flags)
  expect(await build(date(openQuickBench(files), epoch + 2_000_000), flags)).toBe(first)
})

test('a file’s own time is part of the image where it is not rewritten', async () => {
  const plain = { ...files, Dockerfile: 'FROM scratch\nCOPY data /\n' }
  const ids = []
  for (const seconds of [1_600_000_000, 1_600_000_001, 1_600_000_000])
    ids.push(await build(date(openQuickBench(plain), seconds)))
  expect(ids[0]).toBe(ids[2])
  expect(ids[0]).not.toBe(ids[1])
})

test('a build argument of that name is the same as the variable', async () => {
  const plain = { ...files, Dockerfile: 'FROM scratch\nCOPY data /\n' }
  const first = await build(date(openQuickBench(plain), 1_600_000_000))
  const second = date(openQuickBench(plain), 1_600_000_000)
  expect(await build(second, ['--build-arg', `SOURCE_DATE_EPOCH=${epoch}`], { env: {} })).toBe(first)
})

describe('the times of an image', () => {
  interface Config {
    readonly created: string
    readonly history: readonly { readonly created: string }[]
  }
  const configOf = ({ home }: Bench, id: string): Config =>
    JSON.parse(readFileSync(join(home, 'blobs', id.trim().replace(':', '/')), 'utf8'))

  test('are the epoch’s; those of a base that is older stay', async () => {
    const bench = openQuickBench({ ...files, child: 'FROM x\nCOPY data /again\nLABEL a=b\n' })
    const base = configOf(bench, await build(bench, [], { env: { SOURCE_DATE_EPOCH: '1600000000' } }))
    expect(new Set([base.created, ...base.history.map(({ created }) => created)])).toEqual(
      new Set(['2020-09-13T12:26:40Z']),
    )
    const child = configOf(bench, await bench.succeed(['build', '-q', '-f', 'context/child', 'context'], { env }))
    expect(child.created).toBe('2023-11-14T22:13:20Z')
    expect(child.history.map(({ created }) => created)).toEqual([
      ...base.history.map(() => '2020-09-13T12:26:40Z'),
      ...['2023-11-14T22:13:20Z', '2023-11-14T22:13:20Z'],
    ])
  })

  test('without an epoch are the clock’s, and a rebuild that is all remembered keeps them', async () => {
    const bench = openQuickBench(files)
    const before = Date.now()
    const id = await build(bench, [], { env: {} })
    const { created, history } = configOf(bench, id)
    expect(Date.parse(created)).toBeGreaterThanOrEqual(before - 1)
    expect(Date.parse(created)).toBeLessThanOrEqual(Date.now())
    expect(history.at(-1)!.created).toBe(created)
    await sleep(20)
    expect(await build(bench, [], { env: {} })).toBe(id)
    expect(await build(bench, ['--no-cache'], { env: {} })).not.toBe(id)
  })

  test('an epoch that is no number is refused', async () => {
    const bench = openQuickBench(files)
    const { code, err } = await bench.tare(['build', 'context'], { env: { SOURCE_DATE_EPOCH: 'yesterday' } })
    expect(code).toBe(1)
    expect(err).toMatch(/SOURCE_DATE_EPOCH.*yesterday|yesterday.*SOURCE_DATE_EPOCH/)
  })

  test('a change of content alone changes only its own layer', async () => {
    const bench = date(
      openQuickBench({ ...files, Dockerfile: 'FROM scratch\nCOPY app /app\nCOPY data /\n' }),
      1_600_000_000,
    )
    const layers = async () =>
      JSON.parse(await bench.succeed(['inspect', '-f', '{{json .RootFS.Layers}}', 'x'])) as string[]
    await build(bench)
    const first = await layers()
    writeFileSync(join(bench.context, 'data'), 'changed')
    await build(bench)
    const second = await layers()
    expect(second[0]).toBe(first[0])
    expect(second[1]).not.toBe(first[1])
  })
})
