import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { BadRegistry } from '../../../test/kit/bad-registry.ts'
import { entryOf, placeImage, placeIndex, temporaryFolder } from '../../../test/kit/registry-images.ts'
import { dockerArchive, filesOf, gzipped, layout, tarOf } from '../../../test/kit/tiny-archive.ts'
import { tinyImage, tinyTar } from '../../../test/kit/tiny-image.ts'
import { mergeLayers } from '../../files/layer/index.ts'
import { type Digest, hexOf } from '../../oci/index.ts'
import { collect, type TareEvent } from '../../support/index.ts'
import { openTare } from '../../verbs/index.ts'
import { createHost, type Host } from '../index.ts'
import { findPlace } from './find-place.ts'
import { type ContentsOptions, openContents } from './index.ts'

const newHost = (home = temporaryFolder()) => createHost({ home, environment: {} })

const image = tinyImage({
  files: [
    ['etc/motd', 'hello\n'],
    ['etc/.wh.motd', ''],
    ['bin/x', 'y'.repeat(5000)],
  ],
})

/** Opens the image, and reads the file of its filesystem, or of one of its layers. */
async function read(host: Host, name: string, path: string, options: ContentsOptions & { layer?: number } = {}) {
  const opened = await openContents(host, name, options)
  try {
    const layers = options.layer === undefined ? opened.layers : [opened.layers[options.layer]!]
    const file = mergeLayers(layers).get(path)
    if (file?.kind !== 'file') return undefined
    return (await collect(opened.read(file), 1 << 20)).toString()
  } finally {
    await opened.close()
  }
}

const kept = (host: Host) => host.store.blobs.all().map(({ digest }) => digest)

const forms: readonly (readonly [string, (folder: string) => string])[] = [
  ['an OCI layout', (at) => `oci:${filesOf(layout(image), join(at, 'l'))}`],
  ['an OCI layout by its path', (at) => filesOf(layout(image), join(at, 'l'))],
  ['an OCI layout of gzip', (at) => filesOf(layout(gzipped(image)), join(at, 'l'))],
  ['an OCI archive', (at) => `oci-archive:${file(at, tarOf(layout(image)))}`],
  ['an OCI archive of gzip', (at) => file(at, tarOf(layout(gzipped(image))))],
  ['a docker-archive', (at) => `docker-archive:${file(at, tarOf(dockerArchive(image)))}`],
  ['a docker-archive by its path', (at) => file(at, tarOf(dockerArchive(image)))],
  ['a docker-archive by path and name', (at) => `${file(at, tarOf(dockerArchive(image)))}:app:1`],
  ['a docker-archive within gzip', (at) => file(at, gzipSync(tarOf(dockerArchive(image))))],
  [
    'a docker-archive with layers of gzip',
    (at) => file(at, tarOf(dockerArchive({ ...image, layers: gzipped(image).blobs.slice(0, 3) }))),
  ],
]

function file(folder: string, bytes: Buffer): string {
  writeFileSync(join(folder, 'image.tar'), bytes)
  return join(folder, 'image.tar')
}

for (const [what, make] of forms)
  test(`${what} is looked into, and its files are read; the second time by what is remembered`, async () => {
    const host = newHost()
    const name = make(temporaryFolder())
    for (const _ of [1, 2]) {
      const opened = await openContents(host, name, {})
      expect(opened.layers.map(({ index }) => index.diffId)).toEqual(image.layers.map((one) => one.descriptor.digest))
      expect(opened.layers.map(({ index }) => index.entries.map(({ kind, path }) => [kind, path]))).toEqual([
        [['file', 'etc/motd']],
        [['remove', 'etc/motd']],
        [['file', 'bin/x']],
      ])
      expect(opened.layers[0]).toMatchObject({ createdBy: 'COPY <file> / # tiny' })
      expect(opened.manifest.layers).toHaveLength(3)
      await opened.close()
      expect(await read(host, name, 'bin/x')).toBe('y'.repeat(5000))
      expect(await read(host, name, 'etc/motd')).toBeUndefined()
      expect(await read(host, name, 'etc/motd', { layer: 0 })).toBe('hello\n')
    }
    expect(
      readdirSync(join(host.store.home, 'tare', 'scratch'), { recursive: true }).filter((one) => !/^\d/.test(`${one}`)),
    ).toEqual([])
  })

test('a plain layer is read where it lies: nothing of it gets into the store', async () => {
  const host = newHost()
  const name = filesOf(layout(image), join(temporaryFolder(), 'l'))
  expect(await read(host, name, 'bin/x')).toHaveLength(5000)
  expect(kept(host)).toEqual([])
})

