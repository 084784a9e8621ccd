import { expect, test } from 'vitest'
import { buildBench, registryOfTest } from '../../../test/kit/build-bench.ts'

const lines = [
  'FROM scratch AS build',
  'COPY a /a',
  'FROM scratch',
  'COPY --from=build /a /',
  'COPY b /',
  'WORKDIR /work',
]
const files = { a: 'a', b: 'b' }

test('an image that holds its cache is the cache of another store, under its own name', async () => {
  const registry = await registryOfTest()
  const name = `${registry.host}/app:1`
  const [first, plain] = [await buildBench(files), await buildBench(files)]
  const built = await first.build(lines, { tags: [name], cacheTo: [{ type: 'inline' }] })
  await first.tare.registry.push({ name })
  expect((await plain.build(lines)).image.id).not.toBe(built.image.id)
  const cacheFrom = [{ type: 'registry', ref: name }] as const
  const second = await buildBench(files)
  const again = await second.build(lines, { cacheFrom, cacheTo: [{ type: 'inline' }] })
  expect(again.image.id).toBe(built.image.id)
  // The first stage is not in the image.
  expect(again.cached.length).toBe(3)
  expect(again.warnings).toEqual([])
})

test('BUILDKIT_INLINE_CACHE=1 does the same, and a base’s cache is not taken over', async () => {
  const registry = await registryOfTest()
  const bench = await buildBench(files)
  const [flag, argument] = [
    await bench.build(lines, { cacheTo: [{ type: 'inline' }] }),
    await bench.build(lines, { tags: ['base'], buildArgs: { BUILDKIT_INLINE_CACHE: '1' } }),
  ]
  expect(argument.image.id).toBe(flag.image.id)
  const config = async (name: string) => {
    await bench.tare.images.tag(name, `${registry.host}/${name}:1`)
    await bench.tare.registry.push({ name: `${registry.host}/${name}:1` })
    return bench.tare.registry.config({ name: `${registry.host}/${name}:1` })
  }
  expect(await config('base')).toContain('"dev.tare.cache.v1"')
  await bench.build(['FROM base', 'COPY b /c'], { tags: ['child'] })
  expect(await config('child')).not.toContain('dev.tare.cache.v1')
})

test('an image for several platforms has the cache of each', async () => {
  const registry = await registryOfTest()
  const name = `${registry.host}/app:1`
  const platforms = ['linux/amd64', 'linux/arm64']
  const first = await buildBench(files)
  await first.build(lines, { tags: [name], platforms, cacheTo: [{ type: 'inline' }] })
  await first.tare.registry.push({ name })
  const { cached } = await (await buildBench(files)).build(lines, {
    platforms,
    cacheFrom: [{ type: 'registry', ref: name }],
  })
  expect(cached.filter((title) => title.includes('COPY b'))).toHaveLength(2)
})
