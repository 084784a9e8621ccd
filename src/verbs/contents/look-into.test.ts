import { execFileSync, spawnSync } from 'node:child_process'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { isRoot } from '../../../test/kit/cli.ts'
import { hasProgram } from '../../../test/kit/needs.ts'
import { temporaryFolder } from '../../../test/kit/registry-images.ts'
import { dockerArchive, filesOf, layout } from '../../../test/kit/tiny-archive.ts'
import { tinyBlob, tinyImage } from '../../../test/kit/tiny-image.ts'
import type { Tare } from '../../api/index.ts'
import { encodeHeader, endOfArchive, padding, type TarHeader } from '../../files/tar/index.ts'
import { goJson, manifestJson, mediaTypes } from '../../oci/index.ts'
import { collect } from '../../support/index.ts'
import { openTare } from '../index.ts'

type Entry = Partial<TarHeader> & { readonly path: string; readonly body?: string }

/** A layer with these entries, as they are. */
function layerOf(entries: readonly Entry[]): Buffer {
  const parts = entries.flatMap(({ body = '', ...entry }) => {
    const size = Buffer.byteLength(body)
    const header = { kind: 'file', mode: 0o644, uid: 0, gid: 0, mtime: 1700000000, mtimeNs: 0, ...entry, size } as const
    return [encodeHeader(header, header.mtimeNs > 0), Buffer.from(body), Buffer.alloc(padding(size))]
  })
  return Buffer.concat([...parts, endOfArchive])
}

/** The path of a layout whose image has these layers. */
function imageOf(...layers: readonly (readonly Entry[])[]): string {
  const blobs = layers.map((entries) => tinyBlob(mediaTypes.layer, layerOf(entries)))
  const config = tinyBlob(
    mediaTypes.config,
    goJson({
      ...{ architecture: 'amd64', os: 'linux', config: {} },
      history: layers.map((_, i) => ({ created: '2024-01-02T03:04:05Z', created_by: `STEP ${i + 1}` })),
      rootfs: { type: 'layers', diff_ids: blobs.map(({ descriptor }) => descriptor.digest) },
    }),
  )
  const document = {
    mediaType: mediaTypes.manifest,
    config: config.descriptor,
    layers: blobs.map(({ descriptor }) => descriptor),
  }
  const manifest = tinyBlob(mediaTypes.manifest, goJson(manifestJson(document)))
  return filesOf(
    layout({ config, layers: blobs, manifest, blobs: [...blobs, config, manifest] }),
    join(temporaryFolder(), 'l'),
  )
}

const open = (): Promise<Tare> => openTare({ home: temporaryFolder(), environment: {} })

const image = () =>
  imageOf(
    [
      { path: 'etc', kind: 'directory', mode: 0o755 },
      { path: 'etc/motd', body: 'hello\n' },
      { path: 'etc/old', body: 'old' },
      { path: 'lib', kind: 'symlink', link: 'usr/lib' },
      { path: 'usr/lib/x', body: 'x'.repeat(3000), uid: 5, gid: 6, mode: 0o4755 },
      { path: 'usr/lib/y', kind: 'hardlink', link: 'usr/lib/x' },
      { path: 'dev/null', kind: 'char', deviceMajor: 1, deviceMinor: 3 },
      { path: 'run/pipe', kind: 'fifo' },
    ],
    [{ path: 'etc/motd', body: 'HELLO\n' }, { path: 'etc/.wh.old' }],
    [
      { path: 'usr/lib/z', body: 'z', mode: 0o600 },
      { path: 'etc/motd', body: 'HELLO\n' },
    ],
  )

test('layers are listed by number, lowest first, with the instructions that made them', async () => {
  const tare = await open()
  expect(await tare.images.layers({ image: image() })).toMatchObject([
    { number: 1, files: 7, directories: 1, removed: 0, contentSize: 3009, createdBy: 'STEP 1', isCompressed: false },
    { number: 2, files: 1, directories: 0, removed: 1, contentSize: 6, createdBy: 'STEP 2' },
    { number: 3, files: 2, directories: 0, removed: 0, contentSize: 7, created: '2024-01-02T03:04:05Z' },
  ])
})

