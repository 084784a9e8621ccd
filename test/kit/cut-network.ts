import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createHost } from '../../src/images/index.ts'
import { tareOf } from '../../src/verbs/library.ts'
import { faultsOf } from './check-store.ts'
import { noise, temporaryFolder, writeFiles } from './cli.ts'
import { CuttingProxy } from './cutting-proxy.ts'
import { runs } from './scale.ts'

// Two hundred pulls and two hundred pushes through a network that is cut at any byte: each ends whole, or fails clearly;
// and what can be seen afterwards is whole, here and there.

const times = runs(200)
const atOnce = 16
// Another with each `npm run soak`; set it to see a failure again.
const seed = Number(process.env['TARE_TEST_SEED'] ?? 1)

/** Numbers of chance from 0 to 1, the same for the same seed. */
function numbers(start: number): () => number {
  let state = start
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32
    return state / 2 ** 32
  }
}

type Fate = 'cut once' | 'cut again and again' | 'cut for good'

/** When to cut the way number `i`, on which about `total` bytes pass. */
function fateOf(i: number, total: number, mostCuts: number): { readonly fate: Fate; next(cuts: number): number } {
  const random = numbers((seed + i * 7919) % 2 ** 32)
  random()
  const first = Math.floor(random() * total)
  if (i % 10 < 6) return { fate: 'cut once', next: (cuts) => (cuts === 0 ? first : Number.POSITIVE_INFINITY) }
  if (i % 10 < 9)
    return {
      fate: 'cut again and again',
      next: (cuts) => (cuts < mostCuts ? Math.floor(random() * total * 1.5) : Number.POSITIVE_INFINITY),
    }
  return { fate: 'cut for good', next: (cuts) => (cuts === 0 ? first : 0) }
}

