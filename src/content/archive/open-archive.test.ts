import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type TinyImage, tinyBlob, tinyImage } from '../../../test/kit/tiny-image.ts'
import { encodeHeader, endOfArchive, padding } from '../../files/tar/index.ts'
import {
  familiarName,
  formatPlatform,
  goJson,
  hexOf,
  indexJson,
  manifestJson,
  mediaTypes,
  parseReference,
} from '../../oci/index.ts'
import { type Bytes, collect, flow, sha256 } from '../../support/index.ts'
import { targetSuite } from '../suite.ts'
import { openArchive, writeArchive } from './index.ts'
import type { ArchiveFormat, ArchiveImage, ArchiveInput, ArchiveSource, ArchiveWriter } from './types.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tare-open-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

type Member = string | Buffer | { symlink: string } | { hardlink: string }
type Members = Readonly<Record<string, Member>> | readonly (readonly [string, Member])[]

/** A tar with these members, in this order; names are written as they are. */
function tarOf(members: Members): Buffer {
  const list = Array.isArray(members) ? members : Object.entries(members)
  const parts = (list as [string, Member][]).flatMap(([path, member]) => {
    const link = typeof member === 'string' || Buffer.isBuffer(member) ? undefined : member
    const body = typeof member === 'string' ? Buffer.from(member) : Buffer.isBuffer(member) ? member : Buffer.alloc(0)
    const kind = link === undefined ? 'file' : 'symlink' in link ? 'symlink' : 'hardlink'
    const target = link === undefined ? {} : { link: 'symlink' in link ? link.symlink : link.hardlink }
    const header = {
      path,
      kind,
      mode: 0o644,
      uid: 0,
      gid: 0,
      size: body.length,
      mtime: 0,
      mtimeNs: 0,
      ...target,
    } as const
    return [encodeHeader(header), body, Buffer.alloc(padding(body.length))]
  })
  return Buffer.concat([...parts, endOfArchive])
}

function filesOf(members: Members, at: string): string {
  for (const [path, member] of Object.entries(members)) {
    mkdirSync(dirname(join(at, path)), { recursive: true })
    if (typeof member === 'string' || Buffer.isBuffer(member)) writeFileSync(join(at, path), member)
    else symlinkSync('symlink' in member ? member.symlink : member.hardlink, join(at, path))
  }
  return at
}

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

const hex = (blob: { descriptor: { digest: `sha256:${string}` } }) => hexOf(blob.descriptor.digest)

/** A docker-archive as older tools write it. */
function dockerArchive(image: TinyImage, more: Readonly<Record<string, Member>> = {}): Record<string, Member> {
  const layers = Object.fromEntries(image.layers.map((layer, i) => [`${i}/layer.tar`, layer.bytes]))
  const item = { Config: 'config.json', RepoTags: ['app:1'], Layers: Object.keys(layers) }
  return { 'config.json': image.config.bytes, ...layers, 'manifest.json': goJson([item]), ...more }
}

