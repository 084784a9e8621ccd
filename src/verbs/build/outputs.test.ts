import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder, writeFiles } from '../../../test/kit/cli.ts'
import { canMount, mountOn } from '../../../test/kit/needs.ts'
import type { BuildOptions, BuildOutput } from '../../api/index.ts'
import { createHost } from '../../images/index.ts'
import { tareOf } from '../library.ts'

/** A library over an empty store, and a context to build. */
function bench(files: Parameters<typeof writeFiles>[1] = { f: 'hi\n', 'd/x': 'x\n' }) {
  const folder = temporaryFolder()
  const context = writeFiles(join(folder, 'context'), files)
  const tare = tareOf(createHost({ home: join(folder, 'home'), environment: {} }))
  const warnings: string[] = []
  const build = (outputs: readonly BuildOutput[], more: Partial<BuildOptions> = {}) =>
    tare.build({
      context: { kind: 'directory', path: context },
      dockerfile: { text: 'FROM scratch\nCOPY . /\nLABEL a=b\n' },
      outputs,
      report: (event) => {
        if (event.type === 'warning') warnings.push(event.message)
      },
      ...more,
    })
  return { folder, context, tare, build, warnings, path: (name: string) => join(folder, name) }
}

const list = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .sort()

test('the files of an image are written with modes, times, links and names, and no image is kept', async () => {
  const { context, build, path, tare } = bench()
  chmodSync(join(context, 'f'), 0o4750)
  symlinkSync('../outside', join(context, 'd/link'))
  const at = statSync(join(context, 'd/x')).mtimeMs
  const { names, outputs } = await build([{ kind: 'local', path: path('out') }], { tags: ['app'] })
  expect(list(path('out'))).toEqual(['d', 'd/link', 'd/x', 'f'])
  expect(readFileSync(path('out/d/x'), 'utf8')).toBe('x\n')
  expect(statSync(path('out/f')).mode & 0o7777).toBe(0o4750)
  expect(statSync(path('out/d/x')).mtimeMs).toBe(Math.floor(at / 1000) * 1000)
  expect(readlinkSync(path('out/d/link'))).toBe('../outside')
  expect(outputs).toEqual([{ kind: 'local', to: path('out') }])
  expect(names).toEqual([])
  expect(await tare.images.list()).toEqual([])
})

test('other files of the folder stay, each file is replaced, and nothing else is left there', async () => {
  const { build, path } = bench()
  writeFiles(path('out'), { other: 'mine', 'd/own': 'mine too', f: 'old' })
  await build([{ kind: 'local', path: path('out') }])
  expect(list(path('out'))).toEqual(['d', 'd/own', 'd/x', 'f', 'other'])
  expect(readFileSync(path('out/f'), 'utf8')).toBe('hi\n')
  await build([{ kind: 'local', path: path('out'), mode: 'delete' }])
  expect(list(path('out'))).toEqual(['d', 'd/x', 'f'])
})

test('nothing is written through a link that leads out of the folder', async () => {
  const { build, path } = bench()
  writeFiles(path('secret'), { x: 'untouched', target: 'untouched' })
  mkdirSync(path('out'))
  symlinkSync(path('secret'), path('out/d'))
  symlinkSync(path('secret/target'), path('out/f'))
  await build([{ kind: 'local', path: path('out') }])
  expect(readFileSync(path('secret/x'), 'utf8')).toBe('untouched')
  expect(readFileSync(path('secret/target'), 'utf8')).toBe('untouched')
  expect(lstatSync(path('out/d')).isDirectory()).toBe(true)
  expect(lstatSync(path('out/f')).isFile()).toBe(true)
})

test('a folder that is a link is written to where it leads', async () => {
  const { build, path } = bench()
  mkdirSync(path('real'))
  symlinkSync('real', path('out'))
  await build([{ kind: 'local', path: path('out') }])
  expect(list(path('real'))).toEqual(['d', 'd/x', 'f'])
})

