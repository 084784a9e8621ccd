import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  dockerArchive,
  filesOf,
  gzipped,
  hex,
  layout,
  type Member,
  type Members,
  tarOf,
} from '../../../test/kit/tiny-archive.ts'
import { type TinyBlob, tinyBlob, tinyImage } from '../../../test/kit/tiny-image.ts'
import { goJson, indexJson, manifestJson, mediaTypes } from '../../oci/index.ts'
import { collect, flow } from '../../support/index.ts'
import { openArchive } from './index.ts'
import type { ArchiveInput } from './types.ts'

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

const two = tinyImage({
  files: [
    ['a', '1'],
    ['b', '2'],
  ],
})

/** Reads all there is. */
async function read(input: ArchiveInput): Promise<void> {
  const archive = await openArchive(input, { scratch: scratch(), unpackLimit: 1 << 20 })
  try {
    for (const image of await archive.images())
      for (const layer of image.layers) await collect(await layer.open(), 1 << 24)
  } finally {
    await archive.close()
  }
}

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
const damaged = (blob: TinyBlob) => ({
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
    says: /cycle/,
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
    says: /"config\.json", which manifest\.json refers to/,
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
  {
    title: 'a compressed archive that was cut short is refused',
    input: () => file(gzipSync(tarOf(dockerArchive(two))).subarray(0, 300)),
    code: 'ARCHIVE_CORRUPT',
    says: /image\.tar: the gzip archive/,
  },
  {
    title: 'an archive that swells beyond its limit is not unpacked',
    input: () => flow(gzipSync(tarOf({ zeros: Buffer.alloc(2 << 20) }))),
    code: 'ARCHIVE_BOMB',
  },
  {
    title: 'a layer that swells beyond its limit is not unpacked',
    input: docker({ '0/layer.tar': gzipSync(Buffer.alloc(2 << 20)) }),
    code: 'ARCHIVE_BOMB',
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
