import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { BadRegistry } from '../../../test/kit/bad-registry.ts'
import { dockerArchive, filesOf, tarOf } from '../../../test/kit/tiny-archive.ts'
import { tinyImage } from '../../../test/kit/tiny-image.ts'
import { type Descriptor, mediaTypes } from '../../oci/index.ts'
import { openTare } from '../library.ts'

async function start(): Promise<BadRegistry> {
  const registry = await BadRegistry.start()
  onTestFinished(() => registry.stop())
  return registry
}

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'tare-copy-'))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return made
}

const open = () => openTare({ home: folder(), environment: {} })

const attestationNotes = (digest: string) => ({
  annotations: { 'vnd.docker.reference.digest': digest, 'vnd.docker.reference.type': 'attestation-manifest' },
})

/** Puts an index of three platforms there, with layers as somebody else squeezed them, and what attests to the first. */
function pushIndex(registry: BadRegistry, tag = '1') {
  const of = (architecture: string, more = {}) => {
    const image = tinyImage({ architecture, files: [['f', architecture]] })
    const packed = gzipSync(image.layers[0]!.bytes, { level: 1 })
    const layers = [{ mediaType: mediaTypes.layerGzip, digest: registry.addBlob(packed), size: packed.length }]
    registry.addBlob(image.config.bytes)
    const manifest = { schemaVersion: 2, mediaType: mediaTypes.manifest, config: image.config.descriptor, layers }
    const platform = { architecture, os: 'linux', 'os.features': ['kept'], ...more }
    return { mediaType: mediaTypes.manifest, ...registry.addManifest(mediaTypes.manifest, manifest), platform }
  }
  const images = [of('amd64'), of('arm64'), of('arm', { variant: 'v7' })]
  const statement = Buffer.from('{}')
  const config = tinyImage({ architecture: 'unknown' }).config
  registry.addBlob(config.bytes)
  const attestation = registry.addManifest(mediaTypes.manifest, {
    ...{ schemaVersion: 2, mediaType: mediaTypes.manifest, config: config.descriptor },
    layers: [{ mediaType: 'application/vnd.in-toto+json', digest: registry.addBlob(statement), size: 2 }],
  })
  const attests = { mediaType: mediaTypes.manifest, ...attestation, ...attestationNotes(images[0]!.digest) }
  const manifests = [...images, { ...attests, platform: { architecture: 'unknown', os: 'unknown' } }]
  const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests }
  return { images, attestation, ...registry.addManifest(mediaTypes.index, index, tag) }
}

const documentOf = (registry: BadRegistry, tag: string) => JSON.parse(registry.manifests.get(tag)!.bytes.toString())

for (const kind of ['oci', 'oci-archive'])
  test(`by way of ${kind}, an index of a registry comes to another byte for byte`, async () => {
    const [from, to] = [await start(), await start()]
    const index = pushIndex(from)
    const tare = await open()
    const place = `${kind}:${join(folder(), 'image')}`
    expect(
      await tare.registry.copy({ from: `${from.host}/app:1`, to: `${place}:v1`, preserveDigests: true }),
    ).toMatchObject({
      ...{ fullName: `${place}:v1`, digest: index.digest, mediaType: mediaTypes.index },
    })
    from.stop()
    const back = await tare.registry.copy({ from: place, to: `${to.host}/deep/app:2`, preserveDigests: true })
    expect(back).toMatchObject({ fullName: `${to.host}/deep/app:2`, digest: index.digest })
    expect(back.previousDigest).toBeUndefined()
    for (const [name, { bytes }] of from.manifests)
      if (name.startsWith('sha256:')) expect(to.manifests.get(name)?.bytes.equals(bytes), name).toBe(true)
    for (const [digest, bytes] of from.blobs) expect(to.blobs.get(digest)?.equals(bytes), digest).toBe(true)
    const one = await tare.registry.copy({ from: `${place}@${index.images[1]!.digest}`, to: `${to.host}/app:arm` })
    expect(one.digest).toBe(index.images[1]!.digest)
  })

