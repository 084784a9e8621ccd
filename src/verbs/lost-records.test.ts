import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startBad } from '../../test/kit/bad-registry-client.ts'
import { fetchesOf, pushBase, pushImpostor, pushIndex } from '../../test/kit/base-images.ts'
import { faultsOf } from '../../test/kit/check-store.ts'
import { temporaryFolder, writeFiles } from '../../test/kit/cli.ts'
import type { BuildOptions } from '../api/index.ts'
import { openTare } from './library.ts'

// `tare/` in the store is a cache: whatever was done before it is lost, every verb goes on as if it were there.

async function bench() {
  const registry = await startBad()
  const base = pushBase(registry, [{ 'etc/passwd': 'ada:x:7:8::/:\n' }, { tool: 'tool' }])
  const home = temporaryFolder()
  const tare = await openTare({ home, environment: {} })
  const context = { kind: 'directory', path: writeFiles(temporaryFolder(), { app: 'app' }) } as const
  const name = `${registry.host}/base:1`
  const build = (lines: readonly string[], more: Partial<BuildOptions> = {}) =>
    tare.build({
      ...{ context, dockerfile: { text: lines.join('\n') }, platforms: ['linux/amd64'] },
      ...{ environment: { SOURCE_DATE_EPOCH: '1700000000' }, rewriteTimestamp: true },
      ...more,
    })
  const lose = () => rmSync(join(home, 'tare'), { recursive: true })
  const pushedAs = async (image: string, more = {}) => (await tare.registry.push({ name: image, ...more })).digest
  return { registry, base, home, tare, name, build, lose, pushedAs, fetches: () => fetchesOf(registry, base) }
}

type Bench = Awaited<ReturnType<typeof bench>>

/** Everything that shows or moves `image`, and what it comes to. */
async function look({ tare, home }: Bench, image: string) {
  const path = join(temporaryFolder(), 'image.tar')
  const layout = join(temporaryFolder(), 'layout')
  const { RepoDigests, RootFS, Id } = await tare.images.inspect(image)
  await tare.images.save({ names: [image], to: { path } })
  await tare.images.save({ names: [image], to: { path }, format: 'oci' })
  const copied = await tare.registry.copy({ from: `store:${image}`, to: `oci:${layout}:1` })
  return {
    ...{ RepoDigests, layers: RootFS.Layers, Id, copied: copied.digest },
    listed: (await tare.images.list({ reference: image })).map(({ digest, size }) => [digest, size]),
    history: await tare.images.history(image),
    manifest: await tare.registry.manifest({ name: image, local: true }),
    digest: await tare.registry.digest({ name: image, local: true }),
    config: await tare.registry.config({ name: image, local: true, platform: 'linux/amd64' }),
    faults: await faultsOf(home),
  }
}

test.each<[string, (at: Bench) => Promise<string>]>([
  [
    'was pulled',
    async ({ tare, name }) => {
      await tare.registry.pull({ name, platform: 'linux/amd64' })
      return name
    },
  ],
  [
    'was pulled by its digest',
    async ({ tare, base, registry }) => {
      const name = `${registry.host}/base@${base.digest}`
      await tare.registry.pull({ name, platform: 'linux/amd64' })
      return name
    },
  ],
  [
    'was pulled and tagged',
    async ({ tare, name, registry }) => {
      await tare.registry.pull({ name, platform: 'linux/amd64' })
      await tare.images.tag(name, `${registry.host}/base:tagged`)
      return `${registry.host}/base:tagged`
    },
  ],
  [
    'was pulled for all platforms',
    async ({ tare, registry }) => {
      pushIndex(registry, ['amd64', 'arm64'], { tag: 'many' })
      await tare.registry.pull({ name: `${registry.host}/base:many`, allPlatforms: true })
      return `${registry.host}/base:many`
    },
  ],
  [
    'was copied into the store',
    async ({ tare, name }) => {
      await tare.registry.copy({ from: name, to: 'store:copied:1' })
      return 'copied:1'
    },
  ],
  [
    'was built on a base that was never fetched',
    async ({ build, name, registry }) => {
      await build([`FROM ${name}`, 'LABEL a=b'], { tags: [`${registry.host}/app:lazy`] })
      return `${registry.host}/app:lazy`
    },
  ],
  [
    'was built for several platforms on bases that were never fetched',
    async ({ build, registry }) => {
      pushIndex(registry, ['amd64', 'arm64'], { tag: 'many' })
      const platforms = ['linux/amd64', 'linux/arm64']
      await build([`FROM ${registry.host}/base:many`, 'LABEL a=b'], { tags: [`${registry.host}/app:both`], platforms })
      return `${registry.host}/app:both`
    },
  ],
  [
    'was built and pushed',
    async ({ build, name, registry, tare }) => {
      await build([`FROM ${name}`, 'COPY app /app'], { tags: [`${registry.host}/app:pushed`] })
      await tare.registry.push({ name: `${registry.host}/app:pushed`, compression: 'zstd' })
      return `${registry.host}/app:pushed`
    },
  ],
])('an image that %s is the same everywhere after tare/ is lost', async (_, make) => {
  const [kept, lost] = [await bench(), await bench()]
  const images = [await make(kept), await make(lost)]
  lost.lose()
  const hide = (text: unknown, at: Bench) => JSON.stringify(text).replaceAll(at.registry.host, 'HOST')
  expect(hide(await look(lost, images[1]!), lost)).toBe(hide(await look(kept, images[0]!), kept))
  lost.lose()
  const push = (at: Bench, image: string) => at.pushedAs(`${at.registry.host}/pushed:1`, { image })
  expect(await push(lost, images[1]!)).toBe(await push(kept, images[0]!))
  expect(await faultsOf(lost.home)).toEqual([])
})

