import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type TinyImage, tinyBlob, tinyImage } from '../../../test/kit/tiny-image.ts'
import { scanTar } from '../../files/tar/index.ts'
import { goJson, hexOf, indexJson, mediaTypes, type Platform, parseReference } from '../../oci/index.ts'
import { flow } from '../../support/index.ts'
import type { ArchiveFormat, ArchiveWriter, WriteOptions } from './types.ts'
import { writeArchive } from './write-archive.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tare-write-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const name = parseReference('app:1')
const seconds = Date.parse('2024-01-02T03:04:05Z') / 1000

async function put(writer: ArchiveWriter, ...images: readonly TinyImage[]): Promise<void> {
  for (const image of images) for (const blob of image.blobs) await writer.put(blob.descriptor, blob.open)
}

/** The archive's bytes, written through a stream, as `tare save` does into a pipe. */
async function save(options: WriteOptions, fill: (writer: ArchiveWriter) => Promise<void>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  const writer = writeArchive({ write: async (chunk) => chunks.push(chunk) }, options)
  await fill(writer)
  await writer.close()
  return Buffer.concat(chunks)
}

/** path → body, in the order of the archive. */
function membersOf(tar: Buffer): Map<string, Buffer> {
  return new Map(listOf(tar).map((entry) => [entry.path, tar.subarray(entry.at, entry.at + entry.size)]))
}

function listOf(tar: Buffer) {
  const read = (into: Uint8Array, position: number) => tar.copy(into, 0, position)
  return [...scanTar({ size: tar.length, read })].map((entry) => ({ ...entry, at: entry.runs[0]?.at ?? 0 }))
}

const oneImage = (image: TinyImage) => async (writer: ArchiveWriter) => {
  await put(writer, image)
  await writer.tag(name, image.manifest.descriptor)
}

test('the docker format has the members, modes and times of Docker 26', async () => {
  const image = tinyImage()
  const path = (blob: { descriptor: { digest: `sha256:${string}` } }) => `blobs/sha256/${hexOf(blob.descriptor.digest)}`
  const blobs = [
    [path(image.config), seconds],
    [path(image.layers[0]!), seconds],
    [path(image.manifest), 0],
  ] as const
  const tar = await save({ format: 'docker' }, oneImage(image))
  expect(listOf(tar).map(({ path, kind, mode, mtime, uid, gid }) => ({ path, kind, mode, mtime, uid, gid }))).toEqual(
    [
      ['blobs/', seconds],
      ['blobs/sha256/', seconds],
      ...[...blobs].sort(([a], [b]) => (a < b ? -1 : 1)),
      ['index.json', seconds],
      ['manifest.json', 0],
      ['oci-layout', 0],
      ['repositories', 0],
    ].map(([path, mtime]) => ({
      path,
      kind: String(path).endsWith('/') ? 'directory' : 'file',
      mode: String(path).endsWith('/') ? 0o755 : 0o644,
      mtime,
      uid: 0,
      gid: 0,
    })),
  )
  expect(tar.length % 512).toBe(0)
  expect(tar.subarray(-1024).every((byte) => byte === 0)).toBe(true)
})

test('the documents of the docker format are those of Docker 26, byte for byte', async () => {
  const image = tinyImage()
  const members = membersOf(await save({ format: 'docker' }, oneImage(image)))
  const [config, layer, manifest] = [image.config, image.layers[0]!, image.manifest].map((blob) => blob.descriptor)
  expect(String(members.get('manifest.json'))).toBe(
    `[{"Config":"blobs/sha256/${hexOf(config!.digest)}","RepoTags":["app:1"],"Layers":["blobs/sha256/${hexOf(layer!.digest)}"],` +
      `"LayerSources":{"${layer!.digest}":{"mediaType":"application/vnd.oci.image.layer.v1.tar","size":2048,"digest":"${layer!.digest}"}}}]\n`,
  )
  expect(String(members.get('index.json'))).toBe(
    `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json",` +
      `"digest":"${manifest!.digest}","size":${manifest!.size},"annotations":{"io.containerd.image.name":"docker.io/library/app:1","org.opencontainers.image.ref.name":"1"}}]}`,
  )
  expect(String(members.get('oci-layout'))).toBe('{"imageLayoutVersion": "1.0.0"}')
  expect(String(members.get('repositories'))).toBe(`{"app":{"1":"${hexOf(layer!.digest)}"}}\n`)
  for (const blob of image.blobs)
    expect(members.get(`blobs/sha256/${hexOf(blob.descriptor.digest)}`)).toEqual(blob.bytes)
})

test('the oci format is an OCI layout and nothing else', async () => {
  const members = membersOf(await save({ format: 'oci' }, oneImage(tinyImage())))
  expect([...members.keys()].filter((path) => !/^blobs\/sha256\/./.test(path))).toEqual([
    'blobs/',
    'blobs/sha256/',
    'index.json',
    'oci-layout',
  ])
})