test('some platforms make an index of their own, of the same images and what attests to them', async () => {
  const [from, to] = [await start(), await start()]
  const index = pushIndex(from)
  const tare = await open()
  const call = { from: `${from.host}/app:1`, to: `${to.host}/app:some`, platforms: ['linux/amd64', 'linux/arm'] }
  expect(await tare.registry.copy(call)).toMatchObject({ previousDigest: index.digest })
  const { manifests } = documentOf(to, 'some')
  const [amd64, , arm] = index.images
  expect(manifests.map(({ digest }: Descriptor) => digest)).toEqual([
    amd64!.digest,
    arm!.digest,
    index.attestation.digest,
  ])
  // What nobody here knows stays in the entries.
  expect(manifests[0].platform).toEqual(amd64!.platform)
  await expect(tare.registry.copy({ ...call, to: `${to.host}/app:no`, preserveDigests: true })).rejects.toMatchObject({
    code: 'DIGEST_CHANGES',
    message: expect.stringContaining('only some platforms'),
  })
  expect(to.manifests.has('no')).toBe(false)
  const all = ['linux/amd64', 'linux/arm64', 'linux/arm/v7']
  expect(await tare.registry.copy({ ...call, platforms: all, preserveDigests: true })).toMatchObject({
    digest: index.digest,
  })
  const arm64 = { ...call, platforms: ['linux/arm64'], preserveDigests: true }
  expect(await tare.registry.copy(arm64)).toMatchObject({
    digest: index.images[1]!.digest,
    mediaType: mediaTypes.manifest,
  })
  await expect(tare.registry.copy({ ...call, platforms: ['linux/s390x'] })).rejects.toMatchObject({
    code: 'PLATFORM_MISSING',
    remedy: 'It is available for linux/amd64, linux/arm64, linux/arm/v7: choose one with --platform.',
  })
})

test('--format writes manifests of the other family, and attestations speak of these', async () => {
  const [from, to] = [await start(), await start()]
  const index = pushIndex(from)
  const tare = await open()
  const docker = { from: `${from.host}/app:1`, to: `${to.host}/app:docker`, format: 'docker' } as const
  expect(await tare.registry.copy(docker)).toMatchObject({
    mediaType: mediaTypes.dockerList,
    previousDigest: index.digest,
  })
  const list = documentOf(to, 'docker')
  const first = documentOf(to, list.manifests[0].digest)
  expect(first).toMatchObject({
    ...{ mediaType: mediaTypes.dockerManifest, config: { mediaType: mediaTypes.dockerConfig } },
    layers: [{ mediaType: mediaTypes.dockerLayerGzip }],
  })
  expect(list.manifests[3].annotations['vnd.docker.reference.digest']).toBe(list.manifests[0].digest)
  const again = await tare.registry.copy({ ...docker, from: docker.to, preserveDigests: true })
  expect(again.previousDigest).toBeUndefined()
  await tare.registry.copy({ from: docker.to, to: `${to.host}/app:oci`, format: 'oci' })
  expect(documentOf(to, documentOf(to, 'oci').manifests[0].digest)).toMatchObject({
    config: { mediaType: mediaTypes.config },
    layers: [{ mediaType: mediaTypes.layerGzip }],
  })
})

test('a docker archive gets one platform, with its digest, and gives it to a registry again', async () => {
  const [from, to] = [await start(), await start()]
  const index = pushIndex(from)
  const tare = await open()
  const path = join(folder(), 'image.tar')
  const arm64 = { from: `${from.host}/app:1`, to: `docker-archive:${path}:app:2`, platforms: ['linux/arm64'] }
  expect(await tare.registry.copy(arm64)).toMatchObject({ digest: index.images[1]!.digest })
  expect(await tare.images.load({ from: { path } })).toMatchObject([{ names: ['app:2'] }])
  const back = { from: `docker-archive:${path}`, to: `${to.host}/app:1`, preserveDigests: true }
  expect(await tare.registry.copy(back)).toMatchObject({ digest: index.images[1]!.digest })
  await expect(tare.registry.copy({ ...arm64, platforms: [], allPlatforms: true })).rejects.toMatchObject({
    code: 'OPTION_INVALID',
    remedy: expect.stringContaining('oci-archive'),
  })
  await expect(tare.registry.copy({ ...back, from: `docker-archive:${path}:other` })).rejects.toMatchObject({
    code: 'IMAGE_UNKNOWN',
    remedy: 'It contains app:2.',
  })
})