test.each<[string, (at: string) => void, RegExp]>([
  ['a file where a directory belongs', (at) => writeFiles(at, { d: 'a file' }), /out\/d: a file is there/],
  [
    'a directory with files where a file belongs',
    (at) => writeFiles(at, { 'f/x': '1' }),
    /out\/f: a directory is there/,
  ],
])('%s is an error before anything is written', async (_, prepare, message) => {
  const { build, path } = bench()
  prepare(path('out'))
  const before = list(path('out'))
  await expect(build([{ kind: 'local', path: path('out') }])).rejects.toMatchObject({
    ...{ code: 'DESTINATION_INVALID', message: expect.stringMatching(message) },
  })
  expect(list(path('out'))).toEqual(before)
  await build([{ kind: 'local', path: path('out'), mode: 'delete' }])
  expect(list(path('out'))).toEqual(['d', 'd/x', 'f'])
})

test('a directory that its owner cannot write to is written as well', async () => {
  const { context, build, path } = bench()
  chmodSync(join(context, 'd'), 0o555)
  writeFiles(path('out2'), { 'd/own': '1' })
  await build([
    { kind: 'local', path: path('out') },
    { kind: 'local', path: path('out2') },
  ])
  expect(statSync(path('out/d')).mode & 0o777).toBe(0o555)
  expect(statSync(path('out2/d')).mode & 0o777).toBe(0o555)
  expect(list(path('out2'))).toEqual(['d', 'd/own', 'd/x', 'f'])
  for (const name of ['out/d', 'out2/d']) chmodSync(path(name), 0o755)
  chmodSync(join(context, 'd'), 0o755)
})

test('mode=delete does not take away the context, the store or a folder above them', async () => {
  const { build, path, folder, context } = bench()
  for (const at of [folder, context, path('home'), '/']) {
    mkdirSync(at, { recursive: true })
    await expect(build([{ kind: 'local', path: at, mode: 'delete' }])).rejects.toMatchObject({ code: 'OUTPUT_INVALID' })
  }
  expect(existsSync(join(context, 'f'))).toBe(true)
})

test('several platforms have a folder each, or one that has no file twice', async () => {
  const { build, path } = bench()
  const platforms = ['linux/amd64', 'linux/arm/v7']
  await build([{ kind: 'local', path: path('out') }], { platforms })
  expect(list(path('out')).filter((name) => name.endsWith('f'))).toEqual(['linux_amd64/f', 'linux_arm_v7/f'])
  const split = { kind: 'local', path: path('one'), platformSplit: false } as const
  await expect(build([split], { platforms })).rejects.toMatchObject({
    ...{ code: 'OUTPUT_INVALID', message: expect.stringContaining('several platforms have') },
  })
  expect(existsSync(path('one'))).toBe(false)
  const dockerfile = { text: 'FROM scratch\nARG TARGETARCH\nCOPY f /bin/$TARGETARCH\n' }
  await build([split], { platforms, dockerfile })
  expect(list(path('one'))).toEqual(['bin', 'bin/amd64', 'bin/arm'])
  await build([{ ...split, path: path('named'), platformSplit: true }])
  expect(readdirSync(path('named'))).toHaveLength(1)
})

test('a tar has the same files, and takes the time that is asked for', async () => {
  const { build, path } = bench()
  const chunks: Uint8Array[] = []
  const to = { write: async (chunk: Uint8Array) => void chunks.push(chunk) }
  await build([
    { kind: 'tar', to: { path: path('a.tar') } },
    { kind: 'tar', to, epoch: 1_600_000_000 },
    { kind: 'local', path: path('out'), epoch: 1_600_000_000 },
  ])
  const told = (input: Uint8Array) =>
    spawnSync('tar', ['tvf', '-', '--full-time', '--utc'], { input, encoding: 'utf8' }).stdout
  const names = (text: string) =>
    text
      .trim()
      .split('\n')
      .map((line) => line.split(/\s+/).at(-1))
  expect(names(told(readFileSync(path('a.tar'))))).toEqual(['d/', 'd/x', 'f'])
  expect(told(Buffer.concat(chunks)).match(/2020-09-13 12:26:40/g)).toHaveLength(3)
  expect(statSync(path('out/d/x')).mtimeMs).toBe(1_600_000_000_000)
  expect(statSync(path('out/d')).mtimeMs).toBe(1_600_000_000_000)
})