function layout(image: TinyImage, annotations?: Record<string, string>): Record<string, Member> {
  const root = { ...image.manifest.descriptor, ...(annotations === undefined ? {} : { annotations }) }
  return {
    'oci-layout': '{"imageLayoutVersion":"1.0.0"}',
    ...Object.fromEntries(image.blobs.map((blob) => [`blobs/sha256/${hex(blob)}`, blob.bytes])),
    'index.json': goJson(indexJson({ mediaType: mediaTypes.index, manifests: [root] })),
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
    test,
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

/** The same image with its layers as gzip. */
function gzipped(image: TinyImage): TinyImage {
  const layers = image.layers.map((layer) => tinyBlob(mediaTypes.layerGzip, gzipSync(layer.bytes)))
  const manifest = tinyBlob(
    mediaTypes.manifest,
    goJson(
      manifestJson({
        mediaType: mediaTypes.manifest,
        config: image.config.descriptor,
        layers: layers.map((layer) => layer.descriptor),
      }),
    ),
  )
  return { ...image, manifest, blobs: [...layers, image.config, manifest] }
}

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

interface Attack {
  readonly title: string
  readonly input: () => ArchiveInput
  readonly code: string
  readonly says?: RegExp
}

const tar = (members: Members) => () => file(tarOf(members))
const docker = (more: Readonly<Record<string, Member>>) => tar(dockerArchive(two, more))
const item = (value: object) =>
  docker({ 'manifest.json': goJson([{ Config: 'config.json', Layers: ['0/layer.tar', '1/layer.tar'], ...value }]) })
const oci = (more: Readonly<Record<string, Member>>) => tar({ ...layout(two), ...more })
const damaged = (blob: { descriptor: { digest: `sha256:${string}` }; bytes: Buffer }) => ({
  [`blobs/sha256/${hex(blob)}`]: Buffer.alloc(blob.bytes.length, 'x'),
})
const without = (members: Record<string, Member>, path: string) =>
  tar(Object.fromEntries(Object.entries(members).filter(([name]) => name !== path)))

const attacks: readonly Attack[] = [
  {
    title: 'a member whose name leads out of the archive is refused',
    input: docker({ '../../evil': 'x' }),
    code: 'ARCHIVE_PATH_ESCAPES',
    says: /"\.\.\/\.\.\/evil"/,
  },
  {
    title: 'a member with an absolute name is refused',
    input: docker({ '/etc/evil': 'x' }),
    code: 'ARCHIVE_PATH_ESCAPES',
  },
  {
    title: 'manifest.json cannot name a config outside of the archive',
    input: item({ Config: '../../../../etc/passwd' }),
    code: 'ARCHIVE_PATH_ESCAPES',
  },
  {
    title: 'manifest.json cannot name a layer outside of the archive',
    input: item({ Layers: ['/etc/passwd', '1/layer.tar'] }),
    code: 'ARCHIVE_PATH_ESCAPES',
  },
  {
    title: 'a layer cannot be a symlink out of the archive',
    input: docker({ '0/layer.tar': { symlink: '../../../../etc/passwd' } }),
    code: 'ARCHIVE_PATH_ESCAPES',
  },
  {
    title: 'a layer cannot be an absolute symlink',
    input: docker({ '0/layer.tar': { symlink: '/etc/passwd' } }),
    code: 'ARCHIVE_PATH_ESCAPES',
  },
  {
    title: 'a layer cannot be a hard link out of the archive',
    input: docker({ '0/layer.tar': { hardlink: '../etc/passwd' } }),
    code: 'ARCHIVE_PATH_ESCAPES',
  },
  {
    title: 'links that go in a circle end',
    input: docker({ '0/layer.tar': { symlink: 'other' }, '0/other': { symlink: 'layer.tar' } }),
    code: 'ARCHIVE_INVALID',
    says: /circle/,
  },
  {
    title: 'in a folder, a symlink out of it is refused',
    input: () => filesOf(dockerArchive(two, { 'config.json': { symlink: '/etc/passwd' } }), join(folder, 'a')),
    code: 'ARCHIVE_PATH_ESCAPES',
  },
  {
    title: 'in a folder, a blob behind a linked folder outside is refused',
    input: () => {
      filesOf(layout(two), join(folder, 'outside'))
      filesOf({ 'index.json': layout(two)['index.json']! }, join(folder, 'a'))
      symlinkSync('../outside/blobs', join(folder, 'a/blobs'))
      return join(folder, 'a')
    },
    code: 'ARCHIVE_PATH_ESCAPES',
  },
  {
    title: 'in a folder, symlinks in a circle end',
    input: () => filesOf(dockerArchive(two, { 'config.json': { symlink: 'config.json' } }), join(folder, 'a')),
    code: 'ARCHIVE_UNREADABLE',
  },
  {
    title: 'a manifest.json of many megabytes is not read',
    input: docker({ 'manifest.json': `[${' '.repeat(9 << 20)}]` }),
    code: 'ARCHIVE_INVALID',
    says: /8388608/,
  },
  {
    title: 'an index.json of many megabytes is not read',
    input: oci({ 'index.json': `{${' '.repeat(9 << 20)}}` }),
    code: 'ARCHIVE_INVALID',
  },
  {
    title: 'manifest.json has to be JSON',
    input: docker({ 'manifest.json': '[{' }),
    code: 'ARCHIVE_INVALID',
    says: /not JSON/,
  },
  { title: 'manifest.json has to be a list', input: docker({ 'manifest.json': '{}' }), code: 'ARCHIVE_INVALID' },
  { title: 'manifest.json has to list an image', input: docker({ 'manifest.json': '[]' }), code: 'ARCHIVE_INVALID' },
  {
    title: 'an image of manifest.json has to be an object',
    input: docker({ 'manifest.json': '[null]' }),
    code: 'ARCHIVE_INVALID',
  },
  { title: 'Layers has to be a list of names', input: item({ Layers: [1] }), code: 'ARCHIVE_INVALID', says: /Layers/ },
  {
    title: 'RepoTags has to be a list of names',
    input: item({ RepoTags: 'app' }),
    code: 'ARCHIVE_INVALID',
    says: /RepoTags/,
  },
  {
    title: 'a name has to be a name',
    input: item({ RepoTags: ['No Name'] }),
    code: 'ARCHIVE_INVALID',
    says: /"No Name"/,
  },
  {
    title: 'as many layers as diff IDs, or none',
    input: item({ Layers: ['0/layer.tar'] }),
    code: 'ARCHIVE_INVALID',
    says: /lists 1 .*has 2/,
  },
  {
    title: 'a config that is missing is named',
    input: without(dockerArchive(two), 'config.json'),
    code: 'ARCHIVE_MEMBER_MISSING',
    says: /"config\.json", which manifest\.json names/,
  },
  {
    title: 'a layer that is missing is named',
    input: without(dockerArchive(two), '1/layer.tar'),
    code: 'ARCHIVE_MEMBER_MISSING',
    says: /"1\/layer\.tar"/,
  },
  {
    title: 'a link to nothing is a missing layer',
    input: docker({ '0/layer.tar': { symlink: 'nothing' } }),
    code: 'ARCHIVE_MEMBER_MISSING',
  },
  {
    title: 'a blob that is missing is named',
    input: without(layout(two), `blobs/sha256/${hex(two.layers[1]!)}`),
    code: 'ARCHIVE_MEMBER_MISSING',
    says: new RegExp(hex(two.layers[1]!)),
  },
  { title: 'a config has to have the bytes of its digest', input: oci(damaged(two.config)), code: 'BLOB_CORRUPT' },
  { title: 'a manifest has to have the bytes of its digest', input: oci(damaged(two.manifest)), code: 'BLOB_CORRUPT' },
  {
    title: 'a config under blobs/ has to have the bytes of its digest in a docker-archive too',
    input: item({ Config: `blobs/sha256/${'0'.repeat(64)}` }),
    code: 'ARCHIVE_MEMBER_MISSING',
  },
  {
    title: 'a config that manifest.json names by digest has to have its bytes',
    input: docker({
      'manifest.json': goJson([{ Config: `blobs/sha256/${hex(two.config)}`, Layers: ['0/layer.tar', '1/layer.tar'] }]),
      ...damaged(two.config),
    }),
    code: 'BLOB_CORRUPT',
  },
  {
    title: 'a compressed layer has to have the bytes of its digest',
    input: () => {
      const image = gzipped(tinyImage({ files: [['x', 'long'.repeat(1000)]] }))
      const other = gzipSync(Buffer.alloc(3000, 'y'), { level: 0 }).subarray(0, image.blobs[0]!.bytes.length)
      return file(tarOf({ ...layout(image), [`blobs/sha256/${hex(image.blobs[0]!)}`]: other }))
    },
    code: 'BLOB_CORRUPT',
  },
  {
    title: 'an archive that was cut short is refused',
    input: () => file(tarOf(dockerArchive(two)).subarray(0, 3000)),
    code: 'TAR_TRUNCATED',
    says: /image\.tar/,
  },
  {
    title: 'a stream that was cut short is refused',
    input: () => flow(tarOf(dockerArchive(two)).subarray(0, 3000)),
    code: 'TAR_TRUNCATED',
  },
  { title: 'an empty file is refused', input: () => file(Buffer.alloc(0)), code: 'ARCHIVE_EMPTY' },
  { title: 'an empty stream is refused', input: () => flow(), code: 'ARCHIVE_EMPTY' },
  { title: 'an empty file that was compressed is refused', input: () => flow(gzipSync('')), code: 'ARCHIVE_EMPTY' },
  {
    title: 'a file that is not there is named',
    input: () => join(folder, 'none.tar'),
    code: 'ARCHIVE_MISSING',
    says: /none\.tar/,
  },
  {
    title: 'text is no archive',
    input: () => file(Buffer.from('hello\n')),
    code: 'ARCHIVE_UNKNOWN',
    says: /looks like text/,
  },
  {
    title: 'a Dockerfile is no archive',
    input: () => flow(Buffer.from('# x\nFROM scratch\n')),
    code: 'ARCHIVE_UNKNOWN',
    says: /a Dockerfile/,
  },
  {
    title: 'a web page is no archive',
    input: () => file(Buffer.from('<!DOCTYPE html><p>')),
    code: 'ARCHIVE_UNKNOWN',
    says: /web page/,
  },
  { title: 'JSON is no archive', input: () => flow(Buffer.from('{"a":1}')), code: 'ARCHIVE_UNKNOWN', says: /JSON/ },
  {
    title: 'a zip is no archive',
    input: () => flow(Buffer.from('PK\x03\x04\x14\0\0\0')),
    code: 'ARCHIVE_UNKNOWN',
    says: /a zip/,
  },
  {
    title: 'compressed text is no archive',
    input: () => flow(gzipSync('hello')),
    code: 'ARCHIVE_UNKNOWN',
    says: /gzip.*text/,
  },
  {
    title: 'a tar of something else is no archive',
    input: tar({ 'a.txt': 'a' }),
    code: 'ARCHIVE_UNKNOWN',
    says: /neither manifest\.json/,
  },
  {
    title: 'the filesystem of a container is no archive',
    input: tar({ 'etc/passwd': 'x' }),
    code: 'ARCHIVE_UNKNOWN',
    says: /filesystem/,
  },
  {
    title: 'an image in a folder of the tar is named',
    input: tar({ 'my/manifest.json': '[]' }),
    code: 'ARCHIVE_UNKNOWN',
    says: /in the folder my,/,
  },
  {
    title: 'a first archive of Docker is named',
    input: tar({ repositories: '{}' }),
    code: 'ARCHIVE_UNKNOWN',
    says: /1\.10/,
  },
  { title: 'an empty folder is no archive', input: () => folder, code: 'ARCHIVE_UNKNOWN' },
  {
    title: 'a layout that holds a chart is no image',
    input: () => {
      const chart = tinyImage()
      const config = { ...chart.config.descriptor, mediaType: 'application/vnd.cncf.helm.config.v1+json' }
      const manifest = tinyBlob(
        mediaTypes.manifest,
        goJson(manifestJson({ mediaType: mediaTypes.manifest, config, layers: [] })),
      )
      return file(tarOf(layout({ ...chart, manifest, blobs: [...chart.blobs, manifest] })))
    },
    code: 'ARCHIVE_INVALID',
    says: /helm/,
  },
  {
    title: 'an index without images is no image',
    input: oci({ 'index.json': goJson(indexJson({ mediaType: mediaTypes.index, manifests: [] })) }),
    code: 'ARCHIVE_INVALID',
    says: /empty/,
  },
]

test.each(attacks)('$title', async ({ input, code, says }) => {
  const error = await read(input()).then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(error).toMatchObject({ name: 'TareError', code, remedy: expect.any(String) })
  expect((error as Error).message).toMatch(says ?? /./)
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