test('a docker archive without manifests has its layers compressed for a registry', async () => {
  const to = await start()
  const tare = await open()
  const path = join(folder(), 'old.tar')
  const image = tinyImage()
  writeFileSync(path, tarOf(dockerArchive(image)))
  const options = { from: `docker-archive:${path}`, to: `${to.host}/app:1` }
  expect((await tare.registry.copy(options)).previousDigest).toBeUndefined()
  const { config, layers } = documentOf(to, '1')
  expect(config).toEqual(image.config.descriptor)
  expect(layers[0].mediaType).toBe(mediaTypes.layerGzip)
  expect(await tare.registry.pull({ name: `${to.host}/app:1` })).toMatchObject({ id: image.config.descriptor.digest })
  await expect(tare.registry.copy({ ...options, preserveDigests: true })).rejects.toMatchObject({
    code: 'DIGEST_CHANGES',
  })
  const layout = join(folder(), 'layout')
  await tare.registry.copy({ ...options, to: `oci:${layout}` })
  expect(readdirSync(join(layout, 'blobs/sha256'))).toHaveLength(3)
})

test.each(['oci-archive:x.tar', 'oci:x', 'docker-archive:x.tar', 'store:x'])(
  'layers on their way to %s are not compressed, so a compression is refused',
  async (to) => {
    const tare = await open()
    for (const more of [{ compression: 'zstd' as const }, { compressionLevel: 9 }]) {
      const copied = tare.registry.copy({ from: 'store:app', to, ...more })
      await expect(copied).rejects.toMatchObject({ code: 'OPTION_INVALID', message: /only for a registry/ })
    }
  },
)

test('of a registry that is written to, the right to write is asked for at once', async () => {
  // A repository that is not there yet cannot be read, and some registries deny who asks for no more.
  const from = await start()
  const to = await BadRegistry.start({ auth: 'bearer' })
  onTestFinished(() => to.stop())
  pushIndex(from)
  const home = folder()
  const auth = Buffer.from('ada:secret').toString('base64')
  writeFileSync(join(home, 'config.json'), JSON.stringify({ auths: { [to.host]: { auth } } }))
  const tare = await openTare({ home, environment: { DOCKER_CONFIG: home } })
  await tare.registry.copy({ from: `${from.host}/app:1`, to: `${to.host}/new:1` })
  const scopes = to.requests.flatMap((request) => /^GET \/token\?.*scope=([^&]+)/.exec(request)?.[1] ?? [])
  expect(new Set(scopes.map(decodeURIComponent))).toEqual(new Set(['repository:new:pull,push', 'repository:new:pull']))
  expect(decodeURIComponent(scopes[0]!)).toBe('repository:new:pull,push')
})

test('what is no image goes byte for byte between registries and layouts, and nowhere else', async () => {
  const [from, to] = [await start(), await start()]
  const config = { mediaType: 'application/vnd.example', digest: from.addBlob(Buffer.from('{}')), size: 2 }
  const chart = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    artifactType: 'application/x',
    config,
    layers: [config],
  }
  const { digest } = from.addManifest(mediaTypes.manifest, chart, '1')
  const at = folder()
  const tare = await open()
  const call = { from: `${from.host}/app:1`, preserveDigests: true }
  for (const target of [`${to.host}/app:1`, `oci:${at}/layout`, `oci-archive:${at}/a.tar`])
    expect(await tare.registry.copy({ ...call, to: target })).toMatchObject({ digest })
  for (const target of ['store:app', `docker-archive:${at}/b.tar`])
    await expect(tare.registry.copy({ ...call, to: target })).rejects.toMatchObject({ code: 'MANIFEST_UNSUPPORTED' })
  expect(readdirSync(at).sort()).toEqual(['a.tar', 'layout'])
})

test('a part of an index goes on with its images as they were pulled, when the whole is gone', async () => {
  const [from, to] = [await start(), await start()]
  const { images } = pushIndex(from)
  const home = folder()
  const tare = await openTare({ home, environment: {} })
  await tare.registry.copy({ from: `${from.host}/app:1`, to: 'store:app:1' })
  await tare.registry.copy({ from: 'store:app:1', to: 'store:some:1', platforms: ['linux/amd64', 'linux/arm64'] })
  await tare.images.remove({ names: ['app:1'] })
  rmSync(join(home, 'tare'), { recursive: true })
  await tare.registry.copy({ from: 'store:some:1', to: `${to.host}/app:some` })
  const pushed = documentOf(to, 'some').manifests.map(({ digest }: Descriptor) => digest)
  expect(pushed).toEqual(images.slice(0, 2).map(({ digest }) => digest))
  await tare.registry.copy({
    from: 'store:some:1',
    to: `${to.host}/app:one`,
    platforms: ['linux/arm64'],
    preserveDigests: true,
  })
  expect(await tare.registry.digest({ name: `${to.host}/app:one` })).toBe(images[1]!.digest)
})

