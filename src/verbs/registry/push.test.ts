import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { BadRegistry, type BadRegistryOptions } from '../../../test/kit/bad-registry.ts'
import { tinyTar } from '../../../test/kit/tiny-image.ts'
import type { Tare } from '../../api/index.ts'
import { mediaTypes } from '../../oci/index.ts'
import { sha256 } from '../../support/index.ts'
import { openTare } from '../library.ts'

async function start(options: BadRegistryOptions = {}): Promise<BadRegistry> {
  const registry = await BadRegistry.start(options)
  onTestFinished(() => registry.stop())
  return registry
}

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'tare-push-'))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return made
}

const open = () => openTare({ home: folder(), environment: {} })

function build(tare: Tare, tag: string, platforms: readonly string[] = ['linux/amd64']) {
  const text = 'FROM scratch\nCOPY <<one /\nfirst\none\nCOPY <<two /\nsecond\ntwo\nCMD ["/one"]\n'
  return tare.build({ context: { kind: 'empty' }, dockerfile: { text }, tags: [tag], platforms })
}

test('a built image goes up: blobs first, then the manifest, then the name', async () => {
  const registry = await start()
  const tare = await open()
  const name = `${registry.host}/team/app:1`
  const { id } = await build(tare, name)
  const pushed = await tare.registry.push({ name })
  expect(pushed).toMatchObject({ fullName: name, mediaType: mediaTypes.manifest })
  expect(pushed.layers.map(({ how }) => how)).toEqual(['uploaded', 'uploaded'])
  const manifest = JSON.parse(registry.manifests.get('1')!.bytes.toString())
  expect(manifest.config).toMatchObject({ digest: id, mediaType: mediaTypes.config })
  for (const [i, { diffId }] of pushed.layers.entries()) {
    expect(manifest.layers[i].mediaType).toBe(mediaTypes.layerGzip)
    expect(sha256(gunzipSync(registry.blobs.get(manifest.layers[i].digest)!))).toBe(diffId)
  }
  const writes = registry.requests.filter((request) => request.startsWith('PUT'))
  expect(writes.slice(0, 3).every((request) => request.includes('/blobs/uploads/'))).toBe(true)
  expect(writes.slice(3)).toEqual([`PUT /v2/team/app/manifests/${pushed.digest}`, 'PUT /v2/team/app/manifests/1'])
  const before = registry.countOf('P')
  expect((await tare.registry.push({ name })).layers.map(({ how }) => how)).toEqual(['existing', 'existing'])
  // Nothing but the name again.
  expect(registry.countOf('P') - before).toBe(1)
})

test('with --format docker, all types are Docker’s', async () => {
  const registry = await start()
  const tare = await open()
  const name = `${registry.host}/app:1`
  await build(tare, name)
  expect(await tare.registry.push({ name, format: 'docker' })).toMatchObject({ mediaType: mediaTypes.dockerManifest })
  const manifest = JSON.parse(registry.manifests.get('1')!.bytes.toString())
  expect(manifest.config.mediaType).toBe(mediaTypes.dockerConfig)
  expect(manifest.layers[0].mediaType).toBe(mediaTypes.dockerLayerGzip)
})

test('an image for several platforms goes up as an index', async () => {
  const registry = await start()
  const tare = await open()
  const name = `${registry.host}/app:1`
  await build(tare, name, ['linux/amd64', 'linux/arm64'])
  const { mediaType } = await tare.registry.push({ name })
  expect(mediaType).toBe(mediaTypes.index)
  const other = await open()
  expect(await other.registry.pull({ name, platform: 'linux/arm64' })).toMatchObject({ upToDate: false })
  expect(await other.images.inspect(name)).toMatchObject({ Architecture: 'arm64' })
})

/** Puts an image there that somebody else has compressed. */
function foreign(registry: BadRegistry): { digest: string } {
  const tar = tinyTar('f', 'from elsewhere')
  const packed = gzipSync(tar, { level: 1 })
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: [sha256(tar)] },
    }),
  )
  return registry.addManifest(
    mediaTypes.dockerManifest,
    {
      schemaVersion: 2,
      mediaType: mediaTypes.dockerManifest,
      config: { mediaType: mediaTypes.dockerConfig, digest: registry.addBlob(config), size: config.length },
      layers: [{ mediaType: mediaTypes.dockerLayerGzip, digest: registry.addBlob(packed), size: packed.length }],
    },
    '1',
  )
}

test('a pulled image goes to another registry as it was, byte for byte', async () => {
  const [from, to] = [await start(), await start()]
  const { digest } = foreign(from)
  const tare = await open()
  await tare.registry.pull({ name: `${from.host}/app:1` })
  await tare.images.tag(`${from.host}/app:1`, `${to.host}/copy:2`)
  expect(await tare.registry.push({ name: `${to.host}/copy:2` })).toMatchObject({
    digest,
    layers: [{ how: 'uploaded' }],
  })
  expect(to.manifests.get('2')!.bytes.equals(from.manifests.get('1')!.bytes)).toBe(true)
})

test('an image of a pulled index that is pushed elsewhere is known there by its own digest', async () => {
  const [origin, registry] = [await start(), await start()]
  const name = `${origin.host}/app:1`
  const built = await open()
  await build(built, name, ['linux/amd64', 'linux/arm64'])
  const { digest: index } = await built.registry.push({ name })
  const tare = await open()
  await tare.registry.pull({ name, platform: 'linux/amd64' })
  const there = `${registry.host}/other:1`
  await tare.images.tag(name, there)
  const { digest } = await tare.registry.push({ name: there })
  const { RepoDigests } = await tare.images.inspect(there)
  expect([...RepoDigests].sort()).toEqual([`${origin.host}/app@${index}`, `${registry.host}/other@${digest}`].sort())
})

test('where the first registry is gone, a pulled layer is compressed anew', async () => {
  const [from, to] = [await start(), await start()]
  const { digest } = foreign(from)
  const tare = await open()
  await tare.registry.pull({ name: `${from.host}/app:1` })
  from.stop()
  await tare.images.tag(`${from.host}/app:1`, `${to.host}/copy:2`)
  const pushed = await tare.registry.push({ name: `${to.host}/copy:2` })
  expect(pushed.digest).not.toBe(digest)
  const manifest = JSON.parse(to.manifests.get('2')!.bytes.toString())
  expect(sha256(gunzipSync(to.blobs.get(manifest.layers[0].digest)!))).toBe(pushed.layers[0]!.diffId)
})

test('a layer that was damaged in the store does not leave it', async () => {
  const registry = await start()
  const home = folder()
  const tare = await openTare({ home, environment: {} })
  const name = `${registry.host}/app:1`
  await build(tare, name)
  const [diffId] = (await tare.images.inspect(name)).RootFS.Layers
  spawnSync('sed', ['-i', 's/first/worst/', join(home, 'blobs/sha256', diffId!.slice(7))])
  await expect(tare.registry.push({ name })).rejects.toMatchObject({ code: 'BLOB_CORRUPT' })
  expect(registry.manifests.size).toBe(0)
})

test('a refused push tells what was asked for, and with which credentials', async () => {
  const registry = await start({ auth: 'basic' })
  const tare = await open()
  const name = `${registry.host}/app:1`
  await build(tare, name)
  await expect(tare.registry.push({ name })).rejects.toMatchObject({
    code: 'REGISTRY_DENIED',
    message: expect.stringMatching(/repository app, asked for pull,push, without credentials/),
    remedy: expect.stringContaining('tare login'),
  })
})
