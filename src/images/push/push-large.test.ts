import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import * as zlib from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { BadRegistry, type BadRegistryOptions } from '../../../test/kit/bad-registry.ts'
import { temporaryFolder as folder } from '../../../test/kit/cli.ts'
import { buildLarge as built } from '../../../test/kit/large-image.ts'
import { hasProgram } from '../../../test/kit/needs.ts'
import { mediaTypes } from '../../oci/index.ts'
import { sha256 } from '../../support/index.ts'
import { openTare } from '../../verbs/library.ts'

// Layers that are worth hurrying for: what is sent to an empty repository is sent while it is squeezed.

async function start(options: BadRegistryOptions = {}): Promise<BadRegistry> {
  const registry = await BadRegistry.start(options)
  onTestFinished(() => registry.stop())
  return registry
}

/** The one layer of the image that has the tag there. */
function layerOf(registry: BadRegistry): { readonly mediaType: string; readonly bytes: Buffer } {
  const { layers } = JSON.parse(registry.manifests.get('1')!.bytes.toString())
  return { mediaType: layers[0].mediaType, bytes: registry.blobs.get(layers[0].digest)! }
}

test('to an empty repository the bytes go up as they are made', async () => {
  const registry = await start()
  const name = `${registry.host}/app:1`
  const tare = await built(name)
  const { layers } = await tare.registry.push({ name })
  expect(layers[0]!.how).toBe('uploaded')
  expect(registry.countOf('PATCH')).toBe(1)
  expect(sha256(zlib.gunzipSync(layerOf(registry).bytes))).toBe(layers[0]!.diffId)
  expect(registry.uploads.size).toBe(0)
})

test('where there are images already, it is asked first, and nothing is sent twice', async () => {
  let empty = true
  const registry = await start({
    interfere: (request, response) => {
      if (!request.url!.includes('/tags/list') || empty) return false
      response.end('{"name":"app","tags":["1"]}')
      return true
    },
  })
  const name = `${registry.host}/app:1`
  const tare = await built(name)
  await tare.registry.push({ name })
  empty = false
  // Another store comes to the same bytes, and does not know that they are there.
  const other = await openTare({ home: folder(), environment: {} })
  const archive = join(folder(), 'app.tar')
  await tare.images.save({ names: [name], to: { path: archive } })
  await other.images.load({ from: { path: archive } })
  const before = registry.countOf('PATCH') + registry.countOf('POST')
  expect((await other.registry.push({ name })).layers[0]!.how).toBe('existing')
  expect(registry.countOf('PATCH') + registry.countOf('POST')).toBe(before)
})

test.each([1, 300_000, 2_900_000])('an upload that breaks after %i bytes arrives whole all the same', async (limit) => {
  let broken = false
  const registry = await start({
    interfere: async (request, _, { uploads }) => {
      if (request.method !== 'PATCH' || broken) return false
      broken = true
      const { socket } = request
      let size = 0
      const kept: Buffer[] = []
      for await (const chunk of request) {
        kept.push(chunk as Buffer)
        size += (chunk as Buffer).length
        if (size >= limit) break
      }
      uploads.set(/uploads\/(\d+)/.exec(request.url!)![1]!, Buffer.concat(kept))
      socket.destroy()
      return true
    },
  })
  const name = `${registry.host}/app:1`
  const tare = await built(name)
  const { layers } = await tare.registry.push({ name })
  expect(broken).toBe(true)
  expect(sha256(zlib.gunzipSync(layerOf(registry).bytes))).toBe(layers[0]!.diffId)
})

test('a layer that turns out to be damaged is taken back', async () => {
  const registry = await start()
  const home = folder()
  const name = `${registry.host}/app:1`
  const archive = join(folder(), 'app.tar')
  await (await built(name)).images.save({ names: [name], to: { path: archive } })
  const tare = await openTare({ home, environment: {} })
  await tare.images.load({ from: { path: archive } })
  const [diffId] = (await tare.images.inspect(name)).RootFS.Layers
  spawnSync('sed', ['-i', 's/a line of text/a lime of text/', join(home, 'blobs/sha256', diffId!.slice(7))])
  await expect(tare.registry.push({ name })).rejects.toMatchObject({ code: 'BLOB_CORRUPT' })
  expect(registry.manifests.size).toBe(0)
  expect(registry.countOf('DELETE')).toBe(1)
})

test.skipIf(!('zstdCompress' in zlib) && !hasProgram('zstd'))(
  'with zstd, layers are compressed so, and again where they were gzip',
  async () => {
    const registry = await start()
    const name = `${registry.host}/app:1`
    const tare = await built(name)
    await tare.registry.push({ name })
    expect(layerOf(registry).mediaType).toBe(mediaTypes.layerGzip)
    await tare.registry.push({ name, compression: 'zstd' })
    expect(layerOf(registry).mediaType).toBe(mediaTypes.layerZstd)
    const size = layerOf(registry).bytes.length
    // As it was pushed last, until it is asked for otherwise.
    await tare.registry.push({ name })
    expect(layerOf(registry).bytes.length).toBe(size)
    await tare.registry.push({ name, format: 'docker' })
    expect(layerOf(registry).mediaType).toBe(mediaTypes.dockerLayerGzip)
    await expect(tare.registry.push({ name, format: 'docker', compression: 'zstd' })).rejects.toMatchObject({
      code: 'OPTION_INVALID',
    })
    const other = await openTare({ home: folder(), environment: {} })
    await tare.registry.push({ name, compression: 'zstd' })
    expect((await other.registry.pull({ name })).id).toBe((await tare.images.inspect(name)).Id)
    // What others have squeezed stays, unless it is forced.
    await other.registry.push({ name, compression: 'gzip' })
    expect(layerOf(registry).mediaType).toBe(mediaTypes.layerZstd)
    await other.registry.push({ name, compression: 'gzip', forceCompression: true })
    expect(layerOf(registry).mediaType).toBe(mediaTypes.layerGzip)
  },
)
