import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { BadRegistry } from '../../../test/kit/bad-registry.ts'
import { tinyImage } from '../../../test/kit/tiny-image.ts'
import type { Tare } from '../../api/index.ts'
import { type Descriptor, mediaTypes } from '../../oci/index.ts'
import { openTare } from '../library.ts'

async function start(): Promise<BadRegistry> {
  const registry = await BadRegistry.start()
  onTestFinished(() => registry.stop())
  return registry
}

function open(): Promise<Tare> {
  const home = mkdtempSync(join(tmpdir(), 'tare-index-'))
  onTestFinished(() => rmSync(home, { recursive: true, force: true }))
  return openTare({ home, environment: {} })
}

/** Puts an image there; Docker's manifest names the same blobs. */
function push(
  registry: BadRegistry,
  architecture: string,
  tag: string,
  more: { docker?: boolean; file?: string } = {},
) {
  const image = tinyImage({ architecture, files: [['f', more.file ?? architecture]] })
  for (const blob of [...image.layers, image.config]) registry.addBlob(blob.bytes)
  const mediaType = more.docker === true ? mediaTypes.dockerManifest : mediaTypes.manifest
  const config = { ...image.config.descriptor, ...(more.docker === true ? { mediaType: mediaTypes.dockerConfig } : {}) }
  const layers = image.layers.map(({ descriptor }) => descriptor)
  return { mediaType, ...registry.addManifest(mediaType, { schemaVersion: 2, mediaType, config, layers }, tag) }
}

const documentOf = (registry: BadRegistry, tag: string) => JSON.parse(registry.manifests.get(tag)!.bytes.toString())
const digestsOf = (registry: BadRegistry, tag: string) =>
  documentOf(registry, tag).manifests.map(({ digest }: Descriptor) => digest)

test('an index is made of images of several registries, whose platforms their configs say', async () => {
  const [here, there] = [await start(), await start()]
  const [amd64, arm64] = [push(here, 'amd64', 'amd'), push(there, 'arm64', 'arm')]
  const tare = await open()
  const made = await tare.index.create({
    ...{ name: `${here.host}/app:1`, images: [`${here.host}/app:amd`, `${there.host}/other:arm`] },
    annotations: { 'org.example': '1' },
  })
  expect(made).toMatchObject({ fullName: `${here.host}/app:1`, mediaType: mediaTypes.index })
  expect(documentOf(here, '1')).toEqual({
    ...{ schemaVersion: 2, mediaType: mediaTypes.index, annotations: { 'org.example': '1' } },
    manifests: [
      { ...amd64, platform: { architecture: 'amd64', os: 'linux' } },
      { ...arm64, platform: { architecture: 'arm64', os: 'linux' } },
    ],
  })
  expect(made.digest).toBe(await tare.registry.digest({ name: `${here.host}/app:1` }))
  for (const digest of there.blobs.keys()) expect(here.blobs.has(digest), digest).toBe(true)
  const { id } = await tare.registry.pull({ name: `${here.host}/app:1`, platform: 'linux/arm64' })
  expect(await tare.images.inspect(id)).toMatchObject({ Architecture: 'arm64' })
})

test('with append, an image takes the place of that for its platform, with what attests to it', async () => {
  const registry = await start()
  const [old, arm64, fresh] = [
    push(registry, 'amd64', 'old'),
    push(registry, 'arm64', 'arm'),
    push(registry, 'amd64', 'new', { file: 'newer' }),
  ]
  const attest = (digest: string) => ({
    ...{
      ...push(registry, 'unknown', digest.slice(7, 20), { file: digest }),
      platform: { architecture: 'unknown', os: 'unknown' },
    },
    annotations: { 'vnd.docker.reference.digest': digest, 'vnd.docker.reference.type': 'attestation-manifest' },
  })
  const platform = (architecture: string) => ({ platform: { architecture, os: 'linux', 'os.features': ['x'] } })
  const [ofOld, ofArm] = [attest(old.digest), attest(arm64.digest)]
  const manifests = [
    { ...old, platform: { architecture: 'amd64', os: 'linux' } },
    { ...arm64, ...platform('arm64') },
    ofOld,
    ofArm,
  ]
  registry.addManifest(
    mediaTypes.index,
    { schemaVersion: 2, mediaType: mediaTypes.index, manifests, annotations: { kept: 'yes' } },
    '1',
  )
  const tare = await open()
  const options = { name: `${registry.host}/app:1`, images: [`${registry.host}/app:new`], append: true }
  await tare.index.create(options)
  expect(digestsOf(registry, '1')).toEqual([arm64.digest, ofArm.digest, fresh.digest])
  // What nobody here knows stays.
  expect(documentOf(registry, '1')).toMatchObject({
    annotations: { kept: 'yes' },
    manifests: [platform('arm64'), {}, {}],
  })
  const again = await tare.index.create(options)
  expect(digestsOf(registry, '1')).toEqual([arm64.digest, ofArm.digest, fresh.digest])
  // An index is taken apart.
  await tare.index.create({ name: `${registry.host}/app:2`, images: [`${registry.host}/app:1`] })
  expect(digestsOf(registry, '2')).toEqual([arm64.digest, ofArm.digest, fresh.digest])
  expect(again.digest).not.toBe(await tare.registry.digest({ name: `${registry.host}/app:2` }))
  await expect(tare.index.create({ ...options, name: `${registry.host}/app:none` })).rejects.toMatchObject({
    code: 'IMAGE_UNKNOWN',
  })
})

