import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { keeps } from '../../../test/kit/keeps.ts'
import { dockerArchive, filesOf, gzipped, hex, layout, tarOf } from '../../../test/kit/tiny-archive.ts'
import { type TinyImage, tinyBlob, tinyImage } from '../../../test/kit/tiny-image.ts'
import { familiarName, formatPlatform, goJson, indexJson, mediaTypes, parseReference } from '../../oci/index.ts'
import { type Bytes, collect, flow, sha256 } from '../../support/index.ts'
import { targetSuite } from '../suite.ts'
import { openArchive, writeArchive } from './index.ts'
import type { ArchiveFormat, ArchiveImage, ArchiveInput, ArchiveSource, ArchiveWriter } from './types.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tare-open-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function file(bytes: Uint8Array): string {
  const path = join(folder, 'image.tar')
  writeFileSync(path, bytes)
  return path
}

const scratch = () => join(folder, 'scratch')

interface Read {
  readonly names: readonly string[]
  readonly id: string
  readonly platform: string
  readonly layers: readonly string[]
  readonly sizes: readonly (number | undefined)[]
}

async function read(input: ArchiveInput): Promise<readonly Read[]> {
  const archive = await openArchive(input, { scratch: scratch() })
  try {
    return await Promise.all((await archive.images()).map(summary))
  } finally {
    await archive.close()
  }
}

async function summary(image: ArchiveImage): Promise<Read> {
  expect(sha256(image.configBytes)).toBe(image.config.digest)
  const layers = await Promise.all(
    image.layers.map(async (layer) => sha256(await collect(await layer.open(), 1 << 24))),
  )
  return {
    names: image.names.map(familiarName),
    id: image.config.digest,
    platform: formatPlatform(image.platform),
    layers,
    sizes: image.layers.map((layer) => layer.size),
  }
}

function wanted(image: TinyImage, ...names: readonly string[]): Read {
  return {
    names,
    id: image.config.descriptor.digest,
    platform: 'linux/amd64',
    layers: image.layers.map((layer) => layer.descriptor.digest),
    sizes: image.layers.map((layer) => layer.descriptor.size),
  }
}

const two = tinyImage({
  files: [
    ['a', '1'],
    ['b', '2'],
  ],
})

let serial = 0
const paths = new WeakMap<object, string>()
const opened: ArchiveSource[] = []
afterEach(async () => {
  for (const archive of opened.splice(0)) await archive.close()
})
targetSuite<ArchiveWriter>(
  'an OCI archive',
  async () => {
    const path = join(mkdtempSync(join(folder, 'suite-')), `${serial++}.tar`)
    const writer = writeArchive(path, { format: 'oci' })
    paths.set(writer, path)
    return writer
  },
  {
    test: keeps,
    settle: async (writer) => {
      await writer.close()
      const archive = await openArchive(paths.get(writer)!, { scratch: scratch() })
      opened.push(archive)
      return archive
    },
  },
)

test.each<ArchiveFormat>(['docker', 'docker-legacy', 'oci'])('what is written is read (%s)', async (format) => {
  const same = tinyImage({
    files: [
      ['x', '1'],
      ['y', '2'],
      ['x', '1'],
    ],
  })
  const writer = writeArchive(join(folder, 'app.tar'), { format })
  for (const blob of [...two.blobs, ...same.blobs]) await writer.put(blob.descriptor, blob.open)
  await writer.tag(parseReference('example.com/app'), two.manifest.descriptor)
  await writer.tag(parseReference('app:2'), two.manifest.descriptor)
  await writer.close()
  expect(await read(join(folder, 'app.tar'))).toEqual([wanted(two, 'example.com/app:latest', 'app:2'), wanted(same)])
})

const compressions: readonly (readonly [string, (tar: Buffer) => Buffer])[] = [
  ['plain', (tar) => tar],
  ['gzip', (tar) => gzipSync(tar)],
  ['zstd', (tar) => execFileSync('zstd', ['-c'], { input: tar })],
  ['xz', (tar) => execFileSync('xz', ['-c'], { input: tar })],
  ['bzip2', (tar) => execFileSync('bzip2', ['-c'], { input: tar })],
]
for (const [name, compress] of compressions) {
  test.skipIf(!canRun(name))(`an archive that is ${name} is read from a file and as a stream`, async () => {
    const bytes = compress(tarOf(dockerArchive(two)))
    expect(await read(file(bytes))).toEqual([wanted(two, 'app:1')])
    expect(await read(inPieces(bytes))).toEqual([wanted(two, 'app:1')])
    expect(
      readdirSync(folder)
        .filter((name) => name === 'scratch')
        .flatMap(() => readdirSync(scratch())),
    ).toEqual([])
  })
}

function canRun(program: string): boolean {
  if (program === 'plain' || program === 'gzip') return true
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore', input: '' })
    return true
  } catch {
    console.warn(`skipped: there is no ${program} on this machine`)
    return false
  }
}

async function* inPieces(bytes: Buffer): Bytes {
  for (let at = 0; at < bytes.length; at += 700) yield bytes.subarray(at, at + 700)
}

test('layers that are compressed come out plain, and their size is not known before', async () => {
  const image = tinyImage()
  const members = dockerArchive(image, { '0/layer.tar': gzipSync(image.layers[0]!.bytes) })
  expect(await read(file(tarOf(members)))).toEqual([{ ...wanted(image, 'app:1'), sizes: [undefined] }])
})

test('a compressed layer of an OCI layout comes out plain', async () => {
  expect(await read(file(tarOf(layout(gzipped(tinyImage()))))).then((images) => images[0]!.layers)).toEqual(
    wanted(tinyImage()).layers,
  )
})