test('files are those of all layers together, or of one; a directory below a path and a depth', async () => {
  const tare = await open()
  const name = image()
  const paths = async (options: object) =>
    (await tare.images.files({ image: name, ...options })).map(({ path }) => path)
  expect(await paths({})).toEqual([
    ...['/dev', '/dev/null', '/etc', '/etc/motd', '/lib', '/run', '/run/pipe'],
    ...['/usr', '/usr/lib', '/usr/lib/x', '/usr/lib/y', '/usr/lib/z'],
  ])
  expect(await paths({ depth: 1 })).toEqual(['/dev', '/etc', '/lib', '/run', '/usr'])
  expect(await paths({ path: '/lib' })).toEqual(['/usr/lib/x', '/usr/lib/y', '/usr/lib/z'])
  expect(await paths({ path: 'etc/motd' })).toEqual(['/etc/motd'])
  expect(await paths({ layer: 2 })).toEqual(['/etc/motd', '/etc/old'])
  expect(await paths({ layer: 3, path: '/usr/lib' })).toEqual(['/usr/lib/z'])
  expect(await tare.images.files({ image: name, layer: 2, path: 'etc/old' })).toMatchObject([
    { type: 'removed', layer: 2 },
  ])
  expect(await tare.images.files({ image: name, path: 'usr/lib/x' })).toEqual([
    {
      ...{ path: '/usr/lib/x', type: 'file', mode: 0o4755, uid: 5, gid: 6, size: 3000, layer: 1 },
      ...{ modified: '2023-11-14T22:13:20Z', digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) },
    },
  ])
  const totals = await tare.images.files({ image: name, totals: true, depth: 1 })
  expect(totals.map(({ path, total }) => [path, total])).toEqual([
    ...[
      ['/dev', 0],
      ['/etc', 6],
      ['/lib', undefined],
      ['/run', 0],
      ['/usr', 3001],
    ],
  ])
  await expect(paths({ path: '/etc/modt' })).rejects.toMatchObject({
    code: 'FILE_UNKNOWN',
    remedy: 'Did you mean /etc/motd?',
  })
  await expect(paths({ path: '/etc/old' })).rejects.toMatchObject({ code: 'FILE_UNKNOWN' })
  for (const layer of [0, 4, 1.5]) await expect(paths({ layer })).rejects.toMatchObject({ code: 'LAYER_UNKNOWN' })
})

test('a file is read through links, as all layers have it or as one does', async () => {
  const tare = await open()
  const name = image()
  const read = async (path: string, layer?: number) =>
    (await collect(tare.images.readFile({ image: name, path, layer }), 1 << 20)).toString()
  expect(await read('/etc/motd')).toBe('HELLO\n')
  expect(await read('/etc/motd', 1)).toBe('hello\n')
  expect(await read('etc/old', 1)).toBe('old')
  expect(await read('/lib/y')).toBe('x'.repeat(3000))
  expect(await read('/usr/lib/y', 1)).toBe('x'.repeat(3000))
  for (const path of ['/etc', '/dev/null', '/run/pipe', '/'])
    await expect(read(path)).rejects.toMatchObject({ code: 'FILE_NOT_REGULAR' })
  await expect(read('/etc/old', 2)).rejects.toMatchObject({ code: 'FILE_NOT_REGULAR' })
  await expect(read('/etc/old', 3)).rejects.toMatchObject({ code: 'FILE_UNKNOWN' })
  await expect(read('/none')).rejects.toMatchObject({ code: 'FILE_UNKNOWN' })
})

