import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { BadRegistry } from '../../../test/kit/bad-registry.ts'
import { tinyImage } from '../../../test/kit/tiny-image.ts'
import { mediaTypes } from '../../oci/index.ts'
import { sha256 } from '../../support/index.ts'
import { openTare } from '../library.ts'

async function prepare() {
  const registry = await BadRegistry.start()
  const home = mkdtempSync(join(tmpdir(), 'tare-document-'))
  onTestFinished(() => {
    registry.stop()
    rmSync(home, { recursive: true, force: true })
  })
  const images = ['amd64', 'arm64'].map((architecture) => {
    const image = tinyImage({ architecture, files: [['f', architecture]] })
    const packed = gzipSync(image.layers[0]!.bytes, { level: 1 })
    const layers = [{ mediaType: mediaTypes.layerGzip, digest: registry.addBlob(packed), size: packed.length }]
    registry.addBlob(image.config.bytes)
    const manifest = { schemaVersion: 2, mediaType: mediaTypes.manifest, config: image.config.descriptor, layers }
    const platform = { architecture, os: 'linux' }
    return { mediaType: mediaTypes.manifest, ...registry.addManifest(mediaTypes.manifest, manifest), platform }
  })
  const list = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: images }
  const index = registry.addManifest(mediaTypes.index, list, '1')
  return { registry, images, index, name: `${registry.host}/app:1`, tare: await openTare({ home, environment: {} }) }
}

test('digest, manifest and config are a registry’s, of the index or of one platform', async () => {
  const { images, index, name, tare } = await prepare()
  expect(await tare.registry.digest({ name })).toBe(index.digest)
  expect(sha256(await tare.registry.manifest({ name }))).toBe(index.digest)
  const platform = 'linux/arm64'
  expect(await tare.registry.digest({ name, platform })).toBe(images[1]!.digest)
  expect(sha256(await tare.registry.manifest({ name, platform }))).toBe(images[1]!.digest)
  expect(JSON.parse(await tare.registry.config({ name, platform }))).toMatchObject({ architecture: 'arm64' })
  await expect(tare.registry.manifest({ name, platform: 'linux/s390x' })).rejects.toMatchObject({
    code: 'PLATFORM_MISSING',
  })
})

test('of the store, they are those that it was pulled as; of a layout, its own', async () => {
  const { registry, images, index, name, tare } = await prepare()
  await expect(tare.registry.digest({ name, local: true })).rejects.toMatchObject({ code: 'IMAGE_UNKNOWN' })
  await tare.registry.pull({ name, allPlatforms: true })
  await tare.registry.copy({ from: `store:${name}`, to: `oci:${tare.home}-layout` })
  onTestFinished(() => rmSync(`${tare.home}-layout`, { recursive: true, force: true }))
  registry.stop()
  for (const options of [{ name, local: true }, { name: `store:${name}` }]) {
    expect(await tare.registry.digest(options)).toBe(index.digest)
    expect(sha256(await tare.registry.manifest(options))).toBe(index.digest)
    const arm64 = { ...options, platform: 'linux/arm64' }
    expect(sha256(await tare.registry.manifest(arm64))).toBe(images[1]!.digest)
    expect(JSON.parse(await tare.registry.config(arm64))).toMatchObject({ architecture: 'arm64' })
  }
  const there = { name: `oci:${tare.home}-layout` }
  const digest = await tare.registry.digest(there)
  expect(digest).not.toBe(index.digest)
  expect(sha256(await tare.registry.manifest(there))).toBe(digest)
})

test('of an image built here, which no registry has, they are the store’s', async () => {
  const { tare } = await prepare()
  const { digest, id } = await tare.build({
    context: { kind: 'empty' },
    dockerfile: { text: 'FROM scratch\nENV a=b\n' },
    tags: ['app'],
  })
  expect(await tare.registry.digest({ name: 'app', local: true })).toBe(digest)
  expect(sha256(await tare.registry.manifest({ name: 'app', local: true }))).toBe(digest)
  expect(sha256(await tare.registry.config({ name: 'app', local: true }))).toBe(id)
})