test('what the store has of a registry goes there as it was, and elsewhere with plain layers', async () => {
  const [from, to] = [await start(), await start()]
  const index = pushIndex(from)
  const tare = await open()
  const kept = await tare.registry.copy({ from: `${from.host}/app:1`, to: 'store:app:1', preserveDigests: true })
  expect(kept).toMatchObject({ digest: index.digest, fullName: 'store:app:1' })
  const sent = { from: 'store:app:1', to: `${to.host}/app:1`, preserveDigests: true }
  expect(await tare.registry.copy(sent)).toMatchObject({ digest: index.digest })
  const some = await tare.registry.copy({
    from: 'store:app:1',
    to: 'store:some',
    platforms: ['linux/amd64', 'linux/arm64'],
  })
  expect(some.mediaType).toBe(mediaTypes.index)
  await tare.images.prune()
  expect(await tare.registry.copy({ from: 'store:some', to: `${to.host}/app:some` })).toMatchObject({
    mediaType: mediaTypes.index,
  })
  expect(documentOf(to, 'some').manifests).toHaveLength(2)
  const layout = `oci:${join(folder(), 'layout')}`
  await expect(tare.registry.copy({ ...sent, to: layout })).rejects.toMatchObject({
    code: 'DIGEST_CHANGES',
    message: expect.stringContaining('the store keeps layers uncompressed'),
  })
  const plain = await tare.registry.copy({ from: 'store:app:1', to: layout })
  expect(plain).toMatchObject({ previousDigest: index.digest })
  // There, plain layers are as in the store, and so is the digest.
  const other = await open()
  const again = await other.registry.copy({ from: layout, to: 'store:again', preserveDigests: true })
  expect(again.digest).toBe(plain.digest)
  await expect(
    other.registry.copy({ from: `${from.host}/app:1`, to: 'store:x', format: 'docker' }),
  ).rejects.toMatchObject({
    code: 'OPTION_INVALID',
  })
})

test('of a file that names more platforms than it has, those there are copied, unless all are asked for', async () => {
  const [from, to] = [await start(), await start()]
  const index = pushIndex(from)
  const at = folder()
  const tare = await open()
  await tare.registry.copy({ from: `${from.host}/app:1`, to: `oci:${at}/l` })
  rmSync(join(at, 'l/blobs/sha256', index.images[1]!.digest.slice(7)))
  const call = { from: `oci:${at}/l`, to: `${to.host}/app:1` }
  expect(await tare.registry.copy(call)).toMatchObject({ previousDigest: index.digest })
  expect(documentOf(to, '1').manifests.map(({ digest }: Descriptor) => digest)).toEqual([
    ...[index.images[0]!.digest, index.images[2]!.digest, index.attestation.digest],
  ])
  await tare.registry.copy({ ...call, to: 'store:app' })
  expect(await tare.images.inspect('app')).toMatchObject({ Architecture: 'amd64' })
  await expect(tare.registry.copy({ ...call, allPlatforms: true })).rejects.toMatchObject({ code: 'BLOB_MISSING' })
  await expect(tare.registry.copy({ ...call, preserveDigests: true })).rejects.toMatchObject({ code: 'DIGEST_CHANGES' })
})