test('a compressed layer is decompressed when one of its files is read, and only that layer', async () => {
  const host = newHost()
  const name = filesOf(layout(gzipped(image)), join(temporaryFolder(), 'l'))
  const opened = await openContents(host, name, {})
  expect(kept(host)).toEqual([])
  await opened.unpack([opened.layers[2]!])
  expect(kept(host)).toEqual([image.layers[2]!.descriptor.digest])
  await opened.close()
  rmSync(join(name, 'blobs', 'sha256', hexOf(gzipped(image).blobs[0]!.descriptor.digest)))
  expect(await read(newHost(host.store.home), name, 'bin/x')).toHaveLength(5000)
})

test('what was unpacked is a part of the build cache: it is counted there, kept when images go, and removed with it', async () => {
  const host = newHost()
  const tare = await openTare({ home: host.store.home, environment: {} })
  await read(host, filesOf(layout(gzipped(image)), join(temporaryFolder(), 'l')), 'bin/x')
  const cache = async () => (await tare.diskUsage()).find(({ type }) => type === 'Build Cache')!
  expect(await cache()).toMatchObject({ total: 1 })
  expect((await cache()).reclaimable).toBeGreaterThan(5000)
  await tare.images.prune({ all: true })
  expect(kept(host)).toHaveLength(1)
  expect(await tare.cache.prune()).toMatchObject({ removed: [{ deleted: image.layers[2]!.descriptor.digest }] })
  expect(kept(host)).toEqual([])
  expect(await cache()).toMatchObject({ total: 0, reclaimable: 0 })
})

test('an image of the store is looked into by name or ID', async () => {
  const host = newHost()
  const tare = await openTare({ home: host.store.home, environment: {} })
  await tare.images.load({ from: { path: file(temporaryFolder(), tarOf(dockerArchive(image))) } })
  for (const name of ['app:1', 'store:app:1', hexOf(image.config.descriptor.digest).slice(0, 12)])
    expect(await read(host, name, 'bin/x')).toHaveLength(5000)
  rmSync(host.store.blobs.path(image.layers[2]!.descriptor.digest))
  const opened = await openContents(host, 'app:1', {})
  expect(opened.layers[2]!.index.entries).toHaveLength(1)
  await expect(opened.unpack()).rejects.toMatchObject({ code: 'LAYER_UNREACHABLE' })
  await opened.close()
})

test('an image of a registry says what it reads, and no layer is read twice', async () => {
  const registry = await BadRegistry.start()
  onTestFinished(() => registry.stop())
  placeImage(registry, { contents: 'from afar' }, '1')
  const host = newHost()
  const events: TareEvent[] = []
  const report = (event: TareEvent) => events.push(event)
  expect(await read(host, `docker://${registry.host}/app:1`, 'f', { report })).toBe('from afar')
  expect(events.filter((event) => event.type === 'transfer' && event.done)).toMatchObject([
    { phase: 'downloading', outcome: 'transferred', total: gzipSync(tinyTar('f', 'from afar')).length },
  ])
  const seen = events.length
  expect(await read(host, `${registry.host}/app:1`, 'f', { report })).toBe('from afar')
  expect(events).toHaveLength(seen)
  expect(await read(host, `${registry.host}/app:1`, 'f', { report, layer: 0 })).toBe('from afar')
})

test('of an index, the platform is taken that is asked for, else the only one, else the one of this machine', async () => {
  const registry = await BadRegistry.start()
  onTestFinished(() => registry.stop())
  const of = (architecture: string) => placeImage(registry, { architecture, contents: architecture })
  const [amd64, arm64] = [of('amd64'), of('arm64')]
  placeIndex(registry, [entryOf(amd64, 'linux/amd64'), entryOf(arm64, 'linux/arm64')], 'both')
  placeIndex(registry, [entryOf(arm64, 'linux/arm64')], 'one')
  const host = { ...newHost(), platform: { os: 'linux', architecture: 'amd64' } }
  const name = `${registry.host}/app`
  expect(await read(host, `${name}:both`, 'f')).toBe('amd64')
  expect(await read(host, `${name}:both`, 'f', { platform: 'linux/arm64' })).toBe('arm64')
  expect(await read(host, `${name}:one`, 'f')).toBe('arm64')
  await expect(openContents(host, `${name}:one`, { platform: 'linux/amd64' })).rejects.toMatchObject({
    code: 'PLATFORM_MISSING',
  })
})

