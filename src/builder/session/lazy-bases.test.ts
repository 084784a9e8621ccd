import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startBad } from '../../../test/kit/bad-registry-client.ts'
import { fetchesOf, pushBase } from '../../../test/kit/base-images.ts'
import { faultsOf } from '../../../test/kit/check-store.ts'
import { temporaryFolder, writeFiles } from '../../../test/kit/cli.ts'
import type { BuildOptions } from '../../api/index.ts'
import { mediaTypes } from '../../oci/index.ts'
import { openTare } from '../../verbs/library.ts'

/** A store, a base with /etc/passwd and /bin/tool in two layers, and builds on it. */
async function bench(options: { readonly docker?: boolean } = {}) {
  const registry = await startBad()
  const base = pushBase(registry, [{ 'etc/passwd': 'ada:x:7:8::/:\n' }, { 'bin/tool': 'tool' }], options)
  const home = temporaryFolder()
  const context = writeFiles(temporaryFolder(), { app: 'app' })
  const tare = await openTare({ home, environment: {} })
  const name = `${registry.host}/base:1`
  const build = (lines: readonly string[], more: Partial<BuildOptions> = {}) =>
    tare.build({
      context: { kind: 'directory', path: context },
      dockerfile: { text: lines.join('\n') },
      platforms: ['linux/amd64'],
      ...more,
    })
  return { registry, base, home, context, tare, name, build, fetches: () => fetchesOf(registry, base) }
}

test.each<[string, (name: string) => readonly string[], number]>([
  ['metadata', (name) => [`FROM ${name}`, 'ENV A=b', 'USER ada', 'CMD ["tool"]'], 0],
  ['COPY --link', (name) => [`FROM ${name}`, 'COPY --link --chown=1:2 app /app'], 0],
  ['ADD --link', (name) => [`FROM ${name}`, 'ADD --link app /app'], 0],
  ['COPY', (name) => [`FROM ${name}`, 'COPY app /app'], 2],
  ['COPY --link after it', (name) => [`FROM ${name}`, 'COPY app /app', 'COPY --link app /b'], 2],
  ['WORKDIR', (name) => [`FROM ${name}`, 'WORKDIR /work'], 2],
  ['COPY --from', (name) => ['FROM scratch', `COPY --from=${name} /bin/tool /tool`], 2],
  [
    'COPY --from a stage on it',
    (name) => [`FROM ${name} AS s`, 'COPY --link app /', 'FROM scratch', 'COPY --from=s /app /'],
    2,
  ],
])('%s: layers of the base are fetched only when a step looks at its files', async (_, lines, count) => {
  const { name, build, fetches, home } = await bench()
  await build(lines(name))
  expect(fetches()).toBe(count)
  expect(await faultsOf(home)).toEqual([])
})

test('an image is the same whether its base was here or not', async () => {
  const epoch = { environment: { SOURCE_DATE_EPOCH: '1700000000' }, rewriteTimestamp: true }
  const [lazy, eager] = [await bench(), await bench()]
  const lines = ['COPY --link app /app', 'ENV A=b']
  const one = await lazy.build([`FROM ${lazy.name}`, ...lines], epoch)
  await eager.tare.registry.pull({ name: eager.name })
  const two = await eager.build([`FROM ${eager.name}`, ...lines], epoch)
  expect(one.id).toBe(two.id)
  expect((await lazy.build([`FROM ${lazy.name}`, ...lines], { ...epoch, load: true })).digest).toBe(two.digest)
  expect(lazy.fetches()).toBe(2)
})

test('a base of a registry is remembered without a name, and the next build asks only what its tag means', async () => {
  const { name, build, tare, registry, fetches, base } = await bench()
  await build([`FROM ${name}`, 'LABEL a=b'])
  expect(await tare.images.list({ reference: `${registry.host}/base` })).toEqual([])
  const asked = registry.requests.length
  await build([`FROM ${name}`, 'LABEL a=c'])
  expect(registry.requests.slice(asked)).toEqual(['GET /v2/', 'HEAD /v2/base/manifests/1'])
  await build([`FROM ${name}`, 'COPY app /app'])
  expect(fetches()).toBe(2)
  const before = registry.requests.length
  expect(await tare.registry.pull({ name })).toMatchObject({ upToDate: false, digest: base.digest })
  expect(registry.requests.slice(before)).toEqual(['GET /v2/', 'HEAD /v2/base/manifests/1'])
  const details = await tare.images.inspect(name)
  expect(details.RootFS.Layers).toEqual(base.diffIds)
  expect(details.RepoDigests).toEqual([`${registry.host}/base@${base.digest}`])
  expect(await tare.registry.pull({ name })).toMatchObject({ upToDate: true })
})

