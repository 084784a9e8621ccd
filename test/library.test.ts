import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { openTare, type Tare, TareError, type TareEvent } from '../src/index.ts'
import { flow } from '../src/support/index.ts'
import { faultsOf } from './kit/check-store.ts'
import { noise, openBench } from './kit/cli.ts'

// The library as a program of somebody else's uses it: nothing printed, no process ended, nothing left open.

async function openLibrary(
  files: Parameters<typeof openBench>[0] = { Dockerfile: 'FROM scratch\nCOPY a /\n', a: 'a' },
) {
  const bench = openBench(files)
  const tare = await openTare({ home: bench.home, environment: {} })
  return { ...bench, tare, from: { kind: 'directory', path: bench.context } as const }
}

test('opening it reads and makes nothing', async () => {
  const { tare, home } = await openLibrary()
  expect(tare.home).toBe(home)
  expect(await tare.images.list()).toEqual([])
  expect(existsSync(home)).toBe(false)
})

test('an image is built, listed, saved, loaded and removed; every answer is plain data', async () => {
  const { tare, from, folder, home } = await openLibrary()
  const built = await tare.build({ context: from, tags: ['app:1', 'team/app'], labels: { l: 'm' } })
  expect(built).toEqual({
    id: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
    digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    platform: expect.objectContaining({ os: 'linux' }),
    size: expect.any(Number),
    names: ['app:1', 'team/app:latest'],
    outputs: ['app:1', 'team/app:latest'].map((to) => expect.objectContaining({ kind: 'image', to })),
    warnings: [],
  })
  const [image] = await tare.images.list({ reference: 'app' })
  expect(image).toMatchObject({ id: built.id, repository: 'app', tag: '1', size: 1, labels: { l: 'm' } })
  expect(await tare.images.history('app:1')).toMatchObject([{ id: built.id, size: 1, tags: built.names }])
  const chunks: Uint8Array[] = []
  await tare.images.save({ names: ['app:1'], to: { write: async (chunk) => void chunks.push(chunk) } })
  const other = await openTare({ home: join(folder, 'other') })
  expect(await other.images.load({ from: { bytes: flow(...chunks) } })).toEqual([{ id: built.id, names: ['app:1'] }])
  expect((await other.images.inspect('app:1')).Id).toBe(built.id)
  expect(await tare.images.remove({ names: ['app:1', 'team/app'] })).toEqual([
    ...[{ untagged: 'app:1' }, { untagged: 'team/app:latest' }, { deleted: built.id }],
  ])
  expect(await faultsOf(home)).toEqual([])
})

test('events tell of every step, in order, and each step ends once', async () => {
  const { tare, from } = await openLibrary()
  const events: TareEvent[] = []
  await tare.build({ context: from, tags: ['x'], report: (event) => events.push(event) })
  const started = events.flatMap((event) => (event.type === 'step-started' ? [event.title] : []))
  expect(started).toContain('[1/1] COPY a /')
  for (let step = 1; step <= started.length; step++) {
    const ends = events.filter(
      (event) => 'step' in event && event.step === step && /step-(?:done|cached)/.test(event.type),
    )
    expect(ends.length, started[step - 1]).toBe(1)
  }
  expect(events.at(-1)).toMatchObject({ type: 'image', name: 'x:latest' })
  const again: TareEvent[] = []
  await tare.build({ context: from, report: (event) => again.push(event) })
  expect(again.map(({ type }) => type)).toContain('step-cached')
})

test('an error is a TareError with a code, a remedy and the line', async () => {
  const { tare } = await openLibrary()
  const dockerfile = { text: 'FROM scratch\nCOPY nothing /\n' }
  const error = await tare.build({ context: { kind: 'empty' }, dockerfile }).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(TareError)
  expect(error).toMatchObject({ code: 'COPY_SOURCE_MISSING', where: { line: 2 }, remedy: expect.any(String) })
  await expect(tare.images.inspect('nope')).rejects.toMatchObject({ code: 'IMAGE_UNKNOWN' })
})

