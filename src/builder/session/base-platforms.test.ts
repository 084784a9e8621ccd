import { expect, test } from 'vitest'
import { startBad } from '../../../test/kit/bad-registry-client.ts'
import { pushBase, pushIndex } from '../../../test/kit/base-images.ts'
import { temporaryFolder, writeFiles } from '../../../test/kit/cli.ts'
import type { BuildOptions } from '../../api/index.ts'
import { Store } from '../../content/store/index.ts'
import type { TareEvent } from '../../support/index.ts'
import { openTare } from '../../verbs/library.ts'

/** A registry with an index of three platforms, and a store that knows nothing of it. */
async function bench(architectures = ['amd64', 'arm64', 's390x']) {
  const registry = await startBad()
  const index = pushIndex(registry, architectures)
  const home = temporaryFolder()
  const tare = await openTare({ home, environment: {} })
  const context = { kind: 'directory', path: writeFiles(temporaryFolder(), { app: 'app' }) } as const
  const name = `${registry.host}/base:1`
  const events: TareEvent[] = []
  const build = (lines: readonly string[], platforms: readonly string[], more: Partial<BuildOptions> = {}) =>
    tare.build({
      ...{ context, dockerfile: { text: lines.join('\n') }, platforms },
      report: (event) => events.push(event),
      ...more,
    })
  const rules = () => events.flatMap((event) => (event.type === 'warning' ? [event.rule] : []))
  /** What the image has in /arch, or where the line says. */
  const layersOf = async (id: string) => (await tare.images.inspect(id)).RootFS.Layers
  return { registry, index, home, tare, context, name, build, rules, layersOf }
}

const one = (at: Awaited<ReturnType<typeof bench>>, architecture: string) =>
  at.index.bases[['amd64', 'arm64', 's390x'].indexOf(architecture)]!.diffIds

test.each(['amd64', 'arm64', 's390x'])(
  'after a pull for amd64, a build for %s is on the image for it',
  async (wanted) => {
    const at = await bench()
    await at.tare.registry.pull({ name: at.name, platform: 'linux/amd64' })
    const { id, platform } = await at.build([`FROM ${at.name}`, 'LABEL a=b'], [`linux/${wanted}`])
    expect(await at.layersOf(id)).toEqual(one(at, wanted))
    expect(platform).toMatchObject({ architecture: wanted })
    // What was pulled keeps its name.
    expect((await at.tare.images.inspect(at.name)).Architecture).toBe('amd64')
    expect(at.rules()).toEqual([])
  },
)

test.each<[string, (name: string) => readonly string[], Partial<BuildOptions>]>([
  ['FROM', (name) => [`FROM ${name}`], {}],
  ['FROM --platform', (name) => [`FROM --platform=linux/arm64 ${name}`], {}],
  ['COPY --from', (name) => ['FROM scratch', `COPY --from=${name} /arch /`], {}],
  ['a named context for FROM', () => ['FROM base'], { contexts: { base: { kind: 'image', name: 'NAME' } } }],
  [
    'a named context for --from',
    () => ['FROM scratch', 'COPY --from=base /arch /'],
    { contexts: { base: { kind: 'image', name: 'NAME' } } },
  ],
  ['RUN --mount', (name) => ['FROM scratch', `COPY --from=${name} --link /arch /`], {}],
  ['ONBUILD', (name) => ['FROM trigger', `# ${name}`], {}],
])(
  '%s takes the platform of the build, however often it is built and whatever was pulled before',
  async (kind, lines, more) => {
    const at = await bench()
    await at.tare.registry.pull({ name: at.name, platform: 'linux/amd64' })
    if (kind === 'ONBUILD')
      for (const architecture of ['amd64', 'arm64'])
        await at.build(
          ['FROM scratch', `ONBUILD COPY --from=${at.name} /arch /`],
          [`linux/${architecture}`],
          architecture === 'arm64' ? { tags: ['trigger'] } : {},
        )
    const contexts = more.contexts && { contexts: { base: { kind: 'image', name: at.name } as const } }
    const layers: (readonly string[])[] = []
    for (let n = 0; n < 2; n++)
      layers.push(await at.layersOf((await at.build(lines(at.name), ['linux/arm64'], { ...contexts })).id))
    expect(layers[0]).toEqual(layers[1])
    const other = await at.layersOf(
      (await at.build(['FROM scratch', `COPY --from=${at.name} /arch /`], ['linux/amd64'])).id,
    )
    if (!kind.includes('FROM')) expect(layers[0]).not.toEqual(other)
    else expect(layers[0]!.slice(0, 1)).not.toEqual(one(at, 'amd64'))
  },
)

