import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openTare } from '../src/index.ts'
import { faultsOf } from './kit/check-store.ts'
import { noise, temporaryFolder, writeFiles } from './kit/cli.ts'
import { CuttingProxy } from './kit/cutting-proxy.ts'
import { hasRegistry, startRegistry } from './kit/docker-registry.ts'

// Two hundred pulls and two hundred pushes through a network that is cut at any byte: each ends whole, or fails clearly;
// and what can be seen afterwards is whole, here and there.

const times = 200
const atOnce = 16
// Set it to see a failure again.
const seed = Number(process.env['TARE_TEST_SEED'] ?? Date.now() % 2 ** 31)

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
function fateOf(i: number, total: number): { readonly fate: Fate; next(cuts: number): number } {
  const random = numbers((seed + i * 7919) % 2 ** 32)
  random()
  const dice = random()
  const first = Math.floor(random() * total)
  if (dice < 0.6) return { fate: 'cut once', next: (cuts) => (cuts === 0 ? first : Number.POSITIVE_INFINITY) }
  if (dice < 0.9) return { fate: 'cut again and again', next: () => Math.floor(random() * total * 1.5) }
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

async function prepare() {
  console.log(`TARE_TEST_SEED=${seed}`)
  const registry = await startRegistry()
  onTestFinished(() => registry.stop())
  const folder = temporaryFolder()
  const sizes = [300, 30_000, 90_000]
  const files = Object.fromEntries(sizes.map((size, i) => [`f${i}`, noise(size, `layer ${i}`)]))
  const context = { kind: 'directory', path: writeFiles(join(folder, 'context'), files) } as const
  const text = `FROM scratch\n${sizes.map((_, i) => `COPY f${i} /\n`).join('')}`
  const environment = { HOME: folder, ...nothingElse }
  const open = (name: string) => openTare({ home: join(folder, name), environment })
  const name = `${registry.host}/app:1`
  const tare = await open('whole')
  await tare.build({ context, dockerfile: { text }, tags: [name] })
  const { digest } = await tare.registry.push({ name })
  return { registry, folder, tare, open, name, digest }
}

describe.runIf(hasRegistry)('over a network that is cut at any byte', () => {
  test('two hundred pulls end whole or fail clearly, and the store shows nothing that is not', async () => {
    const { registry, folder, open, digest } = await prepare()
    const measure = await CuttingProxy.start(registry.host, () => Number.POSITIVE_INFINITY)
    await (await open('measured')).registry.pull({ name: `${measure.host}/app:1` })
    measure.stop()
    const ends = new Map<string, number>()
    await often(async (i) => {
      const { fate, next } = fateOf(i, measure.passed)
      const proxy = await CuttingProxy.start(registry.host, next)
      const tare = await open(`pull-${i}`)
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
    expect(ends.get('cut once: whole')).toBeGreaterThan(80)
    expect(ends.get('cut again and again: whole')).toBeGreaterThan(0)
    expect(ends.get('cut for good: REGISTRY_UNREACHABLE')).toBeGreaterThan(0)
    console.log(Object.fromEntries(ends))
  }, 120_000)

  test('two hundred pushes end whole or fail clearly, and the registry shows nothing that is not', async () => {
    const { registry, folder, tare, name, digest } = await prepare()
    const measure = await CuttingProxy.start(registry.host, () => Number.POSITIVE_INFINITY)
    await tare.images.tag(name, `${measure.host}/measured:1`)
    await tare.registry.push({ name: `${measure.host}/measured:1` })
    measure.stop()
    const ends = new Map<string, number>()
    await often(async (i) => {
      const { fate, next } = fateOf(i, measure.passed)
      const proxy = await CuttingProxy.start(registry.host, next)
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
      const there = await lookAt(registry.host, `push-${i}`)
      expect(there === undefined ? 'nothing' : there, about).toBe(
        end === 'whole' || there !== undefined ? digest : 'nothing',
      )
      if (fate === 'cut once') expect(end, about).toBe('whole')
      else expect(['whole', 'REGISTRY_UNREACHABLE'], about).toContain(end)
      ends.set(`${fate}: ${end}`, (ends.get(`${fate}: ${end}`) ?? 0) + 1)
    })
    expect(await faultsOf(join(folder, 'whole'))).toEqual([])
    expect(ends.get('cut once: whole')).toBeGreaterThan(80)
    expect(ends.get('cut again and again: whole')).toBeGreaterThan(0)
    expect(ends.get('cut for good: REGISTRY_UNREACHABLE')).toBeGreaterThan(0)
    console.log(Object.fromEntries(ends))
  }, 120_000)
})

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