test.skipIf(!hasProgram('tar'))('reading a large file can be stopped, even if nothing is waited for', async () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'huge'), Buffer.alloc(12 << 20, 'x'))
  truncateSync(join(folder, 'huge'), 2 * 2 ** 30)
  execFileSync('tar', ['--sparse', '-cf', 'layer.tar', 'huge'], { cwd: folder })
  const tare = await openTare({ home: join(folder, 'home'), environment: {} })
  await tare.images.import({ from: { path: join(folder, 'layer.tar') }, name: 'huge' })
  const stop = new AbortController()
  let read = 0
  const all = async () => {
    for await (const piece of tare.images.readFile({ image: 'huge', path: 'huge', signal: stop.signal })) {
      if (read === 0) setTimeout(() => stop.abort(new Error('enough')), 1)
      read += piece.length
    }
  }
  await expect(all()).rejects.toThrow('enough')
  expect(read).toBeGreaterThan(0)
})

test('why tells who wrote, changed, wrote again and removed a path, and what was different', async () => {
  const tare = await open()
  const name = image()
  const why = async (path: string) => {
    const { exists, changes } = await tare.images.why({ image: name, path })
    return [
      exists,
      ...changes.map(({ layer, change, differences, createdBy }) => [layer, change, differences.join(), createdBy]),
    ]
  }
  expect(await why('/etc/motd')).toEqual([
    true,
    [1, 'added', '', 'STEP 1'],
    [2, 'changed', 'content', 'STEP 2'],
    [3, 'rewritten', '', 'STEP 3'],
  ])
  expect(await why('/etc/old')).toEqual([false, [1, 'added', '', 'STEP 1'], [2, 'removed', '', 'STEP 2']])
  expect(await why('/lib/z')).toEqual([true, [3, 'added', '', 'STEP 3']])
  await expect(why('/none')).rejects.toMatchObject({ code: 'FILE_UNKNOWN' })
})

test('why knows of a file whose parent was removed, replaced or hidden, and of what became another kind of file', async () => {
  const tare = await open()
  const name = imageOf(
    [
      { path: 'a/x', body: '1' },
      { path: 'b/x', body: '1' },
      { path: 'c/x', body: '1' },
      { path: 'd', body: '1' },
    ],
    [{ path: '.wh.a' }, { path: 'b/.wh..wh..opq' }, { path: 'c', body: '' }, { path: 'd', kind: 'symlink', link: 'b' }],
  )
  for (const path of ['a/x', 'b/x', 'c/x'])
    expect((await tare.images.why({ image: name, path })).changes.map(({ change }) => change)).toEqual([
      'added',
      'removed',
    ])
  expect((await tare.images.why({ image: name, path: 'd' })).changes[1]).toMatchObject({
    differences: ['type', 'target'],
  })
})

test('why follows a file by the path that it has in the end, or had at last, not through links of other layers', async () => {
  const tare = await open()
  const name = imageOf(
    [
      { path: 'etc/x', body: '1' },
      { path: 'srv/d/gone', body: '1' },
      { path: 'srv/d/x', body: '22' },
      { path: 'now', kind: 'symlink', link: 'etc' },
      { path: 'loop', kind: 'symlink', link: 'loop' },
    ],
    [
      { path: 'srv/d', kind: 'symlink', link: '/etc' },
      { path: 'now', kind: 'directory' },
      { path: 'now/x', body: '333' },
      { path: 'loop', kind: 'directory' },
      { path: 'loop/x', body: '4444' },
    ],
  )
  const why = async (path: string) => {
    const trace = await tare.images.why({ image: name, path })
    return [trace.path, trace.exists, ...trace.changes.map(({ layer, change }) => `${layer} ${change}`)]
  }
  expect(await why('srv/d/x')).toEqual(['/etc/x', true, '1 added'])
  expect(await why('/srv/d/gone')).toEqual(['/srv/d/gone', false, '1 added', '2 removed'])
  expect(await why('now/x')).toEqual(['/now/x', true, '2 added'])
  expect(await why('now/../loop/./x')).toEqual(['/loop/x', true, '2 added'])
  expect(await why('srv/../etc')).toEqual(['/etc', true, '1 added'])
  await expect(why('now/none')).rejects.toMatchObject({ code: 'FILE_UNKNOWN' })
})

