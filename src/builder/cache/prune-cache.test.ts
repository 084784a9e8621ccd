import { expect, test } from 'vitest'
import { buildBench, registryOfTest } from '../../../test/kit/build-bench.ts'
import { placeImage } from '../../../test/kit/registry-images.ts'

/** Sets the day of the steps in the cache that were exported first. */
function age(registry: Awaited<ReturnType<typeof registryOfTest>>, named: string): void {
  const { type, bytes } = registry.manifests.get('cache')!
  const manifest = JSON.parse(bytes.toString()) as { config: { digest: string; size: number } }
  const config = JSON.parse(registry.blobs.get(manifest.config.digest)!.toString()) as { steps: { named: string }[] }
  for (const step of config.steps) step.named = named
  const older = Buffer.from(JSON.stringify(config))
  manifest.config = { ...manifest.config, digest: registry.addBlob(older), size: older.length }
  registry.addManifest(type, manifest, 'cache')
}

test('what no export has named for long goes, and manifests that were replaced are deleted', async () => {
  const registry = await registryOfTest()
  const cache = { type: 'registry', ref: `${registry.host}/app:cache` } as const
  const first = await buildBench({ a: 'a' })
  await first.build(['FROM scratch', 'COPY a /'], { cacheTo: [cache] })
  age(registry, '2026-01-01')
  const second = await buildBench({ b: 'b' })
  await second.build(['FROM scratch', 'COPY b /'], { cacheTo: [cache] })
  const result = await second.tare.cache.pruneShared({ cache, keepFor: '14d' })
  expect(result).toMatchObject({ kept: 1, removed: 1 })
  expect(registry.countOf('DELETE ')).toBe(2)
  expect(result.left).toEqual([])
  const read = async (name: string) =>
    (await buildBench({ [name]: name })).build(['FROM scratch', `COPY ${name} /`], { cacheFrom: [cache] })
  expect((await read('a')).cached).toEqual([])
  expect((await read('b')).cached.length).toBe(1)
})

test('what the registry does not delete is told, and tried again next time', async () => {
  let refuses = true
  const registry = await registryOfTest({
    interfere: (request, response) => {
      if (request.method !== 'DELETE' || !refuses) return false
      response.writeHead(405).end('{"errors":[{"code":"UNSUPPORTED","message":"The operation is unsupported."}]}')
      return true
    },
  })
  const cache = { type: 'registry', ref: `${registry.host}/app:cache` } as const
  const bench = await buildBench({ a: 'a', b: 'b' })
  await bench.build(['FROM scratch', 'COPY a /'], { cacheTo: [cache] })
  await bench.build(['FROM scratch', 'COPY b /'], { cacheTo: [cache] })
  const result = await bench.tare.cache.pruneShared({ cache, keepFor: '14d' })
  expect(result).toMatchObject({ kept: 2, removed: 0, deleted: [], left: [expect.stringMatching(/^sha256:/)] })
  expect(result.why).toMatch(/unsupported/)
  refuses = false
  expect(await bench.tare.cache.pruneShared({ cache, keepFor: '14d' })).toMatchObject({
    left: [],
    deleted: [expect.stringMatching(/^sha256:/)],
  })
})

test('only a cache is pruned', async () => {
  const registry = await registryOfTest()
  placeImage(registry, {}, 'cache')
  const { tare } = await buildBench()
  for (const tag of ['cache', 'none'])
    await expect(
      tare.cache.pruneShared({ cache: { type: 'registry', ref: `${registry.host}/app:${tag}` }, keepFor: '1d' }),
    ).rejects.toMatchObject({ code: 'CACHE_REFUSED' })
})