test('archives hold the image in the form that was asked for, and so does a layout', async () => {
  const { build, path, tare } = bench()
  const { id, outputs } = await build(
    [
      { kind: 'archive', layout: 'oci', to: { path: path('a.tar') } },
      { kind: 'archive', layout: 'oci', to: { path: path('zstd.tar') }, compression: 'zstd', names: ['other:1'] },
      { kind: 'archive', layout: 'oci', to: { path: path('layout') }, folder: true, compression: 'gzip' },
      { kind: 'archive', layout: 'docker', to: { path: path('docker.tar') } },
    ],
    { tags: ['app:1'] },
  )
  expect(outputs.map(({ kind, to }) => [kind, to])).toEqual([
    ...['a.tar', 'zstd.tar', 'layout', 'docker.tar'].map((name) => ['archive', path(name)]),
    ...['app:1', 'other:1'].map((name) => ['image', name]),
  ])
  const types = async (name: string) =>
    JSON.parse(await tare.registry.manifest({ name })).layers.map(({ mediaType }: { mediaType: string }) => mediaType)
  expect(await types(`oci-archive:${path('a.tar')}:1`)).toEqual(['application/vnd.oci.image.layer.v1.tar'])
  expect(await types(`oci-archive:${path('zstd.tar')}:1`)).toEqual(['application/vnd.oci.image.layer.v1.tar+zstd'])
  expect(await types(`oci:${path('layout')}:1`)).toEqual(['application/vnd.oci.image.layer.v1.tar+gzip'])
  const other = tareOf(createHost({ home: path('other'), environment: {} }))
  for (const name of ['a.tar', 'zstd.tar', 'layout', 'docker.tar'])
    expect((await other.images.load({ from: { path: path(name) } })).map((one) => one.id)).toEqual([id])
})

test('nothing of what is asked for appears if one output cannot be prepared', async () => {
  const { build, path, tare } = bench()
  const good: BuildOutput[] = [
    { kind: 'archive', layout: 'oci', to: { path: path('a.tar') } },
    { kind: 'local', path: path('out') },
    { kind: 'image', names: ['app'] },
  ]
  const bad: BuildOutput = { kind: 'tar', to: { path: path('none/x.tar') } }
  await expect(build([...good, bad])).rejects.toMatchObject({ code: 'ARCHIVE_UNWRITABLE' })
  const push: BuildOutput = { kind: 'image', push: true, names: ['127.0.0.1:1/app'] }
  await expect(build([...good, push])).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' })
  expect(readdirSync(path('')).sort()).toEqual(['context', 'home'])
  expect(await tare.images.list()).toEqual([])
})

test('an output that fails at last says what is there and what is not', async () => {
  const { build, path, tare } = bench()
  const to = { write: () => Promise.reject(new Error('the pipe is gone')) }
  const failing = build([
    { kind: 'local', path: path('out') },
    { kind: 'tar', to },
    { kind: 'image', names: ['app'] },
  ])
  await expect(failing).rejects.toThrow(
    `the pipe is gone (made: the files in ${path('out')}; not made: the tar on standard output; the image app:latest in the store)`,
  )
  expect(list(path('out'))).toContain('f')
  expect(await tare.images.list()).toEqual([])
})

test('the store is no place for an output, and stays as it is', async () => {
  const { tare, build, path } = bench()
  await tare.build({ context: { kind: 'empty' }, dockerfile: { text: 'FROM scratch\nLABEL a=b\n' }, tags: ['kept'] })
  const before = readFileSync(path('home/index.json'), 'utf8')
  for (const output of [
    { kind: 'archive', layout: 'oci', folder: true, to: { path: path('home') } },
    { kind: 'local', path: path('home') },
    { kind: 'tar', to: { path: path('home/index.json') } },
    { kind: 'local', path: path('home/blobs/sha256') },
  ] as const)
    await expect(build([output])).rejects.toMatchObject({
      code: 'OUTPUT_INVALID',
      message: expect.stringContaining('is tare’s own store'),
    })
  expect(readFileSync(path('home/index.json'), 'utf8')).toBe(before)
  await build([{ kind: 'tar', to: { path: path('home/beside.tar') } }])
})