test('a docker-archive, and an image of the store, are looked into alike', async () => {
  const tare = await open()
  const path = filesOf(dockerArchive(tinyImage()), join(temporaryFolder(), 'd'))
  await tare.images.load({ from: { path } })
  for (const name of [path, `docker-archive:${path}`, 'app:1'])
    expect(await tare.images.files({ image: name })).toMatchObject([{ path: '/hello.txt', size: 6 }])
})

/** All of a folder: kinds, modes, sizes and contents. */
function snapshotOf(folder: string, prefix = ''): string[] {
  return readdirSync(join(folder, prefix))
    .sort()
    .flatMap((name) => {
      const path = prefix === '' ? name : `${prefix}/${name}`
      const stat = lstatSync(join(folder, path))
      const mode = (stat.mode & 0o7777).toString(8)
      if (stat.isDirectory()) return [`${path}/ ${mode}`, ...snapshotOf(folder, path)]
      if (stat.isSymbolicLink()) return [`${path} -> ${readlinkSync(join(folder, path))}`]
      const content = stat.isFile() ? readFileSync(join(folder, path), 'latin1') : stat.rdev
      return [`${path} ${mode} ${stat.nlink} ${content}`]
    })
}

test.skipIf(!hasProgram('tar') || !isRoot)(
  'an export is what the layers come to when tar unpacks it: links, devices, owners and modes',
  async () => {
    const tare = await open()
    const folder = temporaryFolder()
    await tare.images.export({ image: image(), to: { path: join(folder, 'e.tar') } })
    mkdirSync(join(folder, 'root'))
    execFileSync('tar', ['-xpf', join(folder, 'e.tar'), '-C', join(folder, 'root')])
    expect(snapshotOf(join(folder, 'root'))).toEqual([
      ...['dev/ 755', 'dev/null 644 1 259', 'etc/ 755', 'etc/motd 644 1 HELLO\n', 'lib -> usr/lib'],
      ...['run/ 755', 'run/pipe 644 1 0', 'usr/ 755', 'usr/lib/ 755', `usr/lib/x 4755 2 ${'x'.repeat(3000)}`],
      ...[`usr/lib/y 4755 2 ${'x'.repeat(3000)}`, 'usr/lib/z 600 1 z'],
    ])
    expect(statSync(join(folder, 'root/usr/lib/x'))).toMatchObject({ uid: 5, gid: 6, mtimeMs: 1700000000000 })
  },
)

test('a file that was modified right before a full second is written with a time in its own second', async () => {
  const tare = await open()
  const folder = temporaryFolder()
  const image = imageOf([
    { path: 'd/', kind: 'directory', mode: 0o755, mtimeNs: 999_999_999 },
    { path: 'd/file', body: 'x', mtimeNs: 999_999_999 },
    { path: 'd/link', kind: 'symlink', link: 'file', mtimeNs: 999_999_999 },
  ])
  await tare.images.copyOut({ image, path: '/d', to: { path: join(folder, 'out') } })
  for (const path of ['out', 'out/file', 'out/link'])
    expect(lstatSync(join(folder, path), { bigint: true }).mtimeNs / 1000n).toBe(1_700_000_000_999_999n)
})

test('an export that fails leaves no file', async () => {
  const tare = await open()
  const folder = temporaryFolder()
  const signal = AbortSignal.abort(new Error('enough'))
  await expect(tare.images.export({ image: image(), to: { path: join(folder, 'e.tar') }, signal })).rejects.toThrow(
    'enough',
  )
  expect(readdirSync(folder)).toEqual([])
})