describe('an AbortSignal', () => {
  const reason = new Error('enough')
  const large = { Dockerfile: 'FROM scratch\nCOPY large /\n', large: noise(120 << 20) }

  /** What the work rejects with that is aborted once it has called `begun`. */
  function aborted(work: (signal: AbortSignal, begun: () => void) => Promise<unknown>): Promise<unknown> {
    const controller = new AbortController()
    return work(controller.signal, () => controller.abort(reason)).then(
      () => 'done',
      (error: unknown) => error,
    )
  }

  test('that was fired before ends a verb before it begins', async () => {
    const { tare, from, home } = await openLibrary()
    const signal = AbortSignal.abort(reason)
    await expect(tare.build({ context: from, signal })).rejects.toBe(reason)
    await expect(tare.images.load({ from: { bytes: flow(noise(5000)) }, signal })).rejects.toBe(reason)
    await expect(tare.images.import({ from: { bytes: flow(noise(5000)) }, signal })).rejects.toBe(reason)
    expect(await tare.images.list()).toEqual([])
    expect(await faultsOf(home)).toEqual([])
  })

  test('ends a build in the middle of a step, and nothing stays', async () => {
    const { tare, from, home } = await openLibrary(large)
    const events: TareEvent[] = []
    const build = (signal: AbortSignal, begun: () => void) =>
      tare.build({
        ...{ context: from, tags: ['x'], signal },
        report: (event) => {
          events.push(event)
          if (event.type === 'step-started' && event.title.includes('COPY')) setImmediate(begun)
        },
      })
    expect(await aborted(build)).toBe(reason)
    expect(events.filter(({ type }) => type === 'image')).toEqual([])
    expect(await faultsOf(home)).toEqual([])
    await tare.build({ context: from, tags: ['x'] })
    expect(await faultsOf(home)).toEqual([])
  })

  test('ends save, which leaves no file, and load and import from a stream that never ends', async () => {
    const { tare, from, home, folder } = await openLibrary(large)
    await tare.build({ context: from, tags: ['x'] })
    const path = join(folder, 'x.tar')
    const save = async (signal: AbortSignal, begun: () => void) => {
      const saved = tare.images.save({ names: ['x'], to: { path }, signal })
      const look = () => (readdirSync(folder).length > 2 ? begun() : setImmediate(look))
      look()
      await saved
    }
    expect(await aborted(save)).toBe(reason)
    expect(readdirSync(folder).sort()).toEqual(['context', 'home'])
    for (const verb of [silentLoad, silentImport, silentBuild])
      expect(await aborted((signal, begun) => verb(tare, signal, begun))).toBe(reason)
    expect(await faultsOf(home)).toEqual([])
  })

  type Silent = (tare: Tare, signal: AbortSignal, begun: () => void) => Promise<unknown>
  const silentLoad: Silent = (tare, signal, begun) => tare.images.load({ from: { bytes: slow(begun) }, signal })
  const silentImport: Silent = (tare, signal, begun) => tare.images.import({ from: { bytes: slow(begun) }, signal })
  const silentBuild: Silent = (tare, signal, begun) =>
    tare.build({ context: { kind: 'stream', bytes: slow(begun) }, signal })

  async function* slow(begun: () => void) {
    for (let i = 0; ; i++) {
      await sleep(20)
      if (i === 2) begun()
      yield Buffer.alloc(512, 'x')
    }
  }
})

test('two of them in one process share a store', async () => {
  const { tare, from, home, context } = await openLibrary()
  const other = await openTare({ home })
  writeFileSync(join(context, 'other'), 'FROM scratch\nCOPY a /b\n')
  const builds = Array.from({ length: 6 }, (_, i) =>
    i % 2
      ? tare.build({ context: from, tags: [`app${i}`], noCache: true })
      : other.build({ context: from, tags: [`app${i}`], dockerfile: { path: join(context, 'other') } }),
  )
  await Promise.all([...builds, tare.images.prune(), other.cache.prune()])
  expect((await tare.images.list()).map(({ repository }) => repository).sort()).toEqual(
    Array.from({ length: 6 }, (_, i) => `app${i}`),
  )
  expect(await faultsOf(home)).toEqual([])
})
