import { type Descriptor, goJson, indexJson, manifestJson, mediaTypes, parseReference } from '../oci/index.ts'
import { collect, flow, sha256 } from '../support/index.ts'
import type { Source, Target } from './types.ts'

/** How to test a target. */
export interface SuiteOptions<T extends Target> {
  /** vitest's `test`, passed as an argument because this room is pure and part of the library. */
  readonly test: (title: string, run: () => Promise<void>) => unknown
  /** For a target that can be read only after it was written: completes it and opens the result. */
  readonly settle?: (target: T) => Promise<Source>
}

/**
 * Tests the promises of every Target. `open` returns a new, empty one for each test.
 *
 *     targetSuite('the store', () => openStore(temporaryFolder()), { test })
 */
export function targetSuite<T extends Target>(name: string, open: () => Promise<T>, options: SuiteOptions<T>): void {
  const settle = options.settle ?? (async (target: T): Promise<Source> => target)
  const promise = (title: string, check: (target: T) => Promise<void>) =>
    options.test(`${name}: ${title}`, async () => check(await open()))

  promise('a blob is there after it is put, and not before', async (target) => {
    const blob = layerOf('one')
    same(await target.has(blob.descriptor), false)
    await target.put(blob.descriptor, blob.open)
    same(await target.has(blob.descriptor), true)
  })

  promise('an image comes back byte for byte, under its name', async (target) => {
    const image = tinyImage('a', 'b')
    await putAll(target, image)
    await target.tag(name1, image.root)
    const source = await settle(target)
    same(await source.resolve(name1).then(pointer), pointer(image.root))
    for (const blob of image.blobs) same(await text(source, blob.descriptor), blob.bytes.toString('latin1'))
  })

  promise('an image may have several names, and a name moves to the image that gets it last', async (target) => {
    const [old, young] = [tinyImage('old'), tinyImage('young')]
    await putAll(target, old)
    await putAll(target, young)
    await target.tag(name1, old.root)
    await target.tag(name2, old.root)
    await target.tag(name1, young.root)
    const source = await settle(target)
    same(await source.resolve(name1).then(pointer), pointer(young.root))
    same(await source.resolve(name2).then(pointer), pointer(old.root))
  })

  promise('a name that nobody gave resolves to nothing', async (target) => {
    const image = tinyImage('a')
    await putAll(target, image)
    await target.tag(name1, image.root)
    same(await (await settle(target)).resolve(name2), undefined)
  })

  promise('putting a blob twice is putting it once', async (target) => {
    const image = tinyImage('a')
    await putAll(target, image)
    await putAll(target, image)
    await target.tag(name1, image.root)
    const source = await settle(target)
    for (const blob of image.blobs) same(await text(source, blob.descriptor), blob.bytes.toString('latin1'))
  })

  promise('bytes are asked for at most once', async (target) => {
    const image = tinyImage('a')
    let opened = 0
    for (const blob of image.blobs)
      await target.put(blob.descriptor, async () => {
        opened += 1
        return blob.open()
      })
    await target.tag(name1, image.root)
    await settle(target)
    same(opened, image.blobs.length)
  })

  promise('an index keeps all its images', async (target) => {
    const [one, two] = [tinyImage('one'), tinyImage('two')]
    const index = documentOf(
      mediaTypes.index,
      indexJson({ mediaType: mediaTypes.index, manifests: [one.root, two.root] }),
    )
    for (const blob of [...one.blobs, ...two.blobs, index]) await target.put(blob.descriptor, blob.open)
    await target.tag(name1, index.descriptor)
    const source = await settle(target)
    same(await source.resolve(name1).then(pointer), pointer(index.descriptor))
    for (const blob of [...one.blobs, ...two.blobs])
      same(await text(source, blob.descriptor), blob.bytes.toString('latin1'))
  })

  promise('a blob that was never put is missing', async (target) => {
    const image = tinyImage('a')
    await putAll(target, image)
    await target.tag(name1, image.root)
    const source = await settle(target)
    await refused('BLOB_MISSING', () => text(source, layerOf('never').descriptor))
  })

  for (const [how, bytes] of [
    ['other bytes of the same length', 'tWo'],
    ['too few bytes', 'tw'],
    ['too many bytes', 'twoo'],
    ['no bytes', ''],
  ] as const)
    promise(`${how} are refused, and nothing of them stays`, async (target) => {
      const image = tinyImage('two')
      const layer = layerOf('two').descriptor
      await refused('BLOB_CORRUPT', async () => {
        await target.put(layer, async () => flow(Buffer.from(bytes)))
        await putAll(target, { blobs: image.blobs.slice(1) })
        await target.tag(name1, image.root)
        await settle(target)
      })
      // A target written as a whole cannot be asked any more; one that lives on must not have the blob.
      if (options.settle === undefined) {
        same(await target.has(layer), false)
        await refused('BLOB_MISSING', () => text(target, layer))
        await target.put(layer, layerOf('two').open)
        same(await target.has(layer), true)
      }
    })

  promise('when the bytes end in an error, the error comes out and the blob does not go in', async (target) => {
    const image = tinyImage('a')
    const layer = layerOf('a').descriptor
    let met: unknown
    try {
      await target.put(layer, async () => {
        throw new Error('the cable was pulled')
      })
      await putAll(target, { blobs: image.blobs.slice(1) })
      await target.tag(name1, image.root)
      await settle(target)
    } catch (error) {
      met = error
    }
    same(deepestMessage(met), 'the cable was pulled')
    if (options.settle === undefined) same(await target.has(layer), false)
  })
}