test('files are copied out by the rules of docker cp', async () => {
  const tare = await open()
  const name = image()
  const folder = temporaryFolder()
  const copy = (path: string, to: string, more = {}) =>
    tare.images.copyOut({ image: name, path, to: { path: join(folder, to) }, ...more })
  mkdirSync(join(folder, 'there'))
  await copy('/etc/motd', 'there')
  await copy('/etc/motd', 'name')
  await copy('/etc', 'there')
  await copy('/etc', 'new')
  await copy('/etc/.', 'there')
  await copy('/lib', 'link')
  await copy('/lib', 'followed', { followLink: true })
  expect(snapshotOf(folder)).toEqual([
    ...[
      'followed/ 755',
      `followed/x 755 2 ${'x'.repeat(3000)}`,
      `followed/y 755 2 ${'x'.repeat(3000)}`,
      'followed/z 600 1 z',
    ],
    ...['link -> usr/lib', 'name 644 1 HELLO\n', 'new/ 755', 'new/motd 644 1 HELLO\n'],
    ...['there/ 755', 'there/etc/ 755', 'there/etc/motd 644 1 HELLO\n', 'there/motd 644 1 HELLO\n'],
  ])
  expect(await copy('/dev', 'devices')).toMatchObject({ files: 0, skipped: [join(folder, 'devices/null')] })
  for (const [path, to] of [
    ['/etc/motd', 'no/such'],
    ['/etc/motd', 'none/'],
    ['/etc', 'name'],
    ['/etc/motd', 'name/'],
  ] as const)
    await expect(copy(path, to)).rejects.toMatchObject({ code: 'DESTINATION_INVALID' })
  mkdirSync(join(folder, 'pipes'))
  execFileSync('mkfifo', [join(folder, 'pipe'), join(folder, 'pipes/motd')])
  for (const [path, to] of [
    ['/etc/motd', 'pipe'],
    ['/etc/motd', 'pipes'],
    ['/etc/.', 'pipes'],
  ] as const)
    await expect(copy(path, to)).rejects.toMatchObject({
      code: 'DESTINATION_INVALID',
      message: expect.stringContaining('a device or a pipe is there'),
    })
  expect(['pipe', 'pipes/motd'].map((path) => lstatSync(join(folder, path)).isFIFO())).toEqual([true, true])
  await expect(copy('/none', 'x')).rejects.toMatchObject({ code: 'FILE_UNKNOWN' })
  await expect(copy('/dev/null', 'there')).rejects.toMatchObject({ code: 'FILE_NOT_REGULAR' })
})

test('nothing is written through a link below the destination', async () => {
  const tare = await open()
  const name = image()
  const folder = temporaryFolder()
  const outside = temporaryFolder()
  writeFileSync(join(outside, 'motd'), 'mine')
  mkdirSync(join(folder, 'd/etc'), { recursive: true })
  symlinkSync(join(outside, 'motd'), join(folder, 'd/etc/motd'))
  await tare.images.copyOut({ image: name, path: '/etc', to: { path: join(folder, 'd') } })
  expect(readFileSync(join(outside, 'motd'), 'utf8')).toBe('mine')
  expect(readFileSync(join(folder, 'd/etc/motd'), 'utf8')).toBe('HELLO\n')
  mkdirSync(join(folder, 'e'))
  symlinkSync(outside, join(folder, 'e/etc'))
  await expect(
    tare.images.copyOut({ image: name, path: '/etc', to: { path: join(folder, 'e') } }),
  ).rejects.toMatchObject({
    ...{
      code: 'DESTINATION_INVALID',
      message: expect.stringContaining('a symbolic link is there, which is not followed'),
    },
  })
  expect(readdirSync(outside)).toEqual(['motd'])
})

test.skipIf(!hasProgram('tar'))(
  'a copy to a stream is a tar whose paths begin with the name of what is copied',
  async () => {
    const tare = await open()
    const name = image()
    const list = async (path: string) => {
      const chunks: Uint8Array[] = []
      await tare.images.copyOut({ image: name, path, to: { write: async (chunk) => chunks.push(Buffer.from(chunk)) } })
      return spawnSync('tar', ['-tf', '-'], { input: Buffer.concat(chunks), encoding: 'utf8' }).stdout.split('\n')
    }
    expect(await list('/usr/lib')).toEqual(['lib/', 'lib/x', 'lib/y', 'lib/z', ''])
    expect(await list('/usr/lib/.')).toEqual(['x', 'y', 'z', ''])
    expect(await list('/etc/motd')).toEqual(['motd', ''])
  },
)

