import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startBad } from '../../../test/kit/bad-registry-client.ts'
import {
  entryOf,
  type ImageOptions,
  placeImage,
  placeIndex,
  temporaryFolder,
} from '../../../test/kit/registry-images.ts'
import { mediaTypes } from '../../oci/index.ts'
import { openTare } from '../../verbs/library.ts'

const open = () => openTare({ home: temporaryFolder(), environment: {} })
// Images are for amd64 where a test says nothing else.
const amd64 = 'linux/amd64'
const machine = process.arch === 'arm64' ? 'linux/arm64' : amd64
const { dockerManifest, dockerConfig, dockerLayerGzip } = mediaTypes
const none = { type: 'layers', diff_ids: [] }
const docker = { mediaType: dockerManifest, configType: dockerConfig, layerType: dockerLayerGzip }

const images: readonly (readonly [what: string, ImageOptions])[] = [
  ['no layers', { config: { rootfs: none }, manifest: { layers: [] } }],
  ['null for its layers', { ...docker, config: { rootfs: none }, manifest: { layers: null } }],
  [
    'null for its layers and diff IDs',
    { config: { rootfs: { type: 'layers', diff_ids: null } }, manifest: { layers: null } },
  ],
  ['null for its rootfs', { config: { rootfs: null }, manifest: { layers: [] } }],
  [
    'null for config, history and annotations',
    { config: { config: null, history: null }, manifest: { annotations: null } },
  ],
  [
    'null inside of its config',
    {
      config: {
        ...{ created: null, author: null },
        config: {
          ...{ Env: null, Cmd: null, Entrypoint: null, Labels: null, Volumes: null, ExposedPorts: null, OnBuild: null },
          ...{ Healthcheck: null, Shell: null, User: null, WorkingDir: null, StopSignal: null, ArgsEscaped: null },
        },
        history: [null, { created: null, created_by: null, empty_layer: null }],
      },
    },
  ],
  ['one string for its command', { config: { config: { Cmd: 'sh', Entrypoint: '/bin/init' } } }],
  ['neither system nor architecture', { config: { os: '', architecture: '' } }],
  ['annotations of other kinds', { manifest: { annotations: { a: 1, b: 'text', c: null } } }],
  ['a subject that is none', { manifest: { subject: {} } }],
  ...[
    'application/octet-stream',
    'application/json',
    'text/html',
    'text/plain; charset=utf-8',
    '',
    null,
    undefined,
  ].map((configType) => [`a config of the type ${configType}`, { ...docker, configType }] as const),
  ...['application/octet-stream', 'application/x-tar', '', null].map(
    (layerType) => [`a layer of the type ${layerType}`, { layerType }] as const,
  ),
]

test.each(images)('an image with %s is taken, looked at, saved, copied, built on and pushed', async (_, options) => {
  const registry = await startBad()
  const { id, digest } = placeImage(registry, options, '1')
  const name = `${registry.host}/app:1`
  const tare = await open()
  expect(await tare.registry.pull({ name })).toMatchObject({ id, digest })
  const details = await tare.images.inspect(name)
  expect(Object.values(details.Config)).not.toContain(null)
  await tare.images.history(name)
  expect(await tare.images.list()).toMatchObject([{ id }])
  const file = join(temporaryFolder(), 'a.tar')
  await tare.images.save({ names: [name], to: { path: file } })
  expect(await (await open()).images.load({ from: { path: file } })).toMatchObject([{ id }])
  expect(await tare.registry.copy({ from: name, to: 'store:copied:1' })).toMatchObject({ digest })
  expect(await tare.registry.push({ name })).toMatchObject({ digest })
  const context = temporaryFolder()
  writeFileSync(join(context, 'Dockerfile'), `FROM ${name}\nLABEL a=b\nENV c=d\nVOLUME /e\nEXPOSE 80\n`)
  const built = await tare.build({ context: { kind: 'directory', path: context }, platforms: [amd64], tags: ['built'] })
  expect((await tare.images.inspect(built.id)).Config).toMatchObject({ Labels: { a: 'b' }, Volumes: { '/e': {} } })
  expect(await tare.registry.copy({ from: name, to: `oci:${file}.d:1`, format: 'oci' })).toMatchObject({ skipped: [] })
})

test.each([
  ['Env', 'A=1', 'a list of strings'],
  ['Env', [1], 'a list of strings'],
  ['Labels', ['a'], 'an object of strings'],
  ['Labels', { a: 1 }, 'an object of strings'],
  ['Cmd', { a: 1 }, 'a list of strings'],
  ['Volumes', '/data', 'an object of objects'],
  ['ExposedPorts', { '80/tcp': 'x' }, 'an object of objects'],
  ['User', 5, 'a string'],
  ['Healthcheck', [], 'an object'],
  ['Healthcheck', { Test: 'curl' }, 'a list of strings'],
  ['Healthcheck', { Interval: '5s' }, 'a number'],
])('a config whose %s is %j is no config, as for Docker', async (member, value, kind) => {
  const registry = await startBad()
  placeImage(registry, { config: { config: { [member]: value } } }, '1')
  const tare = await open()
  await expect(tare.registry.pull({ name: `${registry.host}/app:1` })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(new RegExp(`config\\.${member}.* is not ${kind}`)),
  })
  expect(await tare.images.list()).toEqual([])
})

