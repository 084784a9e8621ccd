import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, expect, test } from 'vitest'
import { BadRegistry, type BadRegistryOptions } from '../../../test/kit/bad-registry.ts'
import { hasProgram } from '../../../test/kit/needs.ts'
import { tinyTar } from '../../../test/kit/tiny-image.ts'
import { mediaTypes } from '../../oci/index.ts'
import { sha256 } from '../../support/index.ts'
import { openTare } from '../library.ts'

const registries: BadRegistry[] = []
const folders: string[] = []
afterEach(() => {
  for (const registry of registries.splice(0)) registry.stop()
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

async function start(options: BadRegistryOptions = {}): Promise<BadRegistry> {
  const registry = await BadRegistry.start(options)
  registries.push(registry)
  return registry
}

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'tare-pull-'))
  folders.push(made)
  return made
}

const open = (home = folder()) => openTare({ home, environment: {} })

interface PushOptions {
  readonly docker?: boolean
  readonly compress?: (tar: Buffer) => Buffer
  readonly architecture?: string
  readonly diffIds?: readonly string[]
}

/** Puts an image of one-file layers into the registry, under the tags. */
function push(registry: BadRegistry, files: Record<string, string>, options: PushOptions = {}, ...tags: string[]) {
  const { docker = false, compress = gzipSync, architecture = 'amd64' } = options
  const tars = Object.entries(files).map(([path, contents]) => tinyTar(path, contents))
  const layers = tars.map((tar) => {
    const bytes = compress(tar)
    const mediaType = docker ? mediaTypes.dockerLayerGzip : mediaTypes.layerGzip
    return { mediaType, digest: registry.addBlob(bytes), size: bytes.length }
  })
  const diffIds = options.diffIds ?? tars.map((tar) => sha256(tar))
  const bytes = Buffer.from(
    JSON.stringify({ architecture, os: 'linux', config: {}, rootfs: { type: 'layers', diff_ids: diffIds } }),
  )
  const config = {
    mediaType: docker ? mediaTypes.dockerConfig : mediaTypes.config,
    digest: registry.addBlob(bytes),
    size: bytes.length,
  }
  const mediaType = docker ? mediaTypes.dockerManifest : mediaTypes.manifest
  const manifest = { schemaVersion: 2, mediaType, config, layers }
  return { mediaType, ...registry.addManifest(mediaType, manifest, ...tags), id: config.digest, layers, diffIds }
}

for (const docker of [false, true])
  test(`an image of ${docker ? 'Docker' : 'OCI'} types is pulled, alone and out of an index`, async () => {
    const registry = await start()
    const other = push(registry, { f: 'for arm' }, { docker, architecture: 'arm64' })
    const mine = push(registry, { f: 'one', g: 'two' }, { docker }, 'alone')
    const of = (image: typeof mine, architecture: string, os = 'linux') => ({
      ...{ mediaType: image.mediaType, digest: image.digest, size: image.size },
      platform: { architecture, os },
    })
    const mediaType = docker ? mediaTypes.dockerList : mediaTypes.index
    const manifests = [of(other, 'unknown', 'unknown'), of(other, 'arm64'), of(mine, 'amd64')]
    const index = registry.addManifest(mediaType, { schemaVersion: 2, mediaType, manifests }, 'many')
    const tare = await open()
    const name = `${registry.host}/app:alone`
    expect(await tare.registry.pull({ name, platform: 'linux/amd64' })).toEqual({
      ...{ name, fullName: name, digest: mine.digest, id: mine.id, upToDate: false, skipped: [] },
    })
    const many = { name: `${registry.host}/app:many`, platform: 'linux/amd64' }
    const before = registry.countOf('GET /v2/app/blobs/')
    expect(await tare.registry.pull(many)).toMatchObject({ digest: index.digest, id: mine.id, upToDate: false })
    // Config and layers are known.
    expect(registry.countOf('GET /v2/app/blobs/') - before).toBe(0)
    expect(await tare.registry.pull(many)).toMatchObject({ upToDate: true })
    expect(await tare.registry.pull({ ...many, platform: 'linux/arm64' })).toMatchObject({ id: other.id })
    await expect(tare.registry.pull({ ...many, platform: 'linux/s390x' })).rejects.toMatchObject({
      code: 'PLATFORM_MISSING',
      remedy: 'It is available for linux/arm64, linux/amd64: choose one with --platform.',
    })
    expect((await tare.images.inspect(name)).RootFS.Layers).toEqual(mine.diffIds)
  })