test('a pulled image goes on to another registry with its digest, and a pull of it finds it current', async () => {
  const { tare, name, base, lose, pushedAs, fetches } = await bench()
  const other = await startBad()
  await tare.registry.pull({ name, platform: 'linux/amd64' })
  await tare.images.tag(name, `${other.host}/mine:1`)
  lose()
  expect(await tare.registry.pull({ name, platform: 'linux/amd64' })).toMatchObject({ upToDate: true })
  lose()
  const before = fetches()
  expect(await pushedAs(`${other.host}/mine:1`)).toBe(base.digest)
  expect(fetches() - before).toBe(2)
})

test('an image on a base that was never fetched can be run, built upon, loaded whole and pushed', async () => {
  const { build, name, registry, lose, pushedAs, fetches, base, tare } = await bench()
  const app = `${registry.host}/app:lazy`
  await build([`FROM ${name}`, 'LABEL a=b'], { tags: [app] })
  lose()
  await pushedAs(app)
  expect(fetches()).toBe(0)
  lose()
  await build([`FROM ${app}`, 'COPY app /app'])
  expect(fetches()).toBe(2)
  lose()
  await tare.images.prune()
  const { id } = await build([`FROM ${app}`, 'COPY app /more'], { load: true })
  expect((await tare.images.inspect(id)).RootFS.Layers.slice(0, 2)).toEqual(base.diffIds)
})

test('what was pushed stays as it is: layers of zstd that we made, and no others', async () => {
  const { build, name, registry, lose, tare, pushedAs } = await bench()
  const app = `${registry.host}/app:1`
  await tare.registry.pull({ name, platform: 'linux/amd64' })
  await build([`FROM ${name}`, 'COPY app /app'], { tags: [app] })
  const zstd = await pushedAs(app, { compression: 'zstd' })
  lose()
  expect(await pushedAs(app)).toBe(zstd)
  lose()
  const gzip = await pushedAs(app, { compression: 'gzip' })
  expect(gzip).not.toBe(zstd)
  const { layers } = JSON.parse(registry.manifests.get(gzip)!.bytes.toString('utf8'))
  expect(layers.map(({ mediaType }: { mediaType: string }) => mediaType.slice(-4))).toEqual(['gzip', 'gzip', 'gzip'])
})

test('a claim is still only a claim', async () => {
  const { build, name, registry, lose, tare, base } = await bench()
  pushImpostor(registry, base, { 'etc/passwd': 'root::0:0::/:\n' }, 'evil')
  const app = `${registry.host}/app:1`
  await tare.registry.pull({ name, platform: 'linux/amd64' })
  await tare.registry.pull({ name: `${registry.host}/base:evil`, platform: 'linux/amd64' })
  await build([`FROM ${name}`, 'COPY app /app'], { tags: [app] })
  lose()
  const { layers } = await tare.registry.push({ name: app })
  expect(layers.slice(0, 2).map(({ digest }) => digest)).toEqual(base.layers.map(({ digest }) => digest))
})