const name1 = parseReference('example.com/suite/one:1')
const name2 = parseReference('example.com/suite/two:2')

interface Blob {
  readonly descriptor: Descriptor
  readonly bytes: Buffer
  open(): Promise<AsyncIterable<Uint8Array>>
}

function blobOf(mediaType: string, bytes: Buffer): Blob {
  const descriptor = { mediaType, digest: sha256(bytes), size: bytes.length }
  return { descriptor, bytes, open: async () => flow(bytes) }
}

function documentOf(mediaType: string, value: unknown): Blob {
  return blobOf(mediaType, Buffer.from(goJson(value)))
}

/** Not a tar: targets do not look into layers. */
function layerOf(contents: string): Blob {
  return blobOf(mediaTypes.layer, Buffer.from(contents))
}

/** Children first, as `copyImage` writes them: layers, config, manifest. */
function tinyImage(...contents: readonly string[]): { root: Descriptor; blobs: readonly Blob[] } {
  const layers = contents.map(layerOf)
  const config = documentOf(mediaTypes.config, {
    architecture: 'amd64',
    config: {},
    created: '2024-01-02T03:04:05Z',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.descriptor.digest) },
  })
  const manifest = documentOf(
    mediaTypes.manifest,
    manifestJson({
      mediaType: mediaTypes.manifest,
      config: config.descriptor,
      layers: layers.map((layer) => layer.descriptor),
    }),
  )
  return { root: manifest.descriptor, blobs: [...layers, config, manifest] }
}

async function putAll(target: Target, image: { blobs: readonly Blob[] }): Promise<void> {
  for (const blob of image.blobs) await target.put(blob.descriptor, blob.open)
}

async function text(source: Source, blob: Descriptor): Promise<string> {
  return (await collect(await source.open(blob), 1 << 20)).toString('latin1')
}

/** Returns the part of a descriptor that must be equal for the same blob. */
function pointer(blob: Descriptor | undefined): string {
  return blob === undefined ? 'nothing' : `${blob.mediaType} ${blob.digest} ${blob.size}`
}

function same(found: unknown, wanted: unknown): void {
  if (found !== wanted) throw new Error(`expected ${String(wanted)}, found ${String(found)}`)
}

async function refused(code: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    same((error as { code?: unknown }).code, code)
    return
  }
  throw new Error(`expected ${code}, but all went well`)
}

function deepestMessage(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  return cause === undefined ? String((error as Error | undefined)?.message) : deepestMessage(cause)
}