/** Does it `times` times, some side by side. */
async function often(act: (i: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async () => {
    for (let i = next++; i < times; i = next++) await act(i)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

const nothingElse = { CONTAINERS_REGISTRIES_CONF: '/dev/null' }

/** Starts a registry for as long as the test runs. */
type Start = () => Promise<{ readonly host: string }>

async function prepare(start: Start) {
  console.log(`TARE_TEST_SEED=${seed}`)
  const registry = await start()
  const folder = temporaryFolder()
  const sizes = [300, 30_000, 90_000]
  const files = Object.fromEntries(sizes.map((size, i) => [`f${i}`, noise(size, `layer ${i}`)]))
  const context = { kind: 'directory', path: writeFiles(join(folder, 'context'), files) } as const
  const text = `FROM scratch\n${sizes.map((_, i) => `COPY f${i} /\n`).join('')}`
  const environment = { HOME: folder, ...nothingElse }
  // The waits between tries are not what is tried here.
  const open = (name: string) => tareOf({ ...createHost({ home: join(folder, name), environment }), retryDelay: 5 })
  const name = `${registry.host}/app:1`
  const tare = open('whole')
  await tare.build({ context, dockerfile: { text }, tags: [name] })
  const { digest } = await tare.registry.push({ name })
  return { registry, folder, tare, open, name, digest }
}

/**
 * The tests of it. `shared`: the registry keeps its repositories apart, so that all pushes may go to one; and it sorts out
 * what of a broken upload comes late, so that there may be any number of cuts.
 */
export function overCutNetwork(start: Start, { shared }: { readonly shared: boolean }): void {
  const mostCuts = shared ? Number.POSITIVE_INFINITY : 8
  test('pulls end whole or fail clearly, and the store shows nothing that is not', async () => {
    const { registry, folder, open, digest } = await prepare(start)
    const measure = await CuttingProxy.start(registry.host, () => Number.POSITIVE_INFINITY)
    await open('measured').registry.pull({ name: `${measure.host}/app:1` })
    measure.stop()
    const ends = new Map<string, number>()
    await often(async (i) => {
      const { fate, next } = fateOf(i, measure.passed, mostCuts)
      const proxy = await CuttingProxy.start(registry.host, next)
      const tare = open(`pull-${i}`)
      const name = `${proxy.host}/app:1`
      const end = await tare.registry.pull({ name }).then(
        (result) => {
          expect(result).toMatchObject({ digest, upToDate: false })
          return 'whole'
        },
        (error: { code?: string }) => error.code ?? String(error),
      )
      proxy.stop()
      const about = `pull ${i}, ${fate} (${proxy.cuts} times), seed ${seed}`
      expect(await faultsOf(join(folder, `pull-${i}`)), about).toEqual([])
      expect(await tare.images.list(), about).toHaveLength(end === 'whole' ? 1 : 0)
      if (fate === 'cut once') expect(end, about).toBe('whole')
      else expect(['whole', 'REGISTRY_UNREACHABLE'], about).toContain(end)
      ends.set(`${fate}: ${end}`, (ends.get(`${fate}: ${end}`) ?? 0) + 1)
    })
    expect(ends.get('cut once: whole')).toBeGreaterThan(0.4 * times)
    expect(ends.get('cut again and again: whole')).toBeGreaterThan(0)
    expect(ends.get('cut for good: REGISTRY_UNREACHABLE')).toBeGreaterThan(0)
    console.log(Object.fromEntries(ends))
  })

  test('pushes end whole or fail clearly, and the registry shows nothing that is not', async () => {
    const { registry, folder, tare, name, digest } = await prepare(start)
    const measure = await CuttingProxy.start(registry.host, () => Number.POSITIVE_INFINITY)
    await tare.images.tag(name, `${measure.host}/measured:1`)
    await tare.registry.push({ name: `${measure.host}/measured:1` })
    measure.stop()
    const ends = new Map<string, number>()
    await often(async (i) => {
      const { fate, next } = fateOf(i, measure.passed, mostCuts)
      const target = shared ? registry : await start()
      const proxy = await CuttingProxy.start(target.host, next)
      const to = `${proxy.host}/push-${i}:1`
      await tare.images.tag(name, to)
      const end = await tare.registry.push({ name: to }).then(
        (result) => {
          expect(result.digest).toBe(digest)
          return 'whole'
        },
        (error: { code?: string }) => error.code ?? String(error),
      )
      proxy.stop()
      const about = `push ${i}, ${fate} (${proxy.cuts} times), seed ${seed}`
      const there = await lookAt(target.host, `push-${i}`)
      expect(there === undefined ? 'nothing' : there, about).toBe(
        end === 'whole' || there !== undefined ? digest : 'nothing',
      )
      if (fate === 'cut once') expect(end, about).toBe('whole')
      else expect(['whole', 'REGISTRY_UNREACHABLE'], about).toContain(end)
      ends.set(`${fate}: ${end}`, (ends.get(`${fate}: ${end}`) ?? 0) + 1)
    })
    expect(await faultsOf(join(folder, 'whole'))).toEqual([])
    expect(ends.get('cut once: whole')).toBeGreaterThan(0.4 * times)
    expect(ends.get('cut again and again: whole')).toBeGreaterThan(0)
    expect(ends.get('cut for good: REGISTRY_UNREACHABLE')).toBeGreaterThan(0)
    console.log(Object.fromEntries(ends))
  })
}

/** The digest of what the registry has under `repository:1`, of which every blob was read; undefined where there is nothing. */
async function lookAt(host: string, repository: string): Promise<string | undefined> {
  const get = (path: string) =>
    fetch(`http://${host}/v2/${repository}/${path}`, {
      headers: { Accept: 'application/vnd.oci.image.manifest.v1+json' },
    })
  const found = await get('manifests/1')
  if (found.status === 404) return undefined
  const digestOf = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`
  const bytes = Buffer.from(await found.arrayBuffer())
  const { config, layers } = JSON.parse(bytes.toString('utf8')) as Record<string, { digest: string }[]>
  for (const { digest } of [config, layers].flat() as { digest: string }[]) {
    const blob = Buffer.from(await (await get(`blobs/${digest}`)).arrayBuffer())
    if (digestOf(blob) !== digest) return `${digest} is not whole`
  }
  return digestOf(bytes)
}
