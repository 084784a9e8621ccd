import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startBad } from '../../test/kit/bad-registry-client.ts'
import { pushBase, pushImpostor } from '../../test/kit/base-images.ts'
import { temporaryFolder, writeFiles } from '../../test/kit/cli.ts'
import { openTare } from '../verbs/library.ts'

const files = [{ 'etc/passwd': 'ada:x:7:8::/:\n' }, { tool: 'tool' }]

/** A store, an image whose layers are what its config says, and one that only claims to have its first layer. */
async function bench() {
  const registry = await startBad()
  const good = pushBase(registry, files, { tag: 'good' })
  const evil = pushImpostor(registry, good, { 'etc/passwd': 'root::0:0::/:\n' }, 'evil')
  const home = temporaryFolder()
  const context = { kind: 'directory', path: writeFiles(temporaryFolder(), { app: 'app' }) } as const
  const tare = await openTare({ home, environment: {} })
  const name = (tag: string) => `${registry.host}/base:${tag}`
  const build = (lines: readonly string[], tag?: string) =>
    tare.build({
      ...{ context, dockerfile: { text: lines.join('\n') }, platforms: ['linux/amd64'] },
      ...(tag === undefined ? {} : { tags: [tag] }),
    })
  const pushedLayers = async (image: string) => {
    const { digest } = await tare.registry.push({ name: image })
    const { layers } = JSON.parse(registry.manifests.get(digest)!.bytes.toString('utf8'))
    return layers.map((layer: { digest: string }) => layer.digest)
  }
  return { registry, good, evil, home, tare, name, build, pushedLayers, claimed: evil.layers[0]!.digest }
}

type Bench = Awaited<ReturnType<typeof bench>>

test.each<[string, (bench: Bench) => Promise<unknown>]>([
  ['builds on it without a look', ({ build, name }) => build([`FROM ${name('evil')}`, 'LABEL a=b'])],
  ['is only linked onto', ({ build, name }) => build([`FROM ${name('evil')}`, 'COPY --link app /b'])],
  ['looks at its files', ({ build, name }) => build([`FROM ${name('evil')}`, 'COPY app /c'])],
  ['pulls it', ({ tare, name }) => tare.registry.pull({ name: name('evil') })],
  ['copies it into the store', ({ tare, name }) => tare.registry.copy({ from: name('evil'), to: 'store:evil:1' })],
  [
    'pushes what is built on it',
    async ({ build, name, registry, tare }) => {
      await build([`FROM ${name('evil')}`, 'LABEL a=b'], `${registry.host}/base:more`)
      await tare.registry.push({ name: `${registry.host}/base:more` })
    },
  ],
  [
    'pulls, tags and pushes it',
    async ({ tare, name, registry }) => {
      await tare.registry.pull({ name: name('evil') })
      await tare.images.tag(name('evil'), `${registry.host}/base:again`)
      await tare.registry.push({ name: `${registry.host}/base:again` })
    },
  ],
])('an image keeps its checked layers when somebody %s: another image only claims to have them', async (_, meet) => {
  const at = await bench()
  const { build, name, pushedLayers, registry, good, tare } = at
  await tare.registry.pull({ name: name('good') })
  await build([`FROM ${name('good')}`, 'COPY app /app'], `${registry.host}/app:1`)
  await meet(at)
  const expected = good.layers.map(({ digest }) => digest)
  expect((await pushedLayers(`${registry.host}/app:1`)).slice(0, 2)).toEqual(expected)
  await tare.images.tag(name('good'), `${registry.host}/mine:1`)
  expect(await pushedLayers(`${registry.host}/mine:1`)).toEqual(expected)
  expect(await tare.registry.push({ name: name('good') })).toMatchObject({ digest: good.digest })
  // The same holds where the facts are all that is left.
  expect((await tare.images.inspect(name('good'))).RepoDigests).toContain(`${registry.host}/base@${good.digest}`)
})