test('every kind of target supports additional names, and a wrong one is reported before anything is written', async () => {
  const [from, to] = [await start(), await start()]
  pushIndex(from)
  const at = folder()
  const tare = await open()
  const call = { from: `${from.host}/app:1`, platforms: ['linux/amd64'] }
  for (const target of [`${to.host}/app:1`, 'store:app:1', `oci:${at}/l:1`, `oci-archive:${at}/a.tar:1`]) {
    const more = target.startsWith('store:') ? 'app:2' : '2'
    const { digest } = await tare.registry.copy({ ...call, to: target, additionalTags: [more] })
    const second = target.startsWith('store:') ? 'store:app:2' : target.replace(/1$/, '2')
    expect(await tare.registry.digest({ name: second }), target).toBe(digest)
  }
  const archive = { ...call, to: `docker-archive:${at}/d.tar:app:3` }
  await tare.registry.copy({ ...archive, additionalTags: ['app:4', 'other'] })
  expect(await tare.images.load({ from: { path: `${at}/d.tar` } })).toMatchObject([
    { names: ['app:3', 'app:4', 'other:latest'] },
  ])
  for (const target of [`${to.host}/app:9`, 'store:nine', `oci:${at}/nine`, `docker-archive:${at}/nine:9`])
    await expect(
      tare.registry.copy({ ...call, to: target, additionalTags: ['UPPER CASE'] }),
      target,
    ).rejects.toMatchObject({
      code: expect.stringMatching(/^(?:REFERENCE|TRANSPORT)_INVALID$/),
    })
  expect(readdirSync(at).sort()).toEqual(['a.tar', 'd.tar', 'l'])
  expect(to.manifests.has('9')).toBe(false)
})

test('a layer that is damaged on its way leaves nothing in any target', async () => {
  const registry = await start()
  const { images } = pushIndex(registry)
  const layer = documentOf(registry, images[0]!.digest).layers[0]
  const bytes = Buffer.from(registry.blobs.get(layer.digest)!)
  bytes[9] = bytes[9]! ^ 1
  registry.blobs.set(layer.digest, bytes)
  const at = folder()
  const tare = await open()
  const target = await start()
  const old = join(at, 'old.tar')
  writeFileSync(old, 'what was there before')
  for (const to of ['oci:layout:1', 'oci-archive:a.tar', 'docker-archive:b.tar', 'oci-archive:old.tar'])
    await expect(
      tare.registry.copy({
        from: `${registry.host}/app:1`,
        to: to.replace(':', `:${at}/`),
        platforms: ['linux/amd64'],
      }),
    ).rejects.toMatchObject({ code: 'BLOB_CORRUPT' })
  for (const to of ['store:app', `${target.host}/app:1`])
    await expect(tare.registry.copy({ from: `${registry.host}/app:1`, to })).rejects.toMatchObject({
      code: 'BLOB_CORRUPT',
    })
  expect(readdirSync(at)).toEqual(['old.tar'])
  expect(readFileSync(old, 'utf8')).toBe('what was there before')
  expect(target.manifests.size).toBe(0)
  expect(await tare.images.list()).toEqual([])
})

test('places that hold several images, none, or are none, say what to do', async () => {
  const registry = await start()
  pushIndex(registry, 'a')
  const image = tinyImage()
  for (const blob of [...image.layers, image.config]) registry.addBlob(blob.bytes)
  registry.addManifest(mediaTypes.manifest, JSON.parse(image.manifest.bytes.toString()), 'b')
  const at = folder()
  const tare = await open()
  for (const tag of ['a', 'b'])
    await tare.registry.copy({ from: `${registry.host}/app:${tag}`, to: `oci:${at}/layout:${tag}` })
  const to = `oci-archive:${at}/out.tar`
  const refused = (from: string, more = {}) => expect(tare.registry.copy({ from, to, ...more })).rejects
  await refused(`oci:${at}/layout`).toMatchObject({ code: 'IMAGE_AMBIGUOUS', remedy: expect.stringContaining('a, b') })
  await refused(`oci:${at}/layout:c`).toMatchObject({ code: 'IMAGE_UNKNOWN', remedy: 'It contains a, b.' })
  await refused(`oci:${at}/nowhere`).toMatchObject({ code: 'ARCHIVE_MISSING' })
  await refused('store:nothing').toMatchObject({ code: 'IMAGE_UNKNOWN' })
  await refused(`${registry.host}/app:none`).toMatchObject({ code: 'IMAGE_UNKNOWN' })
  await refused(`oci:${at}/layout:b`, { to: `oci:${tare.home}` }).toMatchObject({ code: 'TRANSPORT_INVALID' })
  filesOf({ 'notes.txt': 'mine' }, join(at))
  await refused(`oci:${at}/layout:b`, { to: `oci:${at}` }).toMatchObject({ code: 'ARCHIVE_UNWRITABLE' })
  await refused(`oci:${at}/layout:b`, { platforms: ['linux/arm64'] }).toMatchObject({ code: 'PLATFORM_MISSING' })
  expect(existsSync(join(at, 'out.tar'))).toBe(false)
})