test('the legacy format has the IDs and documents of Docker 20.10', async () => {
  // These names are what Docker 20.10.24 saved after it had loaded this very image.
  const image = tinyImage({
    files: [
      ['a', '1'],
      ['b', '2'],
      ['a', '1'],
    ],
    config: {
      Labels: { '10': 'a', b: '<x>' },
      Env: ['A=1'],
      ExposedPorts: { '80/tcp': {} },
      Cmd: ['x'],
      WorkingDir: '/',
      ArgsEscaped: true,
    },
  })
  const [low, middle, top] = [
    '57f8370369e0a806f64f7b77053fdb88ac419e2cc23d2a383de0a4a82d09ce82',
    '5bd155aaa22c142296be339bca5c7985386f8ad20f21103afd9072dede378872',
    '0ad34278193074e354b28aaa9d4322fdc0fd7b341b43eec1cece2811e568d525',
  ]
  const tar = await save({ format: 'docker-legacy' }, oneImage(image))
  const folderOf = (id: string | undefined) => [`${id}/`, `${id}/VERSION`, `${id}/json`, `${id}/layer.tar`]
  expect(listOf(tar).map((entry) => entry.path)).toEqual([
    ...folderOf(top),
    `${hexOf(image.config.descriptor.digest)}.json`,
    ...folderOf(low),
    ...folderOf(middle),
    'manifest.json',
    'repositories',
  ])
  expect(listOf(tar).find((entry) => entry.path === `${top}/layer.tar`)).toMatchObject({
    kind: 'symlink',
    link: `../${low}/layer.tar`,
  })
  const members = membersOf(tar)
  expect(String(members.get(`${low}/VERSION`))).toBe('1.0')
  expect(String(members.get('repositories'))).toBe(`{"app":{"1":"${top}"}}\n`)
  expect(String(members.get(`${top}/json`))).toBe(
    `{"id":"${top}","parent":"${middle}","created":"2024-01-02T03:04:05.678901234Z",` +
      '"container_config":{"Hostname":"","Domainname":"","User":"","AttachStdin":false,"AttachStdout":false,"AttachStderr":false,"Tty":false,"OpenStdin":false,"StdinOnce":false,"Env":null,"Cmd":null,"Image":"","Volumes":null,"WorkingDir":"","Entrypoint":null,"OnBuild":null,"Labels":null},' +
      '"config":{"Hostname":"","Domainname":"","User":"","AttachStdin":false,"AttachStdout":false,"AttachStderr":false,"ExposedPorts":{"80/tcp":{}},"Tty":false,"OpenStdin":false,"StdinOnce":false,"Env":["A=1"],"Cmd":["x"],"ArgsEscaped":true,"Image":"","Volumes":null,"WorkingDir":"/","Entrypoint":null,"OnBuild":null,"Labels":{"10":"a","b":"\\u003cx\\u003e"}},' +
      '"architecture":"amd64","os":"linux"}',
  )
})

test('several names of one image stand together, and several images share their blobs', async () => {
  const [one, two] = [tinyImage({ config: { Labels: { n: '1' } } }), tinyImage({ config: { Labels: { n: '2' } } })]
  const tar = await save({ format: 'docker' }, async (writer) => {
    await put(writer, one, two)
    await writer.tag(name, one.manifest.descriptor)
    await writer.tag(parseReference('example.com:5000/two:b'), two.manifest.descriptor)
    await writer.tag(parseReference('app:2'), one.manifest.descriptor)
  })
  const members = membersOf(tar)
  const items = JSON.parse(String(members.get('manifest.json'))) as { RepoTags: string[] }[]
  expect(items.map((item) => item.RepoTags)).toEqual([['app:1', 'app:2'], ['example.com:5000/two:b']])
  const top = hexOf(one.layers[0]!.descriptor.digest)
  expect(String(members.get('repositories'))).toBe(
    `{"app":{"1":"${top}","2":"${top}"},"example.com:5000/two":{"b":"${top}"}}\n`,
  )
  expect([...members.keys()].filter((path) => path.includes(top))).toHaveLength(1)
})

test('tags that are numbers stay in the order of their bytes', async () => {
  const image = tinyImage()
  const tar = await save({ format: 'docker' }, async (writer) => {
    await put(writer, image)
    for (const tag of ['9', '10', 'b', 'a']) await writer.tag(parseReference(`app:${tag}`), image.manifest.descriptor)
  })
  expect(String(membersOf(tar).get('repositories'))).toMatch(
    /^\{"app":\{"10":"\w+","9":"\w+","a":"\w+","b":"\w+"\}\}\n$/,
  )
})