test('pull brings what a build has left in the registry', async () => {
  const { name, build, tare, fetches, home } = await bench()
  await build([`FROM ${name}`, 'LABEL a=b'])
  expect(await tare.registry.pull({ name })).toMatchObject({ upToDate: false })
  expect(fetches()).toBe(2)
  expect((await tare.images.list({ filters: ['dangling=true'] })).length).toBe(1)
  expect(await faultsOf(home)).toEqual([])
})

test.each([{ docker: false }, { docker: true }])(
  'a push to the registry of the base mounts its layers, and no byte of them is read: %j',
  async (options) => {
    const { name, build, tare, registry, fetches, base } = await bench(options)
    await build([`FROM ${name}`, 'COPY --link app /app', 'CMD ["/app"]'], { tags: [`${registry.host}/app:1`] })
    const { layers, digest } = await tare.registry.push({ name: `${registry.host}/app:1` })
    expect(layers.map(({ how }) => how)).toEqual(['existing', 'existing', 'uploaded'])
    expect(fetches()).toBe(0)
    const manifest = JSON.parse(registry.manifests.get(digest)!.bytes.toString())
    expect(manifest.layers.slice(0, 2).map((layer: { digest: string }) => layer.digest)).toEqual(
      base.layers.map((layer) => layer.digest),
    )
    expect(new Set(manifest.layers.map((layer: { mediaType: string }) => layer.mediaType))).toEqual(
      new Set([mediaTypes.layerGzip]),
    )
    const other = await openTare({ home: temporaryFolder(), environment: {} })
    await other.registry.pull({ name: `${registry.host}/app:1` })
    expect((await other.images.inspect(`${registry.host}/app:1`)).RootFS.Layers).toHaveLength(3)
  },
)

test('the base itself goes on under another name with its digest', async () => {
  const { name, build, tare, registry, fetches, base } = await bench({ docker: true })
  await build([`FROM ${name}`, 'COPY app /app'])
  await tare.registry.pull({ name })
  await tare.images.tag(name, `${registry.host}/mine:1`)
  expect(await tare.registry.push({ name: `${registry.host}/mine:1` })).toMatchObject({ digest: base.digest })
  expect(fetches()).toBe(2)
})

test('another registry gets the layers of the base as they are', async () => {
  const { name, build, tare, fetches, base } = await bench()
  const other = await startBad()
  await build([`FROM ${name}`, 'LABEL a=b'], { tags: [`${other.host}/app:1`] })
  const { layers } = await tare.registry.push({ name: `${other.host}/app:1` })
  expect(layers.map(({ digest }) => digest)).toEqual(base.layers.map(({ digest }) => digest))
  expect(layers.map(({ how }) => how)).toEqual(['uploaded', 'uploaded'])
  expect(fetches()).toBe(2)
  // So it does when they rest here, and when they are there already nothing is moved.
  const again = await bench()
  pushBase(again.registry, [{ 'etc/passwd': 'ada:x:7:8::/:\n' }, { 'bin/tool': 'tool' }])
  await again.build([`FROM ${again.name}`, 'COPY app /app'], { tags: [`${other.host}/app:2`] })
  const more = await again.tare.registry.push({ name: `${other.host}/app:2` })
  expect(more.layers.map(({ how }) => how)).toEqual(['existing', 'existing', 'uploaded'])
  expect(again.fetches()).toBe(2)
})

test('layers that rest here go on without the registry that they came from', async () => {
  const { name, build, tare, base, registry } = await bench()
  const other = await startBad()
  const app = `${other.host}/app:1`
  await build([`FROM ${name}`, 'COPY app /app'], { tags: [app] })
  registry.blobs.clear()
  const { layers } = await tare.registry.push({ name: app })
  expect(layers.map(({ how }) => how)).toEqual(['uploaded', 'uploaded', 'uploaded'])
  expect(layers.slice(0, 2).map(({ diffId }) => diffId)).toEqual(base.diffIds)
})

test('a push with --force-compression fetches the layers and squeezes them as it was told', async () => {
  const { name, build, tare, registry, base, fetches } = await bench()
  const app = `${registry.host}/app:1`
  await build([`FROM ${name}`, 'LABEL a=b'], { tags: [app] })
  const { digest, layers } = await tare.registry.push({ name: app, compression: 'zstd', forceCompression: true })
  expect(fetches()).toBe(2)
  expect(layers.map(({ diffId }) => diffId)).toEqual(base.diffIds)
  const manifest = JSON.parse(registry.manifests.get(digest)!.bytes.toString())
  expect(manifest.layers.map((layer: { mediaType: string }) => layer.mediaType)).toEqual([
    mediaTypes.layerZstd,
    mediaTypes.layerZstd,
  ])
})