test('what was pushed of an image on an impostor can never hold the impostor’s files', async () => {
  const { build, name, registry, tare } = await bench()
  await tare.registry.pull({ name: name('good') })
  await build([`FROM ${name('evil')}`, 'COPY app /app'], `${registry.host}/app:1`)
  await tare.registry.push({ name: `${registry.host}/app:1` })
  const other = await openTare({ home: temporaryFolder(), environment: {} })
  await other.registry.pull({ name: `${registry.host}/app:1`, platform: 'linux/amd64' })
  expect((await other.images.inspect(`${registry.host}/app:1`)).RootFS.Layers).toHaveLength(3)
})

test.each<[string, readonly string[]]>([
  ['COPY', ['COPY app /app']],
  ['WORKDIR', ['WORKDIR /w']],
])('%s on a base whose layer is not what its config says fails, and nothing of it is kept', async (_, lines) => {
  const { build, name, home } = await bench()
  await expect(build([`FROM ${name('evil')}`, ...lines])).rejects.toMatchObject({ code: 'BLOB_CORRUPT' })
  expect(readdirSync(home)).not.toContain('index.json')
})

test('a claim that was checked counts for every image', async () => {
  const { build, name, pushedLayers, registry, good } = await bench()
  await build([`FROM ${name('good')}`, 'LABEL a=b'])
  await build([`FROM ${name('good')}`, 'COPY app /app'], `${registry.host}/app:1`)
  expect((await pushedLayers(`${registry.host}/app:1`)).slice(0, 2)).toEqual(good.layers.map(({ digest }) => digest))
})

test('records of an earlier version, which do not say what was checked, are claims', async () => {
  const { build, name, pushedLayers, registry, good, home, claimed, evil } = await bench()
  await build([`FROM ${name('good')}`, 'COPY app /app'], `${registry.host}/app:1`)
  const folder = join(home, 'tare', 'origins')
  const record = join(folder, good.diffIds[0]!.slice('sha256:'.length))
  const [known] = JSON.parse(readFileSync(record, 'utf8'))
  const places = [`${registry.host}/base`]
  writeFileSync(
    record,
    JSON.stringify([
      { blob: evil.layers[0], places },
      { blob: known.blob, places },
    ]),
  )
  const layers = await pushedLayers(`${registry.host}/app:1`)
  expect(layers).not.toContain(claimed)
  expect(layers).toHaveLength(3)
})

test('an image that is loaded is not what an impostor with its config was pulled as', async () => {
  const { tare, name, good, evil, registry, pushedLayers, claimed } = await bench()
  const path = join(temporaryFolder(), 'good.tar')
  await tare.registry.pull({ name: name('good') })
  await tare.images.tag(name('good'), `${registry.host}/loaded:1`)
  await tare.images.save({ names: [`${registry.host}/loaded:1`], to: { path } })
  await tare.registry.pull({ name: name('evil') })
  await tare.images.remove({ names: [name('good'), `${registry.host}/loaded:1`] })
  await tare.images.load({ from: { path } })
  expect(await pushedLayers(`${registry.host}/loaded:1`)).not.toContain(claimed)
  // Nor what it was pushed as, in another form.
  await tare.registry.push({ name: name('evil'), format: 'docker' })
  await tare.images.load({ from: { path } })
  expect(await pushedLayers(`${registry.host}/loaded:1`)).not.toContain(claimed)
  // By its ID, it is the image that is sure.
  const { id } = (await tare.images.list())[0]!
  await tare.registry.copy({ from: `store:${id}`, to: `docker://${registry.host}/by-id:1` })
  const { layers } = JSON.parse(await tare.registry.manifest({ name: `${registry.host}/by-id:1` }))
  expect(layers[0].digest).not.toBe(evil.layers[0]!.digest)
  expect(good.layers).toHaveLength(layers.length)
})

test('an image that makes a claim is pushed unchanged, and no other image uses the claim', async () => {
  const { tare, name, evil, registry, pushedLayers } = await bench()
  await tare.registry.pull({ name: name('good') })
  await tare.registry.pull({ name: name('evil') })
  await tare.images.tag(name('evil'), `${registry.host}/evil:1`)
  expect(await pushedLayers(`${registry.host}/evil:1`)).toEqual(evil.layers.map(({ digest }) => digest))
})