test('layers may be links to each other, and names may begin with ./', async () => {
  const members = {
    './manifest.json': goJson([
      { Config: 'config.json', RepoTags: null, Layers: ['a/layer.tar', './b/layer.tar', 'c/layer.tar'] },
    ]),
    './config.json': tinyImage({
      files: [
        ['x', '1'],
        ['x', '1'],
        ['x', '1'],
      ],
    }).config.bytes,
    './a/layer.tar': { symlink: '../b/layer.tar' },
    './b/layer.tar': tinyImage({ files: [['x', '1']] }).layers[0]!.bytes,
    './c/layer.tar': { hardlink: './b/layer.tar' },
  }
  const image = tinyImage({
    files: [
      ['x', '1'],
      ['x', '1'],
      ['x', '1'],
    ],
  })
  expect(await read(file(tarOf(members)))).toEqual([wanted(image)])
})

test('folders are read in place: OCI layouts and unpacked archives', async () => {
  expect(await read(filesOf(dockerArchive(two), join(folder, 'a')))).toEqual([wanted(two, 'app:1')])
  expect(await read(filesOf(layout(two), join(folder, 'b')))).toEqual([wanted(two)])
})

test.each([
  [{ 'io.containerd.image.name': 'docker.io/me/app:1', 'org.opencontainers.image.ref.name': '1' }, ['me/app:1']],
  [{ 'org.opencontainers.image.ref.name': 'localhost/app:1' }, ['localhost/app:1']],
  [{ 'org.opencontainers.image.ref.name': 'app:1' }, ['app:1']],
  [{ 'org.opencontainers.image.ref.name': 'v1.0' }, []],
  [{ 'org.opencontainers.image.ref.name': 'Not a: name' }, []],
])('an OCI layout with %j has the names %j', async (annotations, names) => {
  expect((await read(file(tarOf(layout(two, annotations)))))[0]!.names).toEqual(names)
})

test('where manifest.json and index.json are both there, an image comes once', async () => {
  expect(
    await read(file(tarOf({ ...layout(two, { 'io.containerd.image.name': 'other:1' }), ...dockerArchive(two) }))),
  ).toEqual([wanted(two, 'app:1')])
})

test('of an index, all platforms that are there come, and attestations do not', async () => {
  const [amd, arm, gone] = ['amd64', 'arm64', 's390x'].map((architecture) => tinyImage({ architecture }))
  const attestation = tinyImage({ config: { Labels: { not: 'an image' } } })
  const index = tinyBlob(
    mediaTypes.index,
    goJson(
      indexJson({
        mediaType: mediaTypes.index,
        manifests: [
          amd!.manifest.descriptor,
          gone!.manifest.descriptor,
          { ...attestation.manifest.descriptor, platform: { os: 'unknown', architecture: 'unknown' } },
          arm!.manifest.descriptor,
        ],
      }),
    ),
  )
  const root = { ...index.descriptor, annotations: { 'io.containerd.image.name': 'docker.io/library/app:1' } }
  const members = {
    ...layout(amd!),
    ...layout(arm!),
    ...layout(attestation),
    [`blobs/sha256/${hex(index)}`]: index.bytes,
    'index.json': goJson(indexJson({ mediaType: mediaTypes.index, manifests: [root] })),
  }
  expect(await read(file(tarOf(members)))).toEqual([
    wanted(amd!, 'app:1'),
    { ...wanted(arm!, 'app:1'), platform: 'linux/arm64' },
  ])
})

test('a member that comes twice means the later one', async () => {
  const old = tinyImage()
  const list = [...Object.entries(dockerArchive(old)), ...Object.entries(dockerArchive(two))]
  expect(await read(file(tarOf(list)))).toEqual([wanted(two, 'app:1')])
})

test('an archive may be closed twice, and blobs of an OCI layout can be opened one by one', async () => {
  const archive = await openArchive(file(tarOf(layout(two))), { scratch: scratch() })
  expect(await collect(await archive.open(two.config.descriptor), 1 << 20)).toEqual(two.config.bytes)
  await archive.close()
  await archive.close()
})

test('a layer of several chunks comes whole', async () => {
  const image = tinyImage({ files: [['big', 'x'.repeat(5 << 20)]] })
  expect(await read(file(tarOf(layout(image))))).toEqual([wanted(image)])
})

test('what was unpacked is gone when the archive is closed, and when it cannot be opened', async () => {
  const archive = await openArchive(flow(gzipSync(tarOf(dockerArchive(two)))), { scratch: scratch() })
  await archive.images()
  await archive.close()
  await expect(read(flow(gzipSync('hello')))).rejects.toMatchObject({ code: 'ARCHIVE_UNKNOWN' })
  expect(readdirSync(scratch())).toEqual([])
})

test('a scratch folder that cannot be written is named', async () => {
  writeFileSync(scratch(), 'in the way')
  await expect(read(flow(tarOf(layout(two))))).rejects.toMatchObject({
    code: 'ARCHIVE_SCRATCH',
    message: expect.stringContaining(scratch()),
  })
})

test('unpacking is called off by its signal', async () => {
  const signal = AbortSignal.abort(new Error('enough'))
  await expect(openArchive(inPieces(tarOf(layout(two))), { scratch: scratch(), signal })).rejects.toThrow('enough')
  expect(readdirSync(scratch())).toEqual([])
})

test('the file itself is never changed', async () => {
  const bytes = tarOf(layout(two))
  await read(file(bytes))
  expect(readFileSync(join(folder, 'image.tar')).equals(bytes)).toBe(true)
})