test('pruning and removing leave what the images need', async () => {
  const at = await bench()
  const { tare, name, lose, build, home } = at
  await tare.registry.pull({ name, platform: 'linux/amd64' })
  await build([`FROM ${name}`, 'COPY app /app'], { tags: ['app'] })
  const before = await look(at, name)
  lose()
  await tare.cache.prune()
  await tare.images.prune()
  await tare.images.remove({ names: ['app'] })
  expect(await tare.diskUsage()).toBeTruthy()
  lose()
  expect(await look(at, name)).toEqual(before)
  expect(await faultsOf(home)).toEqual([])
})

test('a store of an earlier version is used: its facts are records, and its builds have named their bases', async () => {
  const at = await bench()
  const { tare, home, name, build, base, registry, pushedAs } = at
  await tare.registry.pull({ name, platform: 'linux/amd64' })
  pushBase(registry, [{ rev: '1' }], { tag: 'lazy', labels: { rev: '1' } })
  const lazy = `${registry.host}/base:lazy`
  await build([`FROM ${lazy}`, 'LABEL a=b'], { tags: [`${registry.host}/app:1`] })
  downgrade(home, registry.host, lazy)
  expect((await tare.images.inspect(name)).RepoDigests).toEqual([`${registry.host}/base@${base.digest}`])
  expect(await tare.registry.pull({ name, platform: 'linux/amd64' })).toMatchObject({ upToDate: true })
  expect(await pushedAs(name)).toBe(base.digest)
  // The base that only a build has named is asked for again.
  const rev = async (more = {}) =>
    (await tare.images.inspect((await build([`FROM ${lazy}`], more)).id)).Config.Labels?.['rev']
  expect(await rev()).toBe('1')
  pushBase(registry, [{ rev: '2' }], { tag: 'lazy', labels: { rev: '2' } })
  expect(await rev()).toBe('2')
  // What was pulled is as it was.
  pushBase(registry, [{ f: 'newer' }])
  const { id } = await build([`FROM ${name}`])
  expect((await tare.images.inspect(id)).RootFS.Layers).toEqual(base.diffIds)
  await tare.images.save({ names: [`${registry.host}/app:1`], to: { path: join(temporaryFolder(), 'a.tar') } })
  expect(await faultsOf(home)).toEqual([])
})

/** Makes of the store what the version before would have left: facts in records, and the lazily read base under its name. */
function downgrade(home: string, host: string, lazy: string): void {
  const index = JSON.parse(readFileSync(join(home, 'index.json'), 'utf8'))
  const originals = join(home, 'tare', 'originals')
  mkdirSync(originals, { recursive: true })
  const place = `${host}/base`
  for (const entry of index.manifests) {
    const known = entry.annotations['dev.tare.pulled-as']
    if (known !== undefined) {
      const { manifest } = JSON.parse(known)
      writeFileSync(join(originals, entry.digest.slice(7)), JSON.stringify({ manifest, root: manifest, place }))
    }
    for (const key of ['dev.tare.pulled-as', 'dev.tare.based-on']) delete entry.annotations[key]
  }
  const [record] = readdirSync(join(home, 'tare', 'bases'))
  const { manifest, root } = JSON.parse(readFileSync(join(home, 'tare', 'bases', record!), 'utf8'))
  writeFileSync(join(originals, manifest.digest.slice(7)), JSON.stringify({ manifest, root, place }))
  index.manifests.push({ ...manifest, annotations: { 'org.opencontainers.image.ref.name': lazy } })
  writeFileSync(join(home, 'index.json'), JSON.stringify(index))
  rmSync(join(home, 'tare', 'bases'), { recursive: true })
  for (const name of readdirSync(join(home, 'tare', 'origins'))) {
    const path = join(home, 'tare', 'origins', name)
    const all = JSON.parse(readFileSync(path, 'utf8')) as { checked?: boolean }[]
    writeFileSync(path, JSON.stringify(all.map(({ checked: _, ...rest }) => rest)))
  }
  expect(existsSync(join(home, 'tare', 'bases'))).toBe(false)
}