const tags = { tags: ['app'] }
test.each<[string, BuildOutput[], Partial<BuildOptions>, RegExp]>([
  [
    'one place for two outputs',
    [
      { kind: 'local', path: 'a' },
      { kind: 'local', path: './b/../a' },
    ],
    {},
    /several outputs go to/,
  ],
  [
    'standard output twice',
    [
      { kind: 'tar', to: { write: async () => {} } },
      { kind: 'archive', layout: 'oci', to: { write: async () => {} } },
    ],
    {},
    /several outputs go to standard output/,
  ],
  [
    'an output within a folder that another clears',
    [
      { kind: 'local', path: 'a', mode: 'delete' },
      { kind: 'local', path: 'a/b' },
    ],
    {},
    /the output a\/b is within another, a/,
  ],
  [
    'an archive within a folder that another clears',
    [
      { kind: 'archive', layout: 'oci', to: { path: 'a/b.tar' } },
      { kind: 'local', path: './a', mode: 'delete' },
    ],
    {},
    /the output a\/b.tar is within another, .\/a/,
  ],
  [
    'an archive within a layout',
    [
      { kind: 'archive', layout: 'oci', folder: true, to: { path: 'a' } },
      { kind: 'tar', to: { path: 'a/index.json' } },
    ],
    {},
    /is within another, a/,
  ],
  [
    'a folder within an archive',
    [
      { kind: 'tar', to: { path: 'a' } },
      { kind: 'local', path: 'a/b' },
    ],
    {},
    /is within another, a/,
  ],
  [
    'an index in a docker archive',
    [{ kind: 'archive', layout: 'docker', to: { path: 'a' } }],
    { platforms: ['linux/amd64', 'linux/arm64'] },
    /does not currently support exporting manifest lists/,
  ],
  ['a push without a name', [{ kind: 'image', push: true }], {}, /tag is needed/],
  ['a digest without a push', [{ kind: 'image', byDigest: true }], tags, /push-by-digest=true needs push=true/],
  [
    'a digest with a tag',
    [{ kind: 'image', byDigest: true, push: true }],
    { tags: ['a:1'] },
    /can't push tagged ref a:1 by digest/,
  ],
  ['nothing to keep', [{ kind: 'image', store: false }], {}, /leaves nothing/],
  ['zstd in Docker’s format', [{ kind: 'image', compression: 'zstd', format: 'docker' }], {}, /zstd layers need/],
  [
    'a level that does not exist',
    [{ kind: 'image', compression: 'gzip', compressionLevel: 10 }],
    {},
    /compression-level=10 is out of range/,
  ],
  [
    'an annotation that files cannot have',
    [{ kind: 'local', path: 'a' }],
    { annotations: { a: 'b' } },
    /type=local has no annotations/,
  ],
  [
    'an annotation in Docker’s format',
    [{ kind: 'image', format: 'docker', annotations: [{ key: 'a', value: 'b' }] }],
    {},
    /Docker’s manifests have no annotations/,
  ],
  [
    'an annotation of an index that is not',
    [{ kind: 'image' }],
    { annotations: [{ key: 'a', value: 'b', on: 'index' }] },
    /no index of a single platform/,
  ],
  [
    'an annotation for a platform that is not built',
    [{ kind: 'image' }],
    { annotations: [{ key: 'a', value: 'b', platform: 'linux/s390x' }] },
    /linux\/s390x is not built/,
  ],
  [
    'an annotation of a descriptor in the store',
    [{ kind: 'image' }],
    { annotations: [{ key: 'a', value: 'b', on: 'manifest-descriptor' }] },
    /without an index/,
  ],
])('%s is refused before any work', async (_, outputs, options, message) => {
  const { build, path } = bench()
  const dockerfile = { text: 'FROM does-not-exist.invalid/x\n' }
  await expect(build(outputs, { dockerfile, ...options })).rejects.toThrow(message)
  expect(existsSync(path('home/tare/scratch'))).toBe(false)
})