test('two images for one platform are refused, and so is a target without a tag', async () => {
  const registry = await start()
  push(registry, 'amd64', 'a')
  push(registry, 'amd64', 'b', { file: 'another' })
  const tare = await open()
  const images = ['a', 'b'].map((tag) => `${registry.host}/app:${tag}`)
  await expect(tare.index.create({ name: `${registry.host}/app:1`, images })).rejects.toMatchObject({
    code: 'OPTION_INVALID',
    message: expect.stringMatching(/app:a and .*app:b are both for linux\/amd64/),
  })
  expect(registry.manifests.has('1')).toBe(false)
  const name = `${registry.host}/app@${`sha256:${'a'.repeat(64)}`}`
  await expect(tare.index.create({ name, images })).rejects.toMatchObject({ code: 'REFERENCE_INVALID' })
})

test('Docker’s manifests make Docker’s list, which becomes OCI’s with annotations', async () => {
  const registry = await start()
  const image = push(registry, 'amd64', 'a', { docker: true })
  const tare = await open()
  const call = { name: `${registry.host}/app:1`, images: [`${registry.host}/app:a`] }
  expect(await tare.index.create(call)).toMatchObject({ mediaType: mediaTypes.dockerList })
  expect(await tare.index.create({ ...call, format: 'oci' })).toMatchObject({ mediaType: mediaTypes.index })
  expect(await tare.index.create({ ...call, annotations: { a: 'b' } })).toMatchObject({ mediaType: mediaTypes.index })
  await expect(tare.index.create({ ...call, annotations: { a: 'b' }, format: 'docker' })).rejects.toMatchObject({
    code: 'FORMAT_UNABLE',
  })
  await tare.index.create(call)
  const annotated = await tare.index.annotate({
    name: call.name,
    image: image.digest.slice(7, 19),
    annotations: { a: 'b' },
  })
  expect(annotated.mediaType).toBe(mediaTypes.index)
  expect(documentOf(registry, '1').manifests[0]).toMatchObject({ digest: image.digest, annotations: { a: 'b' } })
})

test('a dry run says what the index would be, and sends nothing', async () => {
  const [here, there] = [await start(), await start()]
  const image = push(there, 'amd64', 'a')
  const tare = await open()
  const call = { name: `${here.host}/app:1`, images: [`${there.host}/app:a`], dryRun: true }
  const { json } = await tare.index.create(call)
  expect(JSON.parse(json).manifests).toMatchObject([{ digest: image.digest }])
  expect(here.requests.filter((request) => !request.startsWith('GET /v2/'))).toEqual([])
  await expect(tare.index.create({ ...call, images: ['store:app'] })).rejects.toMatchObject({ code: 'IMAGE_UNKNOWN' })
})

test('annotate changes one entry or the index, and leaves the images alone', async () => {
  const registry = await start()
  const [amd64, arm64] = [push(registry, 'amd64', 'a'), push(registry, 'arm64', 'b')]
  const tare = await open()
  const name = `${registry.host}/app:1`
  await tare.index.create({ name, images: ['a', 'b'].map((tag) => `${registry.host}/app:${tag}`) })
  await tare.index.annotate({
    name,
    platform: 'linux/arm64',
    variant: 'v8',
    osFeatures: ['f'],
    annotations: { a: 'b' },
  })
  await tare.index.annotate({ name, image: amd64.digest, osVersion: '10', annotations: { c: 'd' } })
  const { digest } = await tare.index.annotate({ name, annotations: { of: 'the index' } })
  expect(documentOf(registry, '1')).toEqual({
    ...{ schemaVersion: 2, mediaType: mediaTypes.index, annotations: { of: 'the index' } },
    manifests: [
      { ...amd64, platform: { architecture: 'amd64', os: 'linux', 'os.version': '10' }, annotations: { c: 'd' } },
      {
        ...{ ...arm64, annotations: { a: 'b' } },
        platform: { architecture: 'arm64', os: 'linux', variant: 'v8', 'os.features': ['f'] },
      },
    ],
  })
  const refused = (options: object) => expect(tare.index.annotate({ name, ...options })).rejects
  await refused({}).toMatchObject({ code: 'OPTION_INVALID' })
  await refused({ os: 'linux' }).toMatchObject({ code: 'OPTION_INVALID' })
  await refused({ platform: 'linux/s390x', variant: 'x' }).toMatchObject({
    code: 'PLATFORM_MISSING',
    remedy: expect.stringContaining(`${amd64.digest} (linux/amd64)`),
  })
  await refused({ image: 'sha256:', annotations: { a: 'b' } }).toMatchObject({ code: 'PLATFORM_MISSING' })
  await refused({ name: `${registry.host}/app:a`, annotations: { a: 'b' } }).toMatchObject({
    code: 'MANIFEST_UNSUPPORTED',
  })
  expect(await tare.registry.digest({ name })).toBe(digest)
})

test('an index that says a platform twice asks which is meant', async () => {
  const registry = await start()
  const images = ['1', '2'].map((file) => push(registry, 'amd64', file, { file }))
  const manifests = images.map((image, i) => ({
    ...{ ...image, platform: { architecture: 'amd64', os: 'windows', 'os.version': `10.0.${i}` } },
  }))
  registry.addManifest(mediaTypes.index, { schemaVersion: 2, mediaType: mediaTypes.index, manifests }, 'w')
  const tare = await open()
  const call = { name: `${registry.host}/app:w`, platform: 'windows/amd64', annotations: { a: 'b' } }
  await expect(tare.index.annotate(call)).rejects.toMatchObject({ code: 'IMAGE_AMBIGUOUS' })
  // With versions of their own, both may stand in one index.
  await tare.index.create({ name: `${registry.host}/app:x`, images: [`${registry.host}/app:w`] })
  expect(digestsOf(registry, 'x')).toHaveLength(2)
})