test.each(['docker', 'docker-legacy'] as const)(
  'an image without a name has null for its tags (%s)',
  async (format) => {
    const image = tinyImage()
    const members = membersOf(await save({ format }, (writer) => put(writer, image)))
    expect(String(members.get('manifest.json'))).toContain('"RepoTags":null')
    expect(members.has('repositories')).toBe(false)
  },
)

test.each(['docker', 'docker-legacy', 'oci'] as const)('an image without layers is saved (%s)', async (format) => {
  const members = membersOf(await save({ format }, oneImage(tinyImage({ files: [] }))))
  if (format !== 'oci') expect(String(members.get('manifest.json'))).toContain('"Layers":[]')
  if (format !== 'docker-legacy') expect(String(members.get('index.json'))).toContain('app:1')
})

test.each(['docker', 'docker-legacy', 'oci'] as const)('equal images make equal bytes (%s)', async (format) => {
  const image = tinyImage({ files: [['a', 'x'.repeat(100_000)]] })
  const backwards = { ...image, blobs: [...image.blobs].reverse() }
  const [one, other] = [await save({ format }, oneImage(image)), await save({ format }, oneImage(backwards))]
  expect(one.equals(other)).toBe(true)
})

test.each(['0001-01-01T00:00:00Z', '1969-12-31T23:59:59Z', 'never'])(
  'an image created %s has times of 1970',
  async (created) => {
    const list = listOf(await save({ format: 'docker' }, oneImage(tinyImage({ created }))))
    expect(list.map((entry) => entry.mtime)).toEqual(list.map(() => 0))
  },
)

function platforms(): { writer: (writer: ArchiveWriter) => Promise<void>; amd: TinyImage; arm: TinyImage } {
  const [amd, arm] = [tinyImage({ architecture: 'amd64' }), tinyImage({ architecture: 'arm64' })]
  const attestation = {
    ...tinyImage({ config: { Labels: { not: 'an image' } } }).manifest.descriptor,
    platform: { os: 'unknown', architecture: 'unknown' },
  }
  const index = tinyBlob(
    mediaTypes.index,
    goJson(
      indexJson({
        mediaType: mediaTypes.index,
        manifests: [
          { ...amd.manifest.descriptor, platform: { os: 'linux', architecture: 'amd64' } },
          { ...arm.manifest.descriptor, platform: { os: 'linux', architecture: 'arm64' } },
          attestation,
        ],
      }),
    ),
  )
  const writer = async (writer: ArchiveWriter) => {
    await put(writer, amd, arm, tinyImage({ config: { Labels: { not: 'an image' } } }))
    await writer.put(index.descriptor, index.open)
    await writer.tag(name, index.descriptor)
  }
  return { writer, amd, arm }
}

test('of an index, the docker formats take the image of the platform', async () => {
  const { writer, arm } = platforms()
  const platform: Platform = { os: 'linux', architecture: 'arm64' }
  const members = membersOf(await save({ format: 'docker', platform }, writer))
  expect(String(members.get('manifest.json'))).toContain(hexOf(arm.config.descriptor.digest))
  expect([...members.keys()].filter((path) => /^blobs\/sha256\/./.test(path))).toHaveLength(3)
})

test('of an index with several platforms and none asked for, the docker formats take nothing', async () => {
  await expect(save({ format: 'docker' }, platforms().writer)).rejects.toMatchObject({
    code: 'ARCHIVE_PLATFORM',
    remedy: expect.stringContaining('linux/amd64, linux/arm64'),
  })
  await expect(
    save({ format: 'docker-legacy', platform: { os: 'linux', architecture: 's390x' } }, platforms().writer),
  ).rejects.toMatchObject({ code: 'ARCHIVE_PLATFORM', message: expect.stringContaining('linux/s390x') })
})

test('the oci format takes an index with all its images, under its one name', async () => {
  const { writer, amd, arm } = platforms()
  const members = membersOf(await save({ format: 'oci' }, writer))
  for (const blob of [...amd.blobs, ...arm.blobs])
    expect(members.get(`blobs/sha256/${hexOf(blob.descriptor.digest)}`)).toEqual(blob.bytes)
  const index = JSON.parse(String(members.get('index.json'))) as { manifests: { mediaType: string }[] }
  expect(index.manifests.map((root) => root.mediaType)).toEqual([mediaTypes.index])
})

test('a file is there whole or not at all', async () => {
  const path = join(folder, 'app.tar')
  writeFileSync(path, 'the one of yesterday')
  const image = tinyImage()
  const writer = writeArchive(path, { format: 'docker' })
  await writer.put(image.layers[0]!.descriptor, async () => flow(Buffer.alloc(2048, 'x')))
  for (const blob of image.blobs.slice(1)) await writer.put(blob.descriptor, blob.open)
  await expect(writer.close()).rejects.toMatchObject({ code: 'BLOB_CORRUPT' })
  expect(readFileSync(path, 'utf8')).toBe('the one of yesterday')
  expect(readdirSync(folder)).toEqual(['app.tar'])
})