test('a name that is neither in the store nor a file is asked for in its registry, and the error says so', async () => {
  const registry = await BadRegistry.start()
  onTestFinished(() => registry.stop())
  await expect(openContents(newHost(), `${registry.host}/none:1`, {})).rejects.toMatchObject({
    code: 'IMAGE_UNKNOWN',
    message: expect.stringContaining(`${registry.host}/none:1 is not in the store, and there is no image`),
  })
  await expect(openContents(newHost(), './none.tar', {})).rejects.toMatchObject({ code: 'ARCHIVE_MISSING' })
  await expect(openContents(newHost(), 'store:none', {})).rejects.toMatchObject({ code: 'IMAGE_UNKNOWN' })
})

const flipped = (bytes: Buffer, text: string) => {
  const copy = Buffer.from(bytes)
  copy[copy.indexOf(text)]! ^= 1
  return copy
}

test('an archive whose bytes are not what it says is refused, and nothing of it is remembered', async () => {
  const host = newHost()
  const name = file(temporaryFolder(), flipped(tarOf(dockerArchive(image)), 'yyyy'))
  await expect(openContents(host, name, {})).rejects.toMatchObject({ code: 'BLOB_CORRUPT' })
  expect(host.store.records.recall('layers', hexOf(image.layers[2]!.descriptor.digest as Digest))).toBeUndefined()
})

test('an archive that has changed since its layers were indexed is found out when the file is read', async () => {
  const host = newHost()
  const folder = temporaryFolder()
  const name = file(folder, tarOf(dockerArchive(image)))
  expect(await read(host, name, 'bin/x')).toHaveLength(5000)
  file(folder, flipped(tarOf(dockerArchive(image)), 'yyyy'))
  await expect(read(host, name, 'bin/x')).rejects.toMatchObject({ code: 'BLOB_CORRUPT' })
})

for (const [what, make] of forms.filter(([one]) => /archive/.test(one) && !/name/.test(one)))
  test(`${what} that is cut short is refused`, async () => {
    const name = make(temporaryFolder())
    const path = name.replace(/^[a-z-]+:/, '')
    writeFileSync(path, readFileSync(path).subarray(0, -4000))
    await expect(openContents(newHost(), name, {}).then((opened) => opened.unpack())).rejects.toMatchObject({
      code: expect.stringMatching(/^(?:TAR|ARCHIVE|BLOB)_/),
    })
  })

test('a store that cannot be written is no hindrance to look into an archive', async () => {
  const home = join(temporaryFolder(), 'file')
  writeFileSync(home, '')
  const host = createHost({ home: join(home, 'store'), environment: {} })
  expect(await read(host, filesOf(layout(image), join(temporaryFolder(), 'l')), 'bin/x')).toHaveLength(5000)
})

test('a file that is called an archive is meant as one, also where it is empty or cut short; of another, the error tells', async () => {
  const registry = await BadRegistry.start()
  onTestFinished(() => registry.stop())
  const folder = temporaryFolder()
  const whole = tarOf(dockerArchive(image))
  filesOf(
    {
      'empty.tar': '',
      'cut.tar': whole.subarray(0, 100),
      'noise.tgz': 'noise',
      [`${registry.host}/app`]: 'no archive',
    },
    folder,
  )
  const back = process.cwd()
  process.chdir(folder)
  try {
    for (const name of ['empty.tar', 'cut.tar', 'noise.tgz'])
      await expect(openContents(newHost(), name, {})).rejects.toMatchObject({
        code: expect.stringMatching(/^(?:TAR|ARCHIVE)_/),
        message: expect.stringContaining(name),
      })
    await expect(openContents(newHost(), `${registry.host}/app`, {})).rejects.toMatchObject({
      code: 'IMAGE_UNKNOWN',
      message: expect.stringMatching(/is not in the store, what is at that path is no image, and there is no image/),
    })
  } finally {
    process.chdir(back)
  }
})

test('a name alone is a file or a folder only where that can be an image', async () => {
  const folder = temporaryFolder()
  filesOf({ redis: 'no archive', 'web/manifest.json': '{"name":"page"}', 'web/index.json': '{}' }, folder)
  filesOf(layout(image), join(folder, 'layout'))
  file(folder, tarOf(dockerArchive(image)))
  const back = process.cwd()
  process.chdir(folder)
  try {
    const host = newHost()
    for (const name of ['layout', 'image.tar', 'image.tar:app:1', './image.tar:app:1'])
      expect(await read(host, name, 'bin/x')).toHaveLength(5000)
    expect(['redis', 'web', 'none'].map((name) => findPlace(host, name))).toMatchObject([
      ...[
        { guessed: true, namesake: 'redis' },
        { guessed: true, namesake: 'web' },
      ],
      { guessed: true, namesake: undefined, transport: { kind: 'registry' } },
    ])
  } finally {
    process.chdir(back)
  }
})