test('links in a circle, and layers that contradict themselves, are errors and not endless', async () => {
  const tare = await open()
  const circle = imageOf([
    { path: 'a', kind: 'symlink', link: 'b' },
    { path: 'b', kind: 'symlink', link: 'a' },
  ])
  await expect(collect(tare.images.readFile({ image: circle, path: 'a' }), 1)).rejects.toMatchObject({
    code: 'SYMLINK_LOOP',
  })
  expect(await tare.images.files({ image: circle })).toMatchObject([{ path: '/a', target: 'b' }, { path: '/b' }])
  const below = imageOf([
    { path: 'a', body: '' },
    { path: 'a/b', body: '' },
  ])
  await expect(tare.images.files({ image: below })).rejects.toMatchObject({ code: 'LAYER_INVALID' })
  const escaping = imageOf([{ path: '../a', body: '' }])
  await expect(tare.images.layers({ image: escaping })).rejects.toMatchObject({ code: 'LAYER_PATH_ESCAPES' })
  const folder = temporaryFolder()
  const link = imageOf([
    { path: 'd', kind: 'symlink', link: '/etc' },
    { path: 'x', body: '1' },
  ])
  await tare.images.copyOut({ image: link, path: '/', to: { path: join(folder, 'all') } })
  expect(readlinkSync(join(folder, 'all/d'))).toBe('/etc')
  expect(existsSync(join(folder, 'all/x'))).toBe(true)
})

test('the contents are every path in columns, and what each layer did to it', async () => {
  const tare = await open()
  const { paths, changes, targets, owners, fileTypes, ...about } = await tare.images.contents({ image: image() })
  expect(about).toMatchObject({ platform: { os: 'linux' }, history: [{ layer: 1 }, { layer: 2 }, { layer: 3 }] })
  expect(paths.name).toEqual([
    ...['', 'dev', 'null', 'etc', 'motd', 'old', 'lib', 'run', 'pipe', 'usr', 'lib', 'x', 'y', 'z'],
  ])
  expect(paths.depth).toEqual([0, 1, 2, 1, 2, 2, 1, 1, 2, 1, 2, 3, 3, 3])
  const of = (name: string) =>
    changes.path.flatMap((path, i) => {
      if (paths.name[path] !== name) return []
      const { layer, change, differences, size, type } = changes
      return [[layer[i], change[i], differences[i], type[i], size[i]]]
    })
  // Content alone is different; then it is written again as it was.
  expect(of('motd')).toEqual([
    [1, 0, 0, 0, 6],
    [2, 1, 2, 0, 6],
    [3, 2, 0, 0, 6],
  ])
  // Added, then removed: with the size that it had.
  expect(of('old')).toEqual([
    [1, 0, 0, 0, 3],
    [2, 3, 0, 0, 3],
  ])
  const only = (name: string) => changes.path.findIndex((path) => paths.name[path] === name)
  expect(changes.linked[only('x')]).toBe(1)
  expect(changes.linked[only('y')]).toBe(1)
  expect(changes.linked[only('z')]).toBe(0)
  expect(owners[changes.owner[only('x')]!]).toEqual([5, 6])
  expect(changes.mode[only('x')]).toBe(0o4755)
  expect(changes.modified[only('x')]).toBe(1700000000)
  expect(fileTypes[changes.fileType[only('x')]!]).toBe('executable')
  expect(Object.values(targets)).toEqual(['usr/lib'])
})

test('an image without layers has the root and nothing else', async () => {
  const tare = await open()
  const { paths, changes, layers } = await tare.images.contents({ image: imageOf() })
  expect([paths, changes.path, layers]).toEqual([{ name: [''], depth: [0] }, [], []])
})