test('a file is replaced when the archive is whole, and tar lists it', async () => {
  const path = join(folder, 'app.tar')
  writeFileSync(path, 'the one of yesterday')
  const writer = writeArchive(path, { format: 'docker' })
  await oneImage(tinyImage())(writer)
  expect(readFileSync(path, 'utf8')).toBe('the one of yesterday')
  await writer.close()
  expect(readdirSync(folder)).toEqual(['app.tar'])
  expect(execFileSync('tar', ['tf', path], { encoding: 'utf8' })).toContain('manifest.json\n')
})

test('through a symlink, the file behind it is written', async () => {
  mkdirSync(join(folder, 'real'))
  writeFileSync(join(folder, 'real/app.tar'), 'old')
  symlinkSync('real/app.tar', join(folder, 'link.tar'))
  const writer = writeArchive(join(folder, 'link.tar'), { format: 'oci' })
  await oneImage(tinyImage())(writer)
  await writer.close()
  expect(readFileSync(join(folder, 'real/app.tar')).length).toBeGreaterThan(2048)
})

test('a device is written as it is', async () => {
  const writer = writeArchive('/dev/null', { format: 'oci' })
  await oneImage(tinyImage())(writer)
  await writer.close()
  expect(statSync('/dev/null').isCharacterDevice()).toBe(true)
})

const failures: readonly (readonly [title: string, path: () => string, message: RegExp])[] = [
  ['a folder is not overwritten', () => folder, /is a folder$/],
  ['a folder that is not there is named', () => join(folder, 'none/app.tar'), /there is no folder .*none$/],
  [
    'a file in the way of a folder is named',
    () => {
      writeFileSync(join(folder, 'file'), '')
      return join(folder, 'file/app.tar')
    },
    /file is not a folder$/,
  ],
]
test.each(failures)('%s', async (_, path, message) => {
  const writer = writeArchive(path(), { format: 'docker' })
  await oneImage(tinyImage())(writer)
  await expect(writer.close()).rejects.toMatchObject({
    code: 'ARCHIVE_UNWRITABLE',
    message: expect.stringMatching(message),
    remedy: expect.any(String),
  })
})

// Root may write everywhere, so the question is asked by somebody else.
test.skipIf(process.getuid?.() === 0)('a folder that is not writable is named', async () => {
  chmodSync(folder, 0o555)
  const writer = writeArchive(join(folder, 'app.tar'), { format: 'docker' })
  await oneImage(tinyImage())(writer)
  await expect(writer.close()).rejects.toMatchObject({ message: expect.stringContaining('is not writable') })
})

test.skipIf(!existsSync('/dev/full'))('a full disk is named', async () => {
  const writer = writeArchive('/dev/full', { format: 'docker' })
  await oneImage(tinyImage())(writer)
  await expect(writer.close()).rejects.toMatchObject({
    code: 'ARCHIVE_UNWRITABLE',
    message: expect.stringContaining('no space is left'),
  })
})

test('an image of which a blob is missing is not saved', async () => {
  const image = tinyImage()
  const writer = writeArchive(join(folder, 'app.tar'), { format: 'docker' })
  for (const blob of image.blobs.slice(1)) await writer.put(blob.descriptor, blob.open)
  await expect(writer.close()).rejects.toMatchObject({ code: 'BLOB_MISSING' })
  expect(readdirSync(folder)).toEqual([])
})

const ways: readonly (readonly [string, ArchiveFormat])[] = [
  ['given up', 'docker'],
  ['called off', 'oci'],
]
test.each(ways)('an archive that is %s half way leaves nothing', async (way, format) => {
  const image = tinyImage({ files: [['big', 'x'.repeat(3 << 20)]] })
  const stop = new AbortController()
  const writer = writeArchive(join(folder, 'app.tar'), { format, signal: stop.signal })
  await oneImage({
    ...image,
    blobs: image.blobs.map((blob) => ({
      ...blob,
      open: async () => {
        if (blob === image.layers[0]) way === 'given up' ? void writer.abort() : stop.abort(new Error('enough'))
        return blob.open()
      },
    })),
  })(writer)
  await expect(writer.close()).rejects.toThrow(way === 'given up' ? /given up/ : 'enough')
  expect(readdirSync(folder)).toEqual([])
})

test('after it was given up, an archive is not written', async () => {
  const writer = writeArchive(join(folder, 'app.tar'), { format: 'docker' })
  await oneImage(tinyImage())(writer)
  await writer.abort()
  await expect(writer.close()).rejects.toThrow(/given up/)
  expect(readdirSync(folder)).toEqual([])
})