test.runIf(hasProgram('zstd'))('layers of zstd are unpacked', async () => {
  const registry = await start()
  const compress = (tar: Buffer) => spawnSync('zstd', ['-q', '-c'], { input: tar }).stdout
  const image = push(registry, { f: 'zstd' }, { compress }, '1')
  const tare = await open()
  const { id } = await tare.registry.pull({ name: `${registry.host}/app:1` })
  expect((await tare.images.inspect(id)).RootFS.Layers).toEqual(image.diffIds)
})

test('an image may be named by its digest in the registry, and is found by it afterwards', async () => {
  const registry = await start()
  const image = push(registry, { f: 'x' }, {}, '1')
  const tare = await open()
  const name = `${registry.host}/app@${image.digest}`
  expect(await tare.registry.pull({ name })).toMatchObject({ digest: image.digest, fullName: name })
  expect(await tare.images.inspect(name)).toMatchObject({ Id: image.id, RepoDigests: [name] })
  expect(await tare.images.list()).toMatchObject([{ digest: image.digest }])
})

test('a layer that is not what the config says is not kept, and the image has no name', async () => {
  const registry = await start()
  push(registry, { f: 'x' }, { diffIds: [sha256('something else')] }, '1')
  const home = folder()
  const tare = await open(home)
  await expect(tare.registry.pull({ name: `${registry.host}/app:1` })).rejects.toMatchObject({ code: 'BLOB_CORRUPT' })
  expect(await tare.images.list()).toEqual([])
  expect(readdirSync(join(home, 'tare', 'scratch'))).toEqual([])
})

test('a layer of other bytes than its digest is not kept', async () => {
  const registry = await start({
    interfere: (request, response, bad) => {
      if (request.method !== 'GET' || !request.url!.endsWith(image.layers[0]!.digest)) return
      const bytes = Buffer.from(bad.blobs.get(image.layers[0]!.digest)!)
      // The operating system in the head of gzip: what comes out is the same.
      bytes[9] = bytes[9]! ^ 1
      response.end(bytes)
      return true
    },
  })
  const image = push(registry, { f: 'x' }, {}, '1')
  const home = folder()
  const tare = await open(home)
  await expect(tare.registry.pull({ name: `${registry.host}/app:1` })).rejects.toMatchObject({ code: 'BLOB_CORRUPT' })
  expect(readdirSync(join(home, 'blobs', 'sha256')).includes(image.diffIds[0]!.slice(7))).toBe(false)
  expect(await tare.images.list()).toEqual([])
})

test('what is no container image is refused', async () => {
  const registry = await start()
  const config = registry.addBlob(Buffer.from('{}'))
  const manifest = {
    ...{ schemaVersion: 2, mediaType: mediaTypes.manifest, layers: [] },
    config: { mediaType: 'application/vnd.cncf.helm.config.v1+json', digest: config, size: 2 },
  }
  registry.addManifest(mediaTypes.manifest, manifest, 'chart')
  const tare = await open()
  const error = tare.registry.pull({ name: `${registry.host}/app:chart` })
  await expect(error).rejects.toMatchObject({ code: 'MANIFEST_UNSUPPORTED', message: expect.stringContaining('helm') })
  await expect(tare.registry.pull({ name: `${registry.host}/app:none` })).rejects.toMatchObject({
    code: 'IMAGE_UNKNOWN',
  })
})

test('FROM pulls what the store does not have, its layers only when a step needs them', async () => {
  const registry = await start()
  const base = push(registry, { f: 'base' }, {}, '1')
  const context = folder()
  const text = `FROM ${registry.host}/app:1 AS unused\nRUN false\nFROM scratch\nCOPY --from=base /f /g\n`
  writeFileSync(join(context, 'Dockerfile'), text.replace('--from=base', `--from=${registry.host}/app:1`))
  const tare = await open()
  const platforms = ['linux/amd64']
  const build = (dockerfile: string, more = {}) =>
    tare.build({ context: { kind: 'directory', path: context }, dockerfile: { text: dockerfile }, platforms, ...more })
  await tare.checkDockerfile({
    context: { kind: 'empty' },
    dockerfile: { text: `FROM ${registry.host}/app:1\nLABEL a=b\n` },
  })
  expect(registry.countOf(`GET /v2/app/blobs/${base.layers[0]!.digest}`)).toBe(0)
  const { id } = await build(`FROM ${registry.host}/app:1\nLABEL a=b\n`)
  expect((await tare.images.inspect(id)).RootFS.Layers).toEqual(base.diffIds)
  const asked = registry.requests.length
  await build(`FROM ${registry.host}/app:1\nLABEL a=c\n`)
  expect(registry.requests.slice(asked)).toEqual(['GET /v2/', 'HEAD /v2/app/manifests/1'])
  const newer = push(registry, { f: 'newer' }, {}, '1')
  const again = await build(`FROM ${registry.host}/app:1\nLABEL a=c\n`)
  expect((await tare.images.inspect(again.id)).RootFS.Layers).toEqual(newer.diffIds)
})