test('a build for several platforms gives the same ones the second and the third time', async () => {
  const at = await bench()
  const lines = [
    `FROM --platform=$BUILDPLATFORM ${at.name} AS b`,
    `FROM ${at.name}`,
    'COPY --link --from=b /arch /built-on',
  ]
  const platforms = ['linux/amd64', 'linux/arm64', 'linux/s390x']
  const digests: string[] = []
  for (let n = 0; n < 3; n++) digests.push((await at.build(lines, platforms, { tags: ['many'] })).digest)
  expect(new Set(digests).size).toBe(1)
  const store = new Store(at.home)
  const { manifests } = JSON.parse(store.blobs.read(digests[0] as `sha256:${string}`).toString('utf8'))
  const configs = manifests.map(({ digest }: { digest: `sha256:${string}` }) => {
    const { config } = JSON.parse(store.blobs.read(digest).toString('utf8'))
    return JSON.parse(store.blobs.read(config.digest).toString('utf8'))
  })
  expect(configs.map(({ architecture }: { architecture: string }) => architecture)).toEqual(['amd64', 'arm64', 's390x'])
  expect(configs.map(({ rootfs }: { rootfs: { diff_ids: string[] } }) => rootfs.diff_ids[0])).toEqual([
    ...['amd64', 'arm64', 's390x'].map((architecture) => one(at, architecture)[0]),
  ])
})

test('an index that was pulled whole is here for each of its platforms, and nobody is asked', async () => {
  const at = await bench()
  await at.tare.registry.pull({ name: at.name, allPlatforms: true })
  const asked = at.registry.requests.length
  for (const architecture of ['amd64', 'arm64', 's390x']) {
    const { id } = await at.build([`FROM ${at.name}`, 'COPY app /app'], [`linux/${architecture}`])
    expect((await at.layersOf(id))[0]).toBe(one(at, architecture)[0])
  }
  expect(at.registry.requests.length).toBe(asked)
})

test('an index without the platform is an error that names those of the registry and of the store', async () => {
  const at = await bench(['amd64', 'arm64'])
  await at.tare.registry.pull({ name: at.name, platform: 'linux/amd64' })
  await expect(at.build([`FROM ${at.name}`], ['linux/riscv64'])).rejects.toMatchObject({
    code: 'PLATFORM_MISSING',
    where: { line: 1 },
    message: expect.stringContaining('linux/riscv64'),
    remedy: expect.stringMatching(/linux\/amd64, linux\/arm64.*The store has it for linux\/amd64/s),
  })
})

test('an index in the store without the platform, of which no registry knows, is an error as well', async () => {
  const at = await bench()
  const name = `${at.registry.host}/base:mine`
  await at.build(['FROM scratch', 'COPY app /'], ['linux/amd64', 'linux/arm64'], { tags: [name] })
  await at.build([`FROM ${name}`], ['linux/arm64'])
  await expect(at.build([`FROM ${name}`], ['linux/s390x'])).rejects.toMatchObject({
    code: 'BASE_UNKNOWN',
    remedy: expect.stringContaining('The store has it for linux/amd64, linux/arm64'),
  })
})

test('an image of the store for another platform, of which no registry knows, is an error', async () => {
  const at = await bench()
  const name = `${at.registry.host}/base:mine`
  await at.build(['FROM scratch', 'COPY app /'], ['linux/arm64'], { tags: [name] })
  await expect(at.build([`FROM ${name}`], ['linux/amd64'])).rejects.toMatchObject({
    code: 'BASE_UNKNOWN',
    remedy: expect.stringContaining('The store has it for linux/arm64'),
  })
})

test('an image without an index is taken for any platform, with a warning', async () => {
  const at = await bench()
  pushBase(at.registry, [{ f: 'x' }], { tag: 'single', architecture: 'arm64' })
  const { id } = await at.build([`FROM ${at.registry.host}/base:single`], ['linux/amd64'])
  expect((await at.tare.images.inspect(id)).Architecture).toBe('arm64')
  expect(at.rules()).toEqual(['InvalidBaseImagePlatform'])
})

test('an image for a lesser platform serves where nobody has a better one', async () => {
  const at = await bench()
  const mine = `${at.registry.host}/base:mine`
  await at.build(['FROM scratch', 'COPY app /'], ['linux/386'], { tags: [mine] })
  const { id } = await at.build([`FROM ${mine}`], ['linux/amd64'])
  expect((await at.tare.images.inspect(id)).Architecture).toBe('386')
  // Where the registry has it, that is the one.
  pushBase(at.registry, [{ f: 'x' }], { tag: 'both' })
  await at.tare.images.tag(mine, `${at.registry.host}/base:both`)
  const better = await at.build([`FROM ${at.registry.host}/base:both`], ['linux/amd64'])
  expect((await at.tare.images.inspect(better.id)).Architecture).toBe('amd64')
})

test('an OCI layout without the platform is an error, and no image of another one', async () => {
  const at = await bench()
  const layout = `${temporaryFolder()}/layout`
  await at.tare.registry.copy({ from: at.name, to: `oci:${layout}:1`, platforms: ['linux/amd64', 'linux/arm64'] })
  const contexts = { base: { kind: 'layout', path: layout, tag: '1' } as const }
  const { id } = await at.build(['FROM base'], ['linux/arm64'], { contexts })
  expect(await at.layersOf(id)).toEqual(one(at, 'arm64'))
  await expect(at.build(['FROM base'], ['linux/s390x'], { contexts })).rejects.toMatchObject({
    code: 'PLATFORM_MISSING',
    remedy: 'It has images for linux/amd64, linux/arm64.',
  })
})