const encrypted = 'application/vnd.oci.image.layer.v1.tar+gzip+encrypted'

test.each([
  ['encrypted layers', { layerType: encrypted }, `has encrypted layers (${encrypted})`],
  ['encrypted plain layers', { layerType: 'application/vnd.oci.image.layer.v1.tar+encrypted' }, 'has encrypted layers'],
  ['encrypted layers of Docker’s', { ...docker, layerType: `${dockerLayerGzip}+encrypted` }, 'has encrypted layers'],
  [
    'layers that are not handed out',
    { layerType: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip' },
    'has non-distributable layers',
  ],
  [
    'a signature of cosign',
    { layerType: 'application/vnd.dev.cosign.simplesigning.v1+json' },
    'its layers are application/vnd.dev.cosign.simplesigning.v1+json',
  ],
  ['an attestation', { layerType: 'application/vnd.in-toto+json' }, 'its layers are application/vnd.in-toto+json'],
  [
    'a chart',
    { configType: 'application/vnd.cncf.helm.config.v1+json', config: { rootfs: undefined } },
    'is no container image but application/vnd.cncf.helm.config.v1+json',
  ],
  [
    'an artifact of a type of its own',
    {
      configType: 'application/vnd.oci.empty.v1+json',
      config: { rootfs: undefined },
      manifest: { artifactType: 'application/sbom' },
    },
    'is no container image but application/sbom',
  ],
  ['a model', { config: { rootfs: { type: 'rootfs' } }, configType: 'application/x-model' }, 'application/x-model'],
  ['more layers than its config', { config: { rootfs: none }, configType: 'application/json' }, 'application/json'],
] as const)('%s is told as what it is, and copied as it is', async (_, options, message) => {
  const registry = await startBad()
  const { digest } = placeImage(registry, options, '1')
  const name = `${registry.host}/app:1`
  const tare = await open()
  for (const work of [tare.registry.pull({ name }), tare.registry.copy({ from: name, to: 'store:x:1' })])
    await expect(work).rejects.toMatchObject({
      code: 'MANIFEST_UNSUPPORTED',
      message: expect.stringContaining(message),
    })
  expect(await tare.images.list()).toEqual([])
  const foreign = message.includes('non-distributable')
  const to = `oci:${join(temporaryFolder(), 'l')}:1`
  if (!foreign) expect(await tare.registry.copy({ from: name, to, preserveDigests: true })).toMatchObject({ digest })
})

test('of an index that does not say for which platforms its images are, their configs do', async () => {
  const registry = await startBad()
  const arm = placeImage(registry, { architecture: 'arm64', contents: 'arm' })
  const amd = placeImage(registry, { contents: 'amd' })
  const chart = placeImage(registry, {
    configType: 'application/vnd.cncf.helm.config.v1+json',
    config: { rootfs: undefined },
  })
  const gone = { ...arm, digest: `sha256:${'0'.repeat(64)}` as const }
  placeIndex(registry, [entryOf(chart), entryOf(gone), entryOf(arm), { ...entryOf(amd), platform: {} }], '1')
  const tare = await open()
  const name = `${registry.host}/app:1`
  expect(await tare.registry.pull({ name, platform: amd64 })).toMatchObject({ id: amd.id })
  expect(await tare.registry.pull({ name, platform: 'linux/arm64' })).toMatchObject({ id: arm.id })
  await expect(tare.registry.pull({ name, platform: 'linux/s390x' })).rejects.toMatchObject({
    code: 'PLATFORM_MISSING',
    remedy: 'It is available for linux/arm64, linux/amd64: choose one with --platform.',
  })
  const to = `oci:${join(temporaryFolder(), 'l')}:1`
  expect(await tare.registry.copy({ from: name, to, platforms: ['linux/amd64'] })).toMatchObject({ digest: amd.digest })
})

test('configs are not read where the index says the very platform, and not without end', async () => {
  const registry = await startBad()
  const amd = placeImage(registry, {})
  placeIndex(registry, [entryOf({ ...amd, digest: `sha256:${'0'.repeat(64)}` }), entryOf(amd, 'linux/amd64')], 'said')
  const gone = (i: number) => entryOf({ ...amd, digest: `sha256:${String(i).padStart(64, '0')}` })
  placeIndex(
    registry,
    Array.from({ length: 65 }, (_, i) => gone(i)),
    'endless',
  )
  const tare = await open()
  expect(await tare.registry.pull({ name: `${registry.host}/app:said`, platform: amd64 })).toMatchObject({ id: amd.id })
  const before = registry.requests.length
  await expect(tare.registry.pull({ name: `${registry.host}/app:endless`, platform: amd64 })).rejects.toMatchObject({
    code: 'MANIFEST_INVALID',
  })
  expect(registry.requests.length - before).toBeLessThan(10)
})

test.each([1, 7, 8, 9])(
  'an image under %i indexes, each naming the next twelve times, is had by all ways or by none',
  async (levels) => {
    const registry = await startBad()
    const image = placeImage(registry, {})
    let top = placeIndex(registry, [entryOf(image, 'linux/amd64')], '1')
    for (let i = 1; i < levels; i++)
      top = placeIndex(
        registry,
        Array.from({ length: 12 }, () => top),
        '1',
      )
    const tare = await open()
    const name = `${registry.host}/app:1`
    const folder = temporaryFolder()
    const ways = [
      () => tare.registry.pull({ name, platform: amd64 }),
      () => tare.registry.pull({ name, allPlatforms: true }),
      () => tare.registry.copy({ from: name, to: `oci:${folder}/l:1` }),
      () => tare.registry.copy({ from: name, to: `oci:${folder}/one:1`, platforms: ['linux/amd64'] }),
      () => tare.registry.copy({ from: name, to: `oci-archive:${folder}/a:1`, format: 'docker' }),
      () => tare.registry.copy({ from: name, to: 'store:x:1' }),
      () => tare.registry.copy({ from: name, to: `docker-archive:${folder}/d`, platforms: [amd64] }),
    ]
    for (const way of ways) {
      if (levels === 9) await expect(way()).rejects.toMatchObject({ code: 'MANIFEST_INVALID' })
      else await way()
    }
    if (levels < 9)
      expect(await (await open()).images.load({ from: { path: `${folder}/l` } })).toMatchObject([{ id: image.id }])
    expect(registry.requests.length).toBeLessThan(200)
  },
)

test('of all tags, what is no image for the platform is passed over and told, and so is a tag that is gone', async () => {
  const registry = await startBad({
    interfere: (request, response) => {
      if (!request.url!.includes('/tags/list')) return
      response.end('{"tags":["v1","chart","gone","both","v2","arm","not json"," odd name"]}')
      return true
    },
  })
  const [one, two] = [placeImage(registry, {}, 'v1'), placeImage(registry, { contents: '2' }, 'v2')]
  placeImage(
    registry,
    { configType: 'application/vnd.cncf.helm.config.v1+json', config: { rootfs: undefined } },
    'chart',
  )
  placeImage(registry, { manifest: { manifests: [] } }, 'both')
  placeIndex(registry, [entryOf(one, 'linux/arm64')], 'arm')
  const tare = await open()
  const { pulled, skipped } = await tare.registry.pullAll({ name: `${registry.host}/app`, platform: amd64 })
  expect(pulled.map(({ id }) => id)).toEqual([one.id, two.id])
  expect(skipped.map(({ name }) => name.split(':').at(-1))).toEqual([
    ' odd name',
    'arm',
    'both',
    'chart',
    'gone',
    'not json',
  ])
})

test('of all tags, damage and refusals are an end', async () => {
  const registry = await startBad({
    interfere: (request, response) => {
      if (request.url!.includes('/tags/list')) response.end('{"tags":["v1"]}')
      else if (request.url!.includes('/manifests/v1')) response.writeHead(403).end()
      else return
      return true
    },
  })
  const tare = await open()
  await expect(tare.registry.pullAll({ name: `${registry.host}/app` })).rejects.toMatchObject({
    code: 'REGISTRY_DENIED',
  })
})

test.each([
  ['linux/amd64', 's390x', true],
  [undefined, 's390x', true],
  ['linux/arm64', 'amd64', true],
  ['linux/amd64', 'amd64', false],
  ['linux/amd64', '386', false],
  [undefined, machine.slice('linux/'.length), false],
])('a pull for %s of what is for %s alone warns: %s', async (platform, architecture, warns) => {
  const registry = await startBad()
  const { id } = placeImage(registry, { architecture }, '1')
  const name = `${registry.host}/app:1`
  const tare = await open()
  const warnings: string[] = []
  const report = (event: { type: string; message?: string }) =>
    event.type === 'warning' && warnings.push(event.message!)
  // Also where it is here already.
  for (let i = 0; i < 2; i++) expect(await tare.registry.pull({ name, platform, report })).toMatchObject({ id })
  const warning = `${name} is for linux/${architecture} only, not for ${platform ?? machine}`
  expect(warnings).toEqual(warns ? [warning, warning] : [])
})