test('a base that does not exist is reported with the registry’s message', async () => {
  const registry = await start()
  const tare = await open()
  const dockerfile = { text: `FROM ${registry.host}/app:1\n` }
  await expect(tare.build({ context: { kind: 'empty' }, dockerfile })).rejects.toMatchObject({
    code: 'BASE_UNKNOWN',
    message: expect.stringMatching(/there is no image .* in the store, and it cannot be pulled: there is no image/),
  })
})

test('pruning keeps what a pulled image needs', async () => {
  const registry = await start()
  push(registry, { f: 'x' }, {}, '1')
  const tare = await open()
  const name = `${registry.host}/app:1`
  await tare.registry.pull({ name })
  await tare.images.prune()
  expect(await tare.registry.pull({ name })).toMatchObject({ upToDate: true })
  expect(await tare.images.inspect(name)).toBeTruthy()
})

/** An index of two platforms with what BuildKit attests of one, an image of Windows', and one for no platform. */
function pushIndex(registry: BadRegistry, tag: string) {
  const images = ['amd64', 'arm64'].map((architecture) => push(registry, { f: architecture }, { architecture }))
  const statement = Buffer.from('{"predicateType":"https://slsa.dev/provenance/v0.2"}')
  const layer = {
    mediaType: 'application/vnd.in-toto+json',
    digest: registry.addBlob(statement),
    size: statement.length,
  }
  const config = Buffer.from('{"architecture":"unknown","os":"unknown","rootfs":{"type":"layers","diff_ids":[]}}')
  const attestation = registry.addManifest(mediaTypes.manifest, {
    ...{ schemaVersion: 2, mediaType: mediaTypes.manifest, layers: [layer] },
    config: { mediaType: mediaTypes.config, digest: registry.addBlob(config), size: config.length },
  })
  const windows = registry.addManifest(mediaTypes.manifest, {
    ...{ schemaVersion: 2, mediaType: mediaTypes.manifest },
    config: { mediaType: mediaTypes.config, digest: registry.addBlob(config), size: config.length },
    layers: [{ ...layer, mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip' }],
  })
  const of = ({ digest, size }: { digest: string; size: number }, platform: object, more = {}) => ({
    ...{ mediaType: mediaTypes.manifest, digest, size, platform, ...more },
  })
  const manifests = [
    ...images.map((image, i) => of(image, { architecture: ['amd64', 'arm64'][i], os: 'linux' })),
    of(windows, { architecture: 'amd64', os: 'windows', 'os.version': '10.0.1', 'os.features': ['win32k'] }),
    of(
      attestation,
      { architecture: 'unknown', os: 'unknown' },
      {
        annotations: {
          'vnd.docker.reference.digest': images[0]!.digest,
          'vnd.docker.reference.type': 'attestation-manifest',
        },
      },
    ),
  ]
  const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests, annotations: { made: 'by hand' } }
  return { images, attestation, windows, layer, ...registry.addManifest(mediaTypes.index, index, tag) }
}

test('all platforms are pulled under one name, and an attestation is kept beside them', async () => {
  const registry = await start()
  const index = pushIndex(registry, '1')
  const home = folder()
  const tare = await open(home)
  const name = `${registry.host}/app:1`
  const pulled = await tare.registry.pull({ name, allPlatforms: true })
  expect(pulled).toMatchObject({ digest: index.digest, upToDate: false })
  expect(pulled.skipped).toMatchObject([{ platform: 'windows/amd64', why: expect.stringContaining('foreign') }])
  expect(await tare.registry.pull({ name, allPlatforms: true })).toMatchObject({ digest: index.digest, upToDate: true })
  await tare.images.prune()
  const blobs = () => readdirSync(join(home, 'blobs/sha256'))
  for (const { diffIds } of index.images) expect(blobs()).toContain(diffIds[0]!.slice(7))
  expect(blobs()).toContain(index.layer.digest.slice(7))
  expect(await tare.images.inspect(name)).toMatchObject({ RepoDigests: [`${registry.host}/app@${index.digest}`] })
  await expect(tare.registry.pull({ name, allPlatforms: true, platform: 'linux/arm64' })).rejects.toMatchObject({
    code: 'OPTION_INVALID',
  })
  await tare.images.remove({ names: [name] })
  expect(blobs()).toEqual([])
})

test('an index of all platforms goes elsewhere as it was, with its attestation', async () => {
  const [from, to] = [await start(), await start()]
  const index = pushIndex(from, '1')
  const tare = await open()
  await tare.registry.pull({ name: `${from.host}/app:1`, allPlatforms: true })
  await tare.images.tag(`${from.host}/app:1`, `${to.host}/copy:2`)
  const pushed = await tare.registry.push({ name: `${to.host}/copy:2` })
  expect(pushed.digest).toBe(index.digest)
  expect(pushed.previousDigest).toBeUndefined()
  expect(to.manifests.has(index.attestation.digest)).toBe(true)
  expect(to.manifests.has(index.windows.digest)).toBe(true)
  expect(to.blobs.has(index.layer.digest)).toBe(true)
})

test('an attestation that its registry has lost is not missed, and the index is another then', async () => {
  const [from, to] = [await start(), await start()]
  const index = pushIndex(from, '1')
  from.blobs.delete(index.layer.digest)
  const tare = await open()
  await tare.registry.pull({ name: `${from.host}/app:1`, allPlatforms: true })
  await tare.images.tag(`${from.host}/app:1`, `${to.host}/copy:2`)
  expect(await tare.registry.push({ name: `${to.host}/copy:2` })).toMatchObject({ previousDigest: index.digest })
  expect(JSON.parse(to.manifests.get('2')!.bytes.toString()).manifests).toHaveLength(2)
})

test('where the first registry is gone, the index is another, names what is there, and that is said', async () => {
  const [from, to] = [await start(), await start()]
  const index = pushIndex(from, '1')
  const tare = await open()
  await tare.registry.pull({ name: `${from.host}/app:1`, allPlatforms: true })
  from.stop()
  await tare.images.tag(`${from.host}/app:1`, `${to.host}/copy:2`)
  const pushed = await tare.registry.push({ name: `${to.host}/copy:2` })
  expect(pushed).toMatchObject({ previousDigest: index.digest, mediaType: mediaTypes.index })
  const { manifests } = JSON.parse(to.manifests.get('2')!.bytes.toString())
  expect(manifests.map(({ platform }: { platform: object }) => platform)).toEqual([
    { architecture: 'amd64', os: 'linux' },
    { architecture: 'arm64', os: 'linux' },
  ])
  for (const { digest } of manifests) expect(to.manifests.has(digest)).toBe(true)
})

test('one platform of several is pushed alone', async () => {
  const [from, to] = [await start(), await start()]
  const index = pushIndex(from, '1')
  const tare = await open()
  await tare.registry.pull({ name: `${from.host}/app:1`, allPlatforms: true })
  await tare.images.tag(`${from.host}/app:1`, `${to.host}/copy:2`)
  const name = `${to.host}/copy:2`
  expect(await tare.registry.push({ name, platform: 'linux/arm64' })).toMatchObject({ digest: index.images[1]!.digest })
  await expect(tare.registry.push({ name, platform: 'linux/s390x' })).rejects.toMatchObject({
    code: 'PLATFORM_MISSING',
    remedy: 'It is available for linux/amd64, linux/arm64: choose one with --platform.',
  })
})

test('all tags are pulled, less what is no image, and pushed', async () => {
  const to = await start()
  const tags = ['one', 'two', 'chart']
  const registry = await start({
    interfere: (request, response) => {
      if (!request.url!.startsWith('/v2/app/tags/list')) return
      response.end(JSON.stringify({ name: 'app', tags }))
      return true
    },
  })
  push(registry, { f: '1' }, {}, 'one')
  push(registry, { f: '2' }, {}, 'two')
  const config = { mediaType: 'application/vnd.example', digest: registry.addBlob(Buffer.from('{}')), size: 2 }
  registry.addManifest(mediaTypes.manifest, { schemaVersion: 2, layers: [], config }, 'chart')
  const tare = await open()
  const { pulled, skipped } = await tare.registry.pullAll({ name: `${registry.host}/app` })
  expect(pulled.map(({ name }) => name)).toEqual([`${registry.host}/app:one`, `${registry.host}/app:two`])
  expect(skipped).toMatchObject([{ name: `${registry.host}/app:chart` }])
  for (const tag of ['one', 'two']) await tare.images.tag(`${registry.host}/app:${tag}`, `${to.host}/deep/app:${tag}`)
  const pushed = await tare.registry.pushAll({ name: `${to.host}/deep/app` })
  expect(pushed.map(({ digest }) => digest)).toEqual(pulled.map(({ digest }) => digest))
  await expect(tare.registry.pushAll({ name: `${to.host}/other` })).rejects.toMatchObject({ code: 'IMAGE_UNKNOWN' })
})
