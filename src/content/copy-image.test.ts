import { expect, test } from 'vitest'
import { keeps } from '../../test/kit/keeps.ts'
import { tinyBlob, tinyImage } from '../../test/kit/tiny-image.ts'
import {
  type Descriptor,
  type Digest,
  formatReference,
  goJson,
  indexJson,
  mediaTypes,
  parseReference,
  type Reference,
} from '../oci/index.ts'
import { type Bytes, collect, flow, TareError, type TareEvent } from '../support/index.ts'
import { copyImage, type Target, verified } from './index.ts'
import { targetSuite } from './suite.ts'

/** The plainest thing that keeps the promises of a Target; it also notes what happens to it. */
class Memory implements Target {
  readonly blobs = new Map<Digest, Buffer>()
  readonly names = new Map<string, Descriptor>()
  readonly log: string[] = []

  async resolve(name: Reference): Promise<Descriptor | undefined> {
    return this.names.get(formatReference(name))
  }
  async open(blob: Descriptor): Promise<Bytes> {
    this.log.push(`open ${blob.digest}`)
    const bytes = this.blobs.get(blob.digest)
    if (bytes === undefined) throw new TareError('BLOB_MISSING', `there is no ${blob.digest}`)
    return flow(bytes)
  }
  async has(blob: Descriptor): Promise<boolean> {
    return this.blobs.has(blob.digest)
  }
  async put(blob: Descriptor, open: () => Promise<Bytes>): Promise<void> {
    if (this.blobs.has(blob.digest)) return
    this.blobs.set(blob.digest, await collect(verified(await open(), blob), 1 << 20))
    this.log.push(`put ${blob.digest}`)
  }
  async tag(name: Reference, blob: Descriptor): Promise<void> {
    this.names.set(formatReference(name), blob)
  }
}

targetSuite('memory', async () => new Memory(), { test: keeps })

const name = parseReference('app')

async function holding(...images: ReturnType<typeof tinyImage>[]): Promise<Memory> {
  const memory = new Memory()
  for (const image of images) for (const blob of image.blobs) await memory.put(blob.descriptor, blob.open)
  memory.log.length = 0
  return memory
}

test('children go before their parents: layers, config, manifest', async () => {
  const image = tinyImage({
    files: [
      ['a', '1'],
      ['b', '2'],
    ],
  })
  const from = await holding(image)
  await from.tag(name, image.manifest.descriptor)
  const to = new Memory()
  expect(await copyImage(from, name, to, parseReference('copy:1'))).toEqual(image.manifest.descriptor)
  expect(to.log).toEqual(image.blobs.map((blob) => `put ${blob.descriptor.digest}`))
  expect([...to.names.keys()]).toEqual(['docker.io/library/copy:1'])
})

test('a descriptor can be copied too, and without `as` the copy has no name', async () => {
  const image = tinyImage()
  const to = new Memory()
  await copyImage(await holding(image), image.manifest.descriptor, to)
  expect(to.blobs.size).toBe(3)
  expect(to.names.size).toBe(0)
})

test('what the target has is not read again', async () => {
  const image = tinyImage()
  const from = await holding(image)
  const to = await holding(image)
  await copyImage(from, image.manifest.descriptor, to)
  expect(from.log).toEqual([`open ${image.manifest.descriptor.digest}`])
  expect(to.log).toEqual([])
})

test('an index comes with all its images, and goes last', async () => {
  const images = [tinyImage({ architecture: 'amd64' }), tinyImage({ architecture: 'arm64' })]
  const index = tinyBlob(
    mediaTypes.index,
    goJson(indexJson({ mediaType: mediaTypes.index, manifests: images.map((image) => image.manifest.descriptor) })),
  )
  const from = await holding(...images)
  await from.put(index.descriptor, index.open)
  const to = new Memory()
  await copyImage(from, index.descriptor, to, name)
  expect(new Set(to.blobs.keys())).toEqual(new Set(from.blobs.keys()))
  expect(to.log.at(-1)).toBe(`put ${index.descriptor.digest}`)
})

test('a name that is not there says so', async () => {
  await expect(copyImage(new Memory(), name, new Memory())).rejects.toMatchObject({
    code: 'IMAGE_UNKNOWN',
    message: expect.stringContaining('docker.io/library/app:latest'),
  })
})

test('a manifest that is not the one asked for is not copied', async () => {
  const image = tinyImage()
  const from = await holding(image)
  from.blobs.set(image.manifest.descriptor.digest, Buffer.alloc(image.manifest.descriptor.size, 'x'))
  const to = new Memory()
  await expect(copyImage(from, image.manifest.descriptor, to)).rejects.toMatchObject({ code: 'BLOB_CORRUPT' })
  expect(to.blobs.size).toBe(0)
})

test('a manifest too large to be one is not even opened', async () => {
  const from = new Memory()
  const huge = { ...tinyImage().manifest.descriptor, size: 9 << 20 }
  await expect(copyImage(from, huge, new Memory())).rejects.toMatchObject({ code: 'MANIFEST_INVALID' })
  expect(from.log).toEqual([])
})

test('indexes in indexes without end are refused', async () => {
  const from = new Memory()
  let inner = tinyImage().manifest
  for (let i = 0; i < 10; i++) {
    inner = tinyBlob(
      mediaTypes.index,
      goJson(indexJson({ mediaType: mediaTypes.index, manifests: [inner.descriptor] })),
    )
    await from.put(inner.descriptor, inner.open)
  }
  await expect(copyImage(from, inner.descriptor, new Memory())).rejects.toThrow(/nests indexes deeper than 8/)
})

test('a copy that is called off stops with the reason of its signal', async () => {
  const image = tinyImage()
  const to = new Memory()
  const signal = AbortSignal.abort(new Error('enough'))
  await expect(copyImage(await holding(image), image.manifest.descriptor, to, name, { signal })).rejects.toThrow(
    'enough',
  )
  expect(to.blobs.size).toBe(0)
})

test('a copy that is called off half way keeps no half blob', async () => {
  const image = tinyImage()
  const stop = new AbortController()
  const to = new Memory()
  const report = (event: TareEvent) => {
    if (event.type === 'transfer' && event.digest === image.layers[0]!.descriptor.digest)
      stop.abort(new Error('enough'))
  }
  await expect(
    copyImage(await holding(image), image.manifest.descriptor, to, name, { signal: stop.signal, report }),
  ).rejects.toThrow('enough')
  expect(to.blobs.size).toBe(0)
})

test('each blob that moves is reported from none to all of its bytes', async () => {
  const image = tinyImage()
  const events: TareEvent[] = []
  await copyImage(await holding(image), image.manifest.descriptor, new Memory(), undefined, {
    report: (event) => events.push(event),
  })
  const size = image.layers[0]!.descriptor.size
  expect(events.slice(0, 2)).toEqual([
    {
      type: 'transfer',
      digest: image.layers[0]!.descriptor.digest,
      phase: 'copying',
      current: 0,
      total: size,
      done: false,
    },
    {
      type: 'transfer',
      digest: image.layers[0]!.descriptor.digest,
      phase: 'copying',
      current: size,
      total: size,
      done: true,
      outcome: 'transferred',
    },
  ])
})