test.each(['docker', 'oci'] as const)(
  'what is saved (%s) is whole, and so is the image in the store afterwards',
  async (format) => {
    const { name, build, tare, home, fetches, base } = await bench()
    const { id } = await build([`FROM ${name}`, 'LABEL a=b'], { tags: ['app:1', 'app:2'] })
    const path = join(temporaryFolder(), 'app.tar')
    await tare.images.save({ names: ['app:1'], to: { path }, format })
    const other = await openTare({ home: temporaryFolder(), environment: {} })
    expect(await other.images.load({ from: { path } })).toMatchObject([{ id }])
    expect(fetches()).toBe(2)
    await tare.images.save({ names: ['app:2'], to: { path }, format })
    expect(fetches()).toBe(2)
    const { manifests } = JSON.parse(readFileSync(join(home, 'index.json'), 'utf8'))
    const named = manifests.filter(({ annotations }: { annotations: Record<string, string> }) =>
      annotations['org.opencontainers.image.ref.name']?.includes('/app:'),
    )
    expect(new Set(named.map(({ digest }: { digest: string }) => digest)).size).toBe(1)
    const blob = readFileSync(join(home, 'blobs', named[0].digest.replace(':', '/')), 'utf8')
    expect(JSON.parse(blob).layers.map((layer: { digest: string }) => layer.digest)).toEqual(base.diffIds)
    expect(await faultsOf(home)).toEqual([])
  },
)

test('a copy to a layout or an archive is whole', async () => {
  const { name, build, tare, base, fetches } = await bench()
  await build([`FROM ${name}`, 'LABEL a=b'], { tags: ['app:1'] })
  const place = join(temporaryFolder(), 'layout')
  await tare.registry.copy({ from: 'store:app:1', to: `oci:${place}:1` })
  expect(fetches()).toBe(2)
  expect(await faultsOf(place)).toEqual([])
  expect(base.diffIds.every((diffId) => readFileSync(join(place, 'blobs', diffId.replace(':', '/'))).length > 0)).toBe(
    true,
  )
})

test('several platforms of one base stay in the registry, too', async () => {
  const { name, build, tare, registry, base, fetches, home } = await bench()
  const { digest } = await build([`FROM ${name}`, 'LABEL a=b'], {
    tags: ['app:1'],
    platforms: ['linux/amd64', 'linux/arm64'],
  })
  await tare.images.tag('app:1', `${registry.host}/app:1`)
  await tare.registry.push({ name: `${registry.host}/app:1` })
  expect(fetches()).toBe(0)
  expect((await tare.images.list({ reference: 'app' })).map((image) => image.digest)).toEqual([digest])
  const path = join(temporaryFolder(), 'app.tar')
  await tare.images.save({ names: ['app:1'], to: { path }, format: 'oci' })
  expect(fetches()).toBe(base.layers.length)
  expect(await faultsOf(home)).toEqual([])
})

test('what a remembered step needs of a base that is gone is not fetched', async () => {
  const { name, build, tare, home, base, fetches } = await bench()
  const lines = [`FROM ${name}`, 'WORKDIR /work', 'COPY app .']
  const from = ['FROM scratch', `COPY --from=${name} /bin/tool /tool`]
  const first = await build(lines, { tags: ['app:1'] })
  const copied = await build(from, { tags: ['copied:1'] })
  const layersOf = async (image: string) => (await tare.images.inspect(image)).RootFS.Layers
  const before = [await layersOf(first.id), await layersOf(copied.id)]
  rmSync(join(home, 'tare', 'bases'), { recursive: true })
  await tare.images.remove({ names: ['app:1', 'copied:1', first.id, copied.id], force: true })
  expect(base.diffIds.some((diffId) => existsSync(join(home, 'blobs', diffId.replace(':', '/'))))).toBe(false)
  const again = [await build(lines), await build(from)]
  expect([await layersOf(again[0]!.id), await layersOf(again[1]!.id)]).toEqual(before)
  expect(fetches()).toBe(2)
})

test('pruning leaves the layers of such an image that rest here', async () => {
  const { name, build, tare, fetches } = await bench()
  await build([`FROM ${name}`, 'LABEL a=b'], { tags: ['app:1'] })
  await build([`FROM ${name}`, 'COPY app /app'])
  await tare.images.prune()
  await tare.cache.prune()
  await tare.images.save({ names: ['app:1'], to: { path: join(temporaryFolder(), 'app.tar') } })
  expect(fetches()).toBe(2)
})

test('a registry that is gone is told of when a layer is needed, and nothing is lost', async () => {
  const { name, build, tare, registry, home } = await bench()
  await build([`FROM ${name}`, 'LABEL a=b'], { tags: ['app:1'] })
  registry.blobs.clear()
  const path = join(temporaryFolder(), 'app.tar')
  const failed = { code: 'LAYER_UNREACHABLE', message: expect.stringContaining(registry.host) }
  await expect(tare.images.save({ names: ['app:1'], to: { path } })).rejects.toMatchObject(failed)
  expect(() => readFileSync(path)).toThrow('ENOENT')
  await expect(build([`FROM ${name}`, 'COPY app /'])).rejects.toMatchObject({ ...failed, where: { line: 1 } })
  expect(await tare.images.inspect('app:1')).toBeTruthy()
  expect(await faultsOf(home)).toEqual([])
})