test('annotations are where they belong, and the image ID stays', async () => {
  const { build, path, tare } = bench()
  const platforms = ['linux/amd64', 'linux/arm64']
  const plain = await build([{ kind: 'image', names: ['plain'] }])
  const noted = await build([{ kind: 'image', names: ['noted'] }], { annotations: { z: '1', a: '2' } })
  expect(noted.id).toBe(plain.id)
  expect(noted.digest).not.toBe(plain.digest)
  expect(Object.keys(JSON.parse(await tare.registry.manifest({ name: 'store:noted' })).annotations)).toEqual(['a', 'z'])
  await build(
    [
      {
        kind: 'archive',
        layout: 'oci',
        to: { path: path('a') },
        folder: true,
        annotations: [{ key: 'o', value: 'own' }],
      },
    ],
    {
      platforms,
      tags: ['app:1'],
      annotations: [
        { key: 'm', value: 'arm', platform: 'linux/arm64' },
        { key: 'd', value: '1', on: 'manifest-descriptor', platform: 'linux/amd64' },
        { key: 'i', value: '2', on: 'index' },
        { key: 'r', value: '3', on: 'index-descriptor' },
      ],
    },
  )
  const json = (file: string) => JSON.parse(readFileSync(path(`a/${file}`), 'utf8'))
  const blob = (digest: string) => json(`blobs/sha256/${digest.slice(7)}`)
  const [root] = json('index.json').manifests
  expect(root.annotations).toMatchObject({ r: '3', 'org.opencontainers.image.ref.name': '1' })
  const index = blob(root.digest)
  expect(index.annotations).toEqual({ i: '2' })
  expect(index.manifests.map((one: { annotations?: object }) => one.annotations)).toEqual([{ d: '1' }, undefined])
  expect(index.manifests.map((one: { digest: string }) => blob(one.digest).annotations)).toEqual([
    { o: 'own' },
    { m: 'arm', o: 'own' },
  ])
})

test('a nameless image gets a name by its digest, and a named one a second', async () => {
  const { build, tare } = bench()
  const { digest } = await build([{ kind: 'image', danglingPrefix: 'r.example/x' }])
  expect((await tare.images.inspect(`r.example/x@${digest}`)).RepoDigests).toContain(`r.example/x@${digest}`)
  const { names } = await build([{ kind: 'image', names: ['r.example/y:1'], canonicalName: true }])
  expect(names).toEqual(['r.example/y:1', `r.example/y@${digest}`])
})

test('an epoch of an output is the time of the image, which no instruction sees', async () => {
  const { build, tare } = bench()
  const dockerfile = { text: 'FROM scratch\nARG SOURCE_DATE_EPOCH\nCOPY f /\nLABEL epoch=$SOURCE_DATE_EPOCH\n' }
  await build([{ kind: 'image', names: ['app'] }], { dockerfile, epoch: 1_600_000_000 })
  const { Created, Config } = await tare.images.inspect('app')
  expect({ Created, epoch: Config?.Labels?.['epoch'] }).toEqual({ Created: '2020-09-13T12:26:40Z', epoch: '' })
})

test.skipIf(!canMount())('a full disk is named by each output, and nothing half-written stays', async () => {
  const { build, path, tare } = bench({ big: Buffer.alloc(3 << 20, 1), small: '1' })
  mkdirSync(path('disk'))
  mountOn(path('disk'), '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs')
  writeFileSync(path('disk/before'), 'kept')
  const outputs: readonly BuildOutput[] = [
    { kind: 'local', path: path('disk/out') },
    { kind: 'local', path: path('disk') },
    { kind: 'tar', to: { path: path('disk/a.tar') } },
    { kind: 'archive', layout: 'oci', to: { path: path('disk/a.tar') } },
    { kind: 'archive', layout: 'docker', to: { path: path('disk/a.tar') } },
    { kind: 'archive', layout: 'oci', to: { path: path('disk/layout') }, folder: true },
  ]
  for (const output of outputs) {
    await expect(build([output], tags)).rejects.toThrow('no space is left')
    expect(readdirSync(path('disk'))).toEqual(['before'])
    expect(await tare.images.list()).toEqual([])
  }
})

test('a folder that cannot be, is told before the build: below a file, in a loop of links, with too long a name', async () => {
  const { build, path } = bench()
  writeFiles(path(''), { file: 'f' })
  symlinkSync('loop', path('loop'))
  for (const [name, why] of [
    ['file', 'it is a file'],
    ['file/below', 'it is no directory, or not below one'],
    ['loop', 'ELOOP'],
    ['loop/below', ''],
    ['n'.repeat(300), 'ENAMETOOLONG'],
  ] as const)
    await expect(build([{ kind: 'local', path: path(name) }]), name).rejects.toMatchObject({
      code: 'DESTINATION_INVALID',
      message: expect.stringContaining(why),
    })
  expect(readdirSync(path('')).includes('home')).toBe(false)
})
