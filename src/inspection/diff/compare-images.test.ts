import { createHash } from 'node:crypto'
import { openSync, readSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../../test/kit/cli.ts'
import type { ComparedFile, Ignorable, ImageDiff } from '../../api/index.ts'
import { indexLayer, type LayerTable } from '../../files/layer/index.ts'
import { encodeHeader, endOfArchive, padding, type TarHeader } from '../../files/tar/index.ts'
import { type Digest, mediaTypes, parseImageConfig } from '../../oci/index.ts'
import { sha256 } from '../../support/index.ts'
import type { InspectedImage, InspectedLayer } from '../image.ts'
import { type CompareOptions, compareImages } from './compare-images.ts'
import { compareMetadata } from './compare-metadata.ts'
import { ignorable, semantic } from './ignorable.ts'
import { parseLayerRange } from './layer-range.ts'

type Facts = Partial<TarHeader> & { readonly text?: string }

/** Bytes of a layer, with what a header says besides a plain file's facts. Folders end in `/`. */
function tar(members: readonly (readonly [path: string, facts: Facts | string])[]): Buffer {
  const parts = members.flatMap(([path, given]) => {
    const { text = '', ...facts } = typeof given === 'string' ? { text: given } : given
    const body = Buffer.from(text)
    const kind = path.endsWith('/') ? 'directory' : 'file'
    const plain = { path, kind, mode: kind === 'file' ? 0o644 : 0o755, uid: 0, gid: 0, mtime: 7, mtimeNs: 0 } as const
    return [encodeHeader({ ...plain, size: body.length, ...facts }), body, Buffer.alloc(padding(body.length))]
  })
  return Buffer.concat([...parts, endOfArchive])
}

function layerOf(bytes: Buffer): InspectedLayer {
  const path = join(temporaryFolder(), 'layer')
  writeFileSync(path, bytes)
  const fd = openSync(path, 'r')
  const diffId = sha256(bytes)
  const archive = { size: bytes.length, read: (into: Uint8Array, at: number) => readSync(fd, into, 0, into.length, at) }
  const blob = { mediaType: mediaTypes.layer, digest: diffId, size: bytes.length }
  return { path, blob, index: indexLayer(archive, diffId, 'the layer') }
}

function imageOf(
  layers: readonly Buffer[],
  config: Record<string, unknown> = {},
  annotations?: Record<string, string>,
) {
  const found = layers.map(layerOf)
  const diffIds = found.map(({ index }) => index.diffId)
  const json = JSON.stringify({
    os: 'linux',
    architecture: 'amd64',
    rootfs: { type: 'layers', diff_ids: diffIds },
    ...config,
  })
  const digest: Digest = `sha256:${createHash('sha256').update(json).digest('hex')}`
  const descriptor = { mediaType: mediaTypes.config, digest, size: json.length }
  const manifest = { mediaType: mediaTypes.manifest, config: descriptor, layers: found.map(({ blob }) => blob) }
  const image: InspectedImage = {
    ...{ name: 'app', root: descriptor, config: parseImageConfig(json, 'app'), layers: found },
    manifest: { ...manifest, ...(annotations === undefined ? {} : { annotations }) },
  }
  return image
}

async function compare(
  a: InspectedImage,
  b: InspectedImage,
  options: Partial<CompareOptions> = {},
): Promise<ImageDiff> {
  return (await compareImages({ image: a }, { image: b }, { ignore: [], byLayer: false, ...options })).diff
}

/** Each difference of a file as a line. */
function lines(files: readonly ComparedFile[]): string[] {
  return files.flatMap(({ kind, path, changes }) =>
    kind === 'changed'
      ? changes.map(
          ({ kind, name, a, b }) => `${kind} ${path} ${name === undefined ? '' : `${name} `}${a ?? '-'} ${b ?? '-'}`,
        )
      : [`${kind} ${path}`],
  )
}

const filesOf = async (
  a: readonly Buffer[],
  b: readonly Buffer[],
  ignore: readonly Ignorable[] = ['tar-format', 'layers'],
) => lines((await compare(imageOf(a), imageOf(b), { ignore: ['json-format', ...ignore] })).files)

test('an image is equal to itself, without any difference listed', async () => {
  const image = imageOf([tar([['a', 'x']])])
  expect(await compare(image, imageOf([tar([['a', 'x']])]))).toMatchObject({
    ...{ equal: true, config: [], history: [], layers: [], files: [], directories: [], ignored: {} },
  })
})

test('every way in which a file may differ has a kind of its own', async () => {
  const link = (target: string): Facts => ({ kind: 'symlink', link: target })
  const capability = (value: string) => ({ xattrs: new Map([['security.capability', Buffer.from(value)]]) })
  const a = tar([
    ['d/', {}],
    ...([
      ['d/content', 'same size'],
      ['d/device', { kind: 'char', deviceMajor: 1, deviceMinor: 3 }],
      ['d/gone', 'x'],
      ['d/link', link('old')],
      ['d/mode', {}],
      ['d/owner', {}],
      ['d/size', 'short'],
      ['d/time', {}],
      ['d/type', {}],
      ['d/xattr', capability('one')],
    ] as const),
  ])
  const b = tar([
    ['d/', { mode: 0o1777 }],
    ['d/come/', {}],
    ['d/come/inside', 'x'],
    ['d/content', 'SAME SIZE'],
    ['d/device', { kind: 'char', deviceMajor: 1, deviceMinor: 5 }],
    ['d/link', link('new')],
    ['d/mode', { mode: 0o4755 }],
    ['d/owner', { uid: 1000, gid: 50 }],
    ['d/size', 'longer'],
    ['d/time', { mtime: 8 }],
    ['d/type', link('x')],
    ['d/xattr', capability('two')],
  ])
  expect(await filesOf([a], [b])).toEqual([
    'mode d 0755 1777',
    'added d/come',
    'added d/come/inside',
    'content d/content - -',
    'device d/device 1:3 1:5',
    'removed d/gone',
    'link-target d/link old new',
    'mode d/mode 0644 4755',
    'owner d/owner 0:0 1000:50',
    'content d/size - -',
    'file-times d/time 1970-01-01T00:00:07Z 1970-01-01T00:00:08Z',
    'type d/type file symlink',
    'xattrs d/xattr security.capability b25l dHdv',
  ])
  expect((await compare(imageOf([a]), imageOf([b]))).equal).toBe(false)
})

test('times are told with what nanoseconds they have, and as seconds beyond the years of RFC 3339', () => {
  const plain = { kind: 'file', mode: 0o644, uid: 0, gid: 0, mtime: 0, mtimeNs: 0 } as const
  const times = (mtime: number, mtimeNs: number) => compareMetadata({ ...plain, mtime, mtimeNs }, plain)[0]?.a
  expect(times(8, 500_000_000)).toBe('1970-01-01T00:00:08.5Z')
  expect(times(8, 1)).toBe('1970-01-01T00:00:08.000000001Z')
  expect(times(-1, 0)).toBe('1969-12-31T23:59:59Z')
  expect(times(1e15, 0)).toBe('@1000000000000000')
  expect(times(0, 0)).toBe(undefined)
})

test('what is ignored is counted and does not count', async () => {
  const a = imageOf([tar([['a', { mode: 0o600, uid: 1 }]])])
  const b = imageOf([tar([['a', { mode: 0o644, uid: 2 }]])])
  const found = await compare(a, b, { ignore: ['mode', 'owner'] })
  expect(found).toMatchObject({ equal: true, files: [], layers: [], ignored: { mode: 1, owner: 1 } })
  expect(await compare(a, b, { ignore: ['mode'] })).toMatchObject({ equal: false, files: [{ path: 'a' }] })
  expect((await compare(a, b, { ignore: [...semantic] })).equal).toBe(false)
})

test('a directory that becomes a file is told with all that was in it', async () => {
  expect(
    await filesOf(
      [
        tar([
          ['d/', {}],
          ['d/x', ''],
        ]),
      ],
      [tar([['d', 'now']])],
    ),
  ).toEqual(['type d directory file', 'removed d/x'])
})

test('the same files in other bytes of tar, or in another order, are named as such', async () => {
  const plain = imageOf([
    tar([
      ['a', 'x'],
      ['b', 'y'],
    ]),
  ])
  const padded = tar([
    ['a', 'x'],
    ['b', 'y'],
  ])
  const named = imageOf([Buffer.concat([padded, Buffer.alloc(9216)])])
  const turned = imageOf([
    tar([
      ['b', 'y'],
      ['a', 'x'],
    ]),
  ])
  expect(await compare(plain, named)).toMatchObject({
    ...{ equal: false, files: [], config: [] },
    layers: [{ kind: 'tar-format', a: 1, b: 1, detail: 'the same files, in other bytes of tar' }],
  })
  expect((await compare(plain, turned)).layers).toMatchObject([
    { kind: 'tar-format', detail: 'the same files, in another order' },
  ])
  expect(await compare(plain, named, { ignore: ['tar-format'] })).toMatchObject({
    equal: true,
    ignored: { 'tar-format': 1 },
  })
})

test('an entry told twice is no question of tar', async () => {
  const once = imageOf([
    tar([
      ['a', 'x'],
      ['b', 'y'],
    ]),
  ])
  const twice = imageOf([
    tar([
      ['a', 'x'],
      ['a', 'x'],
    ]),
  ])
  expect((await compare(once, twice, { ignore: ['tar-format'] })).equal).toBe(false)
})

test('a filesystem that is cut differently is the same filesystem', async () => {
  const one = imageOf([
    tar([
      ['a', 'x'],
      ['b', 'y'],
    ]),
  ])
  const two = imageOf([
    tar([
      ['a', 'x'],
      ['c', 'gone'],
    ]),
    tar([
      ['.wh.c', ''],
      ['b', 'y'],
    ]),
  ])
  expect(await compare(one, two)).toMatchObject({ equal: false, files: [], directories: [] })
  expect((await compare(one, two)).layers.map(({ kind, a, b }) => [kind, a, b])).toEqual([
    ['layers', 1, 1],
    ['layers', undefined, 2],
  ])
  expect((await compare(one, two, { ignore: ['layers'] })).equal).toBe(true)
  const byLayer = await compare(one, two, { ignore: ['layers'], byLayer: true })
  expect(byLayer.equal).toBe(false)
  expect(byLayer.files.map(({ kind, type, path, layerA, layerB }) => [kind, type, path, layerA, layerB])).toEqual([
    ['removed', 'file', 'b', 1, 1],
    ['added', 'file', 'c', 1, 1],
    ['added', 'whiteout', 'c', undefined, 2],
    ['added', 'file', 'b', undefined, 2],
  ])
})

test('what a higher layer hides is a difference of layers only', async () => {
  const top = tar([['a', 'shown']])
  const a = imageOf([tar([['a', 'one']]), top])
  const b = imageOf([tar([['a', 'two']]), top])
  expect(await compare(a, b)).toMatchObject({ equal: false, files: [], layers: [{ kind: 'layers', a: 1, b: 1 }] })
  expect((await compare(a, b, { ignore: [...semantic] })).equal).toBe(true)
  expect((await compare(a, b, { byLayer: true })).files).toMatchObject([{ path: 'a', layerA: 1, layerB: 1 }])
})

test('layers beside each other are those that are the same at both ends', async () => {
  const [base, extra, end] = [tar([['base', '']]), tar([['extra', '']]), tar([['end', '']])]
  const found = await compare(imageOf([base, end]), imageOf([base, extra, end]), { byLayer: true })
  expect(found.files.map(({ path, layerA, layerB }) => [path, layerA, layerB])).toEqual([['extra', undefined, 2]])
  expect(found.layers).toMatchObject([{ kind: 'layers', b: 2, detail: 'only B has it' }])
})

test('some layers of an image are compared without its config, and with what they say is gone', async () => {
  const low = tar([
    ['a', 'x'],
    ['b', 'x'],
  ])
  const a = imageOf([low, tar([['.wh.a', '']]), tar([['top', '']])], { author: 'A' })
  const b = imageOf([low, tar([['.wh.b', '']])], { author: 'B' })
  const [rangeA, rangeB] = [parseLayerRange('a#2..3').range, parseLayerRange('b#2').range]
  const options = { ignore: [], byLayer: false }
  const { diff } = await compareImages({ image: a, range: rangeA }, { image: b, range: rangeB }, options)
  expect(diff.config).toEqual([])
  expect(diff.files.map(({ kind, type, path }) => [kind, type, path])).toEqual([
    ['removed', 'whiteout', 'a'],
    ['added', 'whiteout', 'b'],
    ['removed', 'file', 'top'],
  ])
  const same = await compareImages(
    { image: a, range: parseLayerRange('a#1').range },
    { image: b, range: { from: 1, to: 1 } },
    options,
  )
  expect(same.diff).toMatchObject({ equal: true, a: { layers: 1 } })
})

test('an opaque directory is told of where layers are compared', async () => {
  const low = tar([
    ['d/', {}],
    ['d/x', ''],
  ])
  const a = imageOf([
    low,
    tar([
      ['d/', {}],
      ['d/.wh..wh..opq', ''],
    ]),
  ])
  const b = imageOf([
    low,
    tar([
      ['d/', {}],
      ['d/.wh.x', ''],
    ]),
  ])
  expect((await compare(a, b, { ignore: [...semantic] })).equal).toBe(true)
  expect((await compare(a, b, { byLayer: true })).files.map(({ kind, type, path }) => [kind, type, path])).toEqual([
    ['removed', 'opaque', 'd'],
    ['added', 'whiteout', 'd/x'],
  ])
})

test('whether two names are one file is a difference', async () => {
  const linked = tar([
    ['a', 'x'],
    ['b', { kind: 'hardlink', link: 'a' }],
  ])
  const apart = tar([
    ['a', 'x'],
    ['b', 'x'],
  ])
  expect(await filesOf([linked], [apart])).toEqual(['hard-links b a -'])
  expect(await filesOf([linked], [apart], ['hard-links', 'layers'])).toEqual([])
  expect(await filesOf([linked], [linked])).toEqual([])
})

test('times of directories that only the index of a builder has do not count', async () => {
  const bytes = tar([['d/', {}]])
  const [a, b] = [imageOf([bytes]), imageOf([bytes])]
  const settled = { ...a.layers[0]!.index.entries[0]!, kind: 'touch', at: -1, mtime: 99 } as const
  const index = { ...a.layers[0]!.index, entries: [...a.layers[0]!.index.entries, settled] }
  const built = { ...a, layers: [{ ...a.layers[0]!, index }] }
  expect((await compare(built, b, { byLayer: true })).equal).toBe(true)
  const other = imageOf([bytes, tar([['x', '']])])
  expect(lines((await compare(built, other)).files)).toEqual(['added x'])
})

test('nanoseconds that only the index of a builder has do not count', async () => {
  const built = imageOf([
    tar([
      ['d/', {}],
      ['d/x', 'x'],
      ['e', ''],
      ['long/'.repeat(60), {}],
    ]),
  ])
  const entries = built.layers[0]!.index.entries.map((entry) => ({ ...entry, mtimeNs: 5 }))
  const index = { ...built.layers[0]!.index, entries }
  const other = imageOf([
    tar([
      ['d/', {}],
      ['d/x', 'x'],
      ['e', ''],
      ['f', ''],
    ]),
  ])
  const found = await compare({ ...built, layers: [{ ...built.layers[0]!, index }] }, other)
  expect(lines(found.files).filter((line) => line.startsWith('file-times'))).toEqual([])
})

test('empty places for mounts are ignored by name, and only while they are empty', async () => {
  const plain = tar([['bin/', {}]])
  const stub = tar([
    ['bin/', {}],
    ['etc/', {}],
    ['etc/resolv.conf', ''],
  ])
  const filled = tar([
    ['bin/', {}],
    ['etc/', {}],
    ['etc/resolv.conf', 'nameserver 1.1.1.1\n'],
  ])
  expect(await filesOf([plain], [stub])).toEqual(['added etc', 'added etc/resolv.conf'])
  expect((await compare(imageOf([plain]), imageOf([stub]), { ignore: semantic })).equal).toBe(true)
  expect((await compare(imageOf([plain]), imageOf([filled]), { ignore: semantic })).equal).toBe(false)
})

test('config, labels, annotations and traces of builders are told apart', async () => {
  const a = imageOf(
    [],
    {
      created: '2024-01-01T00:00:00Z',
      config: {
        Env: ['PATH=/bin', 'A=1'],
        Cmd: ['a'],
        Labels: { 'io.buildah.version': '1.39', x: '1' },
        Volumes: { '/v': {} },
      },
    },
    { team: 'a' },
  )
  const b = imageOf([], {
    variant: 'v2',
    created: '2025-01-01T00:00:00Z',
    docker_version: '20.10',
    config: {
      Env: ['A=2', 'PATH=/bin'],
      Cmd: ['a', 'b'],
      Labels: { x: '2' },
      Hostname: 'h',
      WorkingDir: '/',
      User: '',
    },
  })
  expect((await compare(a, b)).config).toEqual([
    { kind: 'annotations', member: 'annotations.team', a: 'a' },
    { kind: 'config', member: 'config.Cmd', a: '["a"]', b: '["a","b"]' },
    { kind: 'config', member: 'config.Env.A', a: '1', b: '2' },
    { kind: 'builder', member: 'config.Hostname', b: 'h' },
    { kind: 'builder', member: 'config.Labels.io.buildah.version', a: '1.39' },
    { kind: 'labels', member: 'config.Labels.x', a: '1', b: '2' },
    { kind: 'config', member: 'config.Volumes./v', a: '' },
    { kind: 'image-times', member: 'created', a: '2024-01-01T00:00:00Z', b: '2025-01-01T00:00:00Z' },
    { kind: 'builder', member: 'docker_version', b: '20.10' },
    { kind: 'config', member: 'variant', b: 'v2' },
  ])
})

test('configs of the same meaning and other bytes differ in json-format', async () => {
  const a = imageOf([], { config: { WorkingDir: '/', Env: ['A=1', 'B=2'] } })
  const b = imageOf([], { config: { User: '', Env: ['B=2', 'A=1'] } })
  expect(await compare(a, b)).toMatchObject({ equal: false, config: [{ kind: 'json-format', member: 'digest' }] })
  expect(await compare(a, b, { ignore: ['json-format'] })).toMatchObject({ equal: true, ignored: { 'json-format': 1 } })
  const doubled = imageOf([], { config: { Env: ['A=1', 'B=2', 'A=3'] } })
  expect((await compare(a, doubled, { ignore: semantic })).equal).toBe(false)
})

test('history is compared line by line, its times apart', async () => {
  const history = (...lines: readonly object[]) => imageOf([], { history: lines })
  const a = history({ created_by: 'RUN a', created: '1' }, { created_by: 'CMD b', empty_layer: true })
  const b = history({ created_by: 'RUN a', created: '2' }, { created_by: 'CMD c', empty_layer: true }, {})
  expect((await compare(a, b)).history).toEqual([
    { kind: 'image-times', index: 0, member: 'created', a: '1', b: '2' },
    { kind: 'history', index: 1, member: 'created_by', a: 'CMD b', b: 'CMD c' },
    { kind: 'history', index: 2, member: 'line', b: '' },
  ])
  expect((await compare(a, b, { ignore: ['history', 'image-times'] })).equal).toBe(true)
})

test('directories are weighed with a linked file counted once', async () => {
  const a = tar([
    ['d/', {}],
    ['d/one', '12345'],
    ['d/two', { kind: 'hardlink', link: 'd/one' }],
    ['e/', {}],
    ['e/x', 'y'],
  ])
  const b = tar([
    ['d/', {}],
    ['d/one', '123'],
    ['e/', {}],
    ['e/x', 'z'],
  ])
  expect((await compare(imageOf([a]), imageOf([b]))).directories).toEqual([
    { path: '', a: 6, b: 4 },
    { path: 'd', a: 5, b: 3 },
  ])
})

test('every kind that can be ignored says what it stands for', () => {
  for (const kind of semantic) expect(ignorable).toHaveProperty(kind)
})

test.each([
  ['app#3..5', { name: 'app', range: { from: 3, to: 5 } }],
  ['app#3', { name: 'app', range: { from: 3, to: 3 } }],
  ['app:1#2..', { name: 'app:1', range: { from: 2, to: undefined } }],
  ['./a#b.tar#..2', { name: './a#b.tar', range: { from: 1, to: 2 } }],
  ['./a#b.tar', { name: './a#b.tar' }],
  ['app', { name: 'app' }],
])('%s names an image and its layers', (text, expected) => {
  expect(parseLayerRange(text)).toEqual(expected)
})

test.each(['app#', 'app#..', 'app#0', 'app#5..3'])('%s is refused', (text) => {
  expect(() => parseLayerRange(text)).toThrow(expect.objectContaining({ code: 'LAYER_RANGE_INVALID' }))
})

test('layers that an image does not have are refused', async () => {
  const image = imageOf([tar([['a', '']])])
  const compared = compareImages({ image, range: { from: 1, to: 2 } }, { image }, { ignore: [], byLayer: false })
  await expect(compared).rejects.toMatchObject({ code: 'LAYER_UNKNOWN', message: 'app has no layer 2' })
})

test('files that were found to be the same are known as such, each by its own name, and those that are like them', async () => {
  const names = ['b', 'c', 'd'].map((path) => [path, { kind: 'hardlink', link: 'a', size: 0 }] as const)
  const of = (mtime: number, own: string) =>
    imageOf([tar([['a', { text: 'same', mtime }], ...names, ['x', { text: own, mtime }], ['y', 'SAME']])])
  const [a, b, c] = [of(1, 'one'), of(2, 'two'), of(3, 'two')] as const
  const learnt = async (x: InspectedImage, y: InspectedImage) => {
    const compared = await compareImages({ image: x }, { image: y }, { ignore: semantic, byLayer: false })
    return [lines(compared.diff.files), [...compared.learnt].length] as const
  }
  expect(await learnt(a, b)).toEqual([['content x - -'], 2])
  expect(await learnt(b, c)).toEqual([[], 2])
  // Nothing but what differs is read.
  for (const one of [a, b, c]) writeFileSync(one.layers[0]!.path, '')
  expect(await learnt(b, c)).toEqual([[], 0])
  const tables = [a, b, c].map(({ layers }) => layers[0]!.index.table!)
  const said = (x: LayerTable, i: number, y: LayerTable, j: number) => x.isSame(i, y, j)
  const [inA, inB, inC] = tables as [LayerTable, LayerTable, LayerTable]
  expect([said(inA, 0, inC, 0), said(inA, 5, inC, 5), said(inB, 4, inC, 4)]).toEqual([true, true, true])
  expect([said(inA, 0, inC, 5), said(inA, 4, inC, 4), said(inA, 4, inB, 4)]).toEqual([undefined, undefined, undefined])
  await expect(learnt(a, c)).rejects.toMatchObject({ code: 'CONTENT_CHANGED' })
})

test('a digest that one of two equal files has is the digest of both', async () => {
  const [a, b, c] = [1, 2, 3].map((mtime) => imageOf([tar([['a', { text: 'same', mtime }]])]))
  a!.layers[0]!.index.table!.keepDigest(0, sha256(Buffer.from('same')))
  for (const other of [b!, c!]) expect((await compare(a!, other, { ignore: semantic })).equal).toBe(true)
  expect(c!.layers[0]!.index.table!.digest(0)).toBe(sha256(Buffer.from('same')))
})

test('a file in place, which may have changed, is compared by its digest alone', async () => {
  const [a, b, c] = [1, 2, 3].map((mtime) => imageOf([tar([['a', { text: 'same', mtime }]])]))
  const [low] = a!.layers
  low!.index.table!.keepDigest(0, sha256(Buffer.from('same')))
  const inPlace = { ...a!, layers: [{ ...low!, offset: 0 }] }
  writeFileSync(low!.path, '')
  expect((await compare(inPlace, b!, { ignore: semantic })).equal).toBe(true)
  expect((await compare(c!, inPlace, { ignore: semantic })).equal).toBe(true)
  expect(b!.layers[0]!.index.table!.digest(0)).toBe(sha256(Buffer.from('same')))
})

test('layers are asked for before files in them are read, and no others', async () => {
  const same = tar([['same', 'x']])
  const [a, b] = [1, 2].map((mtime) =>
    imageOf([same, tar([['a', { text: 'same', mtime }]]), tar([[`b${mtime}`, 'x']])]),
  )
  const asked: InspectedLayer[] = []
  const unpack = async (layers: readonly InspectedLayer[]) => {
    asked.push(...layers)
  }
  await compare(a!, b!, { ignore: semantic, unpack })
  expect(asked).toEqual([a!.layers[1], b!.layers[1]])
  await compare(a!, b!, { ignore: semantic, unpack })
  expect(asked).toHaveLength(2)
})

test('collapsed, a directory that one side alone has is one row, which says what the rows of the list would', async () => {
  const below = (folder: string): (readonly [string, string])[] => [
    ...([`${folder}/`, `${folder}/a/`, `${folder}/a/b/`] as const).map((path) => [path, ''] as const),
    ...[`${folder}/a/b/x`, `${folder}/a/y`, `${folder}/z`].map((path) => [path, path] as const),
  ]
  const before = tar([...below('gone'), ['both/', ''], ['both/a', '1'], ['file', 'x']])
  const after = tar([['file/', ''], ...below('file/inside'), ['both/', ''], ['both/a', '22'], ...below('both/new')])
  const options = { ignore: ['json-format'] } as const
  for (const byLayer of [false, true]) {
    const whole = await compare(imageOf([before]), imageOf([after]), { ...options, byLayer })
    const collapsed = await compare(imageOf([before]), imageOf([after]), { ...options, byLayer, collapse: true })
    const within = (path: string) => whole.files.filter((file) => file.path.startsWith(`${path}/`))
    expect(collapsed.files.map(({ path, kind }) => [path, kind])).toEqual([
      ...[
        ['both/a', 'changed'],
        ['both/new', 'added'],
      ],
      ...[
        ['file', 'changed'],
        ['file/inside', 'added'],
        ['gone', 'removed'],
      ],
    ])
    for (const { path, below, ...file } of collapsed.files) {
      expect(whole.files).toContainEqual({ path, ...file })
      if (below === undefined) continue
      expect(below).toEqual({
        entries: within(path).length,
        files: within(path).filter(({ type }) => type !== 'directory').length,
        size: within(path).reduce((sum, { sizeA = 0, sizeB = 0 }) => sum + sizeA + sizeB, 0),
      })
    }
    expect({ ...collapsed, files: [] }).toEqual({ ...whole, files: [] })
  }
})

test('collapsed, mount points are ignored and counted as in the list', async () => {
  const after = tar([
    ...([
      ['dev/', ''],
      ['dev/console', ''],
      ['dev/own', 'x'],
      ['etc/', ''],
      ['etc/hosts', ''],
      ['etc/motd', 'hi'],
    ] as const),
    ...([
      ['run/', ''],
      ['run/secrets/', ''],
      ['usr/', ''],
      ['usr/etc/', ''],
      ['usr/etc/hosts', ''],
    ] as const),
  ])
  const options = { ignore: ['json-format', 'layers', 'mount-points'] } as const
  const whole = await compare(imageOf([tar([])]), imageOf([after]), options)
  const collapsed = await compare(imageOf([tar([])]), imageOf([after]), { ...options, collapse: true })
  expect(collapsed.files.map(({ path, below }) => [path, below])).toEqual([
    ['dev', { entries: 1, files: 1, size: 1 }],
    ['etc', { entries: 1, files: 1, size: 2 }],
    ['usr', { entries: 2, files: 1, size: 0 }],
  ])
  expect(collapsed.ignored).toEqual(whole.ignored)
})
