import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { BadRegistry } from '../../../test/kit/bad-registry.ts'
import { temporaryFolder } from '../../../test/kit/cli.ts'
import { tinyTar } from '../../../test/kit/tiny-image.ts'
import { mediaTypes } from '../../oci/index.ts'
import { sha256 } from '../../support/index.ts'
import { openTare } from '../../verbs/library.ts'

const epoch = 1_700_000_000

async function bench() {
  const registry = await BadRegistry.start()
  onTestFinished(() => registry.stop())
  const home = temporaryFolder()
  const tare = await openTare({ home, environment: {} })
  const json = (tag: string) => JSON.parse(registry.manifests.get(tag)!.bytes.toString())
  const configOf = (tag: string) => JSON.parse(registry.blobs.get(json(tag).config.digest)!.toString())
  /** Blobs that were read, without configs. */
  const layersRead = () => {
    const configs = [...registry.manifests.values()].map(({ bytes }) => JSON.parse(bytes.toString()).config?.digest)
    return registry.requests.filter(
      (line) => /^GET .*\/blobs\/sha256/.test(line) && !configs.some((digest) => line.endsWith(digest)),
    )
  }
  return { registry, home, tare, json, configOf, layersRead, app: `${registry.host}/app` }
}

type Bench = Awaited<ReturnType<typeof bench>>

type Files = readonly (readonly [string, string])[]

/** Pushes an image whose layers are gzip. */
function push({ registry }: Bench, tag: string, files: Files, more: Record<string, unknown> = {}) {
  const { architecture = 'amd64', docker = false, config = {}, annotations, history = true } = more
  const tars = files.map(([path, text]) => tinyTar(path, text))
  const diffIds = tars.map((tar) => sha256(tar))
  const bytes = Buffer.from(
    JSON.stringify({
      ...{ architecture, os: 'linux', config, strange: { kept: true }, created: '2024-01-01T00:00:00Z' },
      rootfs: { type: 'layers', diff_ids: diffIds },
      ...(history === true ? { history: files.map(([path]) => ({ created_by: `COPY ${path}` })) } : {}),
    }),
  )
  const of = (mediaType: string, blob: Buffer) => ({ mediaType, digest: registry.addBlob(blob), size: blob.length })
  const mediaType = docker === true ? mediaTypes.dockerManifest : mediaTypes.manifest
  const manifest = {
    ...{ schemaVersion: 2, mediaType },
    config: of(docker === true ? mediaTypes.dockerConfig : mediaTypes.config, bytes),
    layers: tars.map((tar) => of(docker === true ? mediaTypes.dockerLayerGzip : mediaTypes.layerGzip, gzipSync(tar))),
    ...(annotations === undefined ? {} : { annotations }),
  }
  return { ...manifest, diffIds, blob: { mediaType, ...registry.addManifest(mediaType, manifest, tag) } }
}

function pushIndex(
  { registry }: Bench,
  tag: string,
  images: readonly { readonly blob: object; readonly on: string }[],
  more: readonly object[] = [],
) {
  const manifests = images.map(({ blob, on }) => ({ ...blob, platform: { architecture: on, os: 'linux' } }))
  return registry.addManifest(
    mediaTypes.index,
    { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [...manifests, ...more] },
    tag,
  )
}

test('mutate replaces variables, merges labels and clears the command with the entrypoint, and reads no layer', async () => {
  const at = await bench()
  const config = {
    Env: ['PATH=/bin', 'A=1', 'B=2'],
    Cmd: ['old'],
    Labels: { x: '1', y: '2' },
    User: 'me',
    Odd: { a: 1 },
  }
  const before = push(at, '1', [['f', 'f']], { config })
  const made = await at.tare.images.mutate({
    ...{ image: `${at.app}:1`, to: `${at.app}:2`, env: { A: 'x=y', C: '' }, labels: { y: '3', a: 'b' } },
    ...{ entrypoint: ['/f', 'a b'], workdir: '/w', user: '', exposedPorts: ['80', '53/udp'], annotations: { z: 'z' } },
  })
  expect(at.json('2')).toMatchObject({ layers: before.layers, annotations: { z: 'z' } })
  expect(at.configOf('2')).toEqual({
    ...{ architecture: 'amd64', os: 'linux', strange: { kept: true }, created: '2024-01-01T00:00:00Z' },
    ...{ rootfs: { type: 'layers', diff_ids: before.diffIds }, history: [{ created_by: 'COPY f' }] },
    config: {
      ...{ Env: ['PATH=/bin', 'A=x=y', 'B=2', 'C='], Entrypoint: ['/f', 'a b'], Labels: { a: 'b', x: '1', y: '3' } },
      ...{ WorkingDir: '/w', ExposedPorts: { '53/udp': {}, '80/tcp': {} }, Odd: { a: 1 } },
    },
  })
  expect(made).toMatchObject({
    fullName: `${at.app}:2`,
    images: [{ platform: 'linux/amd64', id: at.json('2').config.digest }],
  })
  expect(at.layersRead()).toEqual([])
  expect(at.registry.countOf('GET /v2/app/blobs')).toBe(1)
})

test('a working directory is an absolute path, unless the image is for Windows', async () => {
  const at = await bench()
  push(at, '1', [['f', 'f']])
  const image = `${at.app}:1`
  await expect(at.tare.images.mutate({ image, workdir: 'w' })).rejects.toMatchObject({ code: 'OPTION_INVALID' })
  await at.tare.images.mutate({ image, to: `${at.app}:w`, platform: 'windows/amd64' })
  await at.tare.images.mutate({ image: `${at.app}:w`, to: `${at.app}:w`, workdir: 'C:\\w' })
  expect(at.configOf('w').config.WorkingDir).toBe('C:\\w')
})

test('what is changed by nothing keeps its digest, and what gets no name is there by its digest', async () => {
  const at = await bench()
  push(at, '1', [['f', 'f']])
  const image = `${at.app}:1`
  const once = await at.tare.images.mutate({ image, labels: { a: 'b' } })
  expect(once.fullName).toBe(`${at.app}@${once.digest}`)
  expect(at.registry.manifests.has(once.digest)).toBe(true)
  const names = [...at.registry.manifests.keys()].filter((name) => !name.startsWith('sha256:'))
  expect(names).toEqual(['1'])
  expect((await at.tare.images.mutate({ image: `${at.app}@${once.digest}`, labels: { a: 'b' } })).digest).toBe(
    once.digest,
  )
})

test('Docker’s manifests stay Docker’s, but for annotations, which they cannot have', async () => {
  const at = await bench()
  push(at, '1', [['f', 'f']], { docker: true })
  const image = `${at.app}:1`
  await at.tare.images.append({ image, to: `${at.app}:2`, layers: [{ bytes: bytesOf(tinyTar('g', 'g')) }], epoch })
  expect(at.json('2')).toMatchObject({
    ...{ mediaType: mediaTypes.dockerManifest, config: { mediaType: mediaTypes.dockerConfig } },
    layers: [{ mediaType: mediaTypes.dockerLayerGzip }, { mediaType: mediaTypes.dockerLayerGzip }],
  })
  await at.tare.images.mutate({ image, to: `${at.app}:3`, annotations: { a: 'b' } })
  expect(at.json('3')).toMatchObject({
    ...{ mediaType: mediaTypes.manifest, config: { mediaType: mediaTypes.config }, annotations: { a: 'b' } },
    layers: [{ mediaType: mediaTypes.layerGzip }],
  })
})

async function* bytesOf(bytes: Buffer) {
  yield bytes
}

test('append takes tars as they are, compressed or not, and folders, whose files belong to root', async () => {
  const at = await bench()
  push(at, '1', [['f', 'f']])
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'd/e'), { recursive: true })
  writeFileSync(join(folder, 'd/e/x'), 'x')
  symlinkSync('x', join(folder, 'd/e/l'))
  writeFileSync(join(folder, '.dockerignore'), 'd')
  const [plain, packed] = [tinyTar('p', 'p'), gzipSync(tinyTar('g', 'g'), { level: 9 })]
  const paths = [plain, packed].map((bytes, i) => {
    const path = join(temporaryFolder(), `${i}.tar`)
    writeFileSync(path, bytes)
    return { path }
  })
  const image = `${at.app}:1`
  const made = await at.tare.images.append({ image, to: `${at.app}:2`, layers: [...paths, { path: folder }], epoch })
  expect(at.layersRead()).toEqual([])
  const [, first, second, third] = at.json('2').layers
  expect(gunzipSync(at.registry.blobs.get(first.digest)!)).toEqual(plain)
  expect(second.digest).toBe(sha256(packed))
  const files = await at.tare.images.files({ image: `docker://${at.app}:2`, layer: 4 })
  expect(files.map(({ path, uid }) => [path, uid])).toEqual([
    ...[
      ['/.dockerignore', 0],
      ['/d', 0],
      ['/d/e', 0],
      ['/d/e/l', 0],
      ['/d/e/x', 0],
    ],
  ])
  expect(at.configOf('2').history.slice(1)).toEqual(
    ['0.tar', '1.tar', folder.split('/').at(-1)].map((name) => ({
      ...{ created: '2023-11-14T22:13:20.000Z', created_by: `append ${name}`, comment: 'tare' },
    })),
  )
  expect(at.configOf('2').rootfs.diff_ids[3]).toBe(sha256(gunzipSync(at.registry.blobs.get(third.digest)!)))
  // The same again is the same.
  expect((await at.tare.images.append({ image, layers: [...paths, { path: folder }], epoch })).digest).toBe(made.digest)
})

test('to an image of Windows only layers of Windows are appended', async () => {
  const at = await bench()
  push(at, '1', [['Files/f', 'f']])
  await at.tare.images.mutate({ image: `${at.app}:1`, to: `${at.app}:w`, platform: 'windows/amd64' })
  const append = (path: string, to: string) =>
    at.tare.images.append({ image: `docker://${at.app}:w`, to, layers: [{ bytes: bytesOf(tinyTar(path, 'g')) }] })
  for (const to of ['store:x', `docker://${at.app}:x`])
    await expect(append('f', to)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message: expect.stringContaining('is no layer of a Windows image: it has'),
    })
  expect(at.registry.manifests.has('x')).toBe(false)
  for (const to of ['store:y', `docker://${at.app}:y`]) await append('Files/g', to)
  expect(at.json('y').layers).toHaveLength(2)
})

test('what is no layer is not appended, and nothing is sent', async () => {
  const at = await bench()
  push(at, '1', [['f', 'f']])
  const append = (bytes: Buffer) =>
    at.tare.images.append({ image: `${at.app}:1`, to: `${at.app}:2`, layers: [{ bytes: bytesOf(bytes) }] })
  await expect(append(tinyTar('../f', 'f'))).rejects.toMatchObject({ code: 'LAYER_PATH_ESCAPES' })
  await expect(append(Buffer.from('no tar at all'.repeat(100)))).rejects.toMatchObject({
    code: expect.stringMatching(/^TAR_|^ARCHIVE_/),
  })
  await expect(append(Buffer.alloc(0))).rejects.toMatchObject({ code: expect.stringMatching(/^TAR_|^ARCHIVE_/) })
  await expect(append(gzipSync(tinyTar('f', 'f')).subarray(0, 60))).rejects.toMatchObject({ code: 'ARCHIVE_CORRUPT' })
  const layers = [{ path: join(temporaryFolder(), 'none') }]
  await expect(at.tare.images.append({ image: `${at.app}:1`, layers })).rejects.toMatchObject({
    code: 'ARCHIVE_MISSING',
  })
  await expect(at.tare.images.append({ image: `${at.app}:1`, layers: [] })).rejects.toMatchObject({
    code: 'OPTION_INVALID',
  })
  const path = join(temporaryFolder(), 'notes.txt')
  writeFileSync(path, 'no tar')
  await expect(at.tare.images.append({ image: `${at.app}:1`, layers: [{ path }] })).rejects.toThrow(
    `${path} cannot be added as a layer: the tar archive`,
  )
  expect(at.registry.countOf('PUT ')).toBe(0)
})

test('of an index every image is changed, its entries follow, and attestations of the old ones are dropped', async () => {
  const at = await bench()
  const [amd, arm] = [push(at, 'amd', [['f', 'a']]), push(at, 'arm', [['f', 'b']], { architecture: 'arm64' })]
  const attestation = {
    ...push(at, 'att', [['x', 'x']]).blob,
    platform: { architecture: 'unknown', os: 'unknown' },
    annotations: {
      'vnd.docker.reference.digest': amd.blob.digest,
      'vnd.docker.reference.type': 'attestation-manifest',
    },
  }
  pushIndex(
    at,
    '1',
    [
      { blob: amd.blob, on: 'amd64' },
      { blob: arm.blob, on: 'arm64' },
    ],
    [attestation],
  )
  const warnings: string[] = []
  const made = await at.tare.images.mutate({
    ...{
      image: `${at.app}:1`,
      to: `${at.app}:2`,
      user: 'u',
      report: (event) => event.type === 'warning' && warnings.push(event.rule),
    },
  })
  expect(made.images.map(({ platform }) => platform)).toEqual(['linux/amd64', 'linux/arm64'])
  const { manifests } = at.json('2')
  expect(manifests.map(({ platform }: { platform: object }) => platform)).toEqual([
    { architecture: 'amd64', os: 'linux' },
    { architecture: 'arm64', os: 'linux' },
  ])
  for (const { digest } of manifests) expect(at.configOf(digest).config.User).toBe('u')
  expect(warnings).toEqual(['AttestationsDropped'])
  expect(at.layersRead()).toEqual([])
  const one = await at.tare.images.mutate({
    image: `${at.app}:1`,
    to: `${at.app}:3`,
    platforms: ['linux/arm64'],
    platform: 'linux/arm/v7',
  })
  expect(one.images).toMatchObject([{ platform: 'linux/arm/v7' }])
  expect(at.configOf('3')).toMatchObject({ architecture: 'arm', variant: 'v7', os: 'linux' })
  await expect(at.tare.images.mutate({ image: `${at.app}:1`, platform: 'linux/arm' })).rejects.toMatchObject({
    code: 'OPTION_INVALID',
  })
})

const base = 'org.opencontainers.image.base'

test('rebase exchanges the layers and history of the base, within the registry and reading no layer', async () => {
  const at = await bench()
  const old = push(at, 'old', [
    ['b', '1'],
    ['c', '1'],
  ])
  const fresh = push(at, 'new', [['b', '2']], { config: { Env: ['NEW=1'] } })
  const other = `${at.registry.host}/team/app`
  const annotations = { [`${base}.name`]: `${at.app}:new`, [`${base}.digest`]: old.blob.digest, kept: 'k' }
  const app = push(
    at,
    'x',
    [
      ['b', '1'],
      ['c', '1'],
      ['app', 'app'],
    ],
    { annotations, config: { Env: ['A=1'] } },
  )
  const made = await at.tare.images.rebase({ image: `${other}:x`, to: `${other}:y` })
  expect(at.json('y').layers).toEqual([...fresh.layers, app.layers[2]])
  expect(at.json('y').annotations).toEqual({
    kept: 'k',
    [`${base}.name`]: `${at.app}:new`,
    [`${base}.digest`]: fresh.blob.digest,
  })
  expect(at.configOf('y')).toMatchObject({
    ...{ config: { Env: ['A=1'] }, history: [{ created_by: 'COPY b' }, { created_by: 'COPY app' }] },
    rootfs: { diff_ids: [fresh.diffIds[0], app.diffIds[2]] },
  })
  expect(at.layersRead()).toEqual([])
  // Rebased onto what it is on, it is itself.
  expect((await at.tare.images.rebase({ image: `${other}:y` })).digest).toBe(made.digest)
  const back = await at.tare.images.rebase({
    image: `${other}:y`,
    oldBase: `${at.app}:new`,
    newBase: `${at.app}:old`,
    to: `${other}:z`,
  })
  expect(at.json('z').layers).toEqual(app.layers)
  expect(back.digest).not.toBe(made.digest)
})

test('rebase names the first layer that is not the old base’s, and what it does not know', async () => {
  const at = await bench()
  const [one, two] = [
    push(at, 'a', [
      ['b', '1'],
      ['c', '1'],
    ]),
    push(at, 'x', [
      ['b', '1'],
      ['c', '2'],
      ['d', '3'],
    ]),
  ]
  push(at, 'long', [
    ['b', '1'],
    ['c', '2'],
    ['d', '3'],
    ['e', '4'],
  ])
  const image = `${at.app}:x`
  const rebase = (oldBase?: string, newBase?: string) => at.tare.images.rebase({ image, oldBase, newBase })
  await expect(rebase(`${at.app}:a`, `${at.app}:a`)).rejects.toMatchObject({
    ...{ code: 'REBASE_UNRELATED' },
    message: `layer 2 of ${image} is ${two.diffIds[1]}, but that of its old base ${at.app}:a is ${one.diffIds[1]}`,
  })
  await expect(rebase(`${at.app}:long`, `${at.app}:a`)).rejects.toMatchObject({
    message: expect.stringMatching(/has only 3 layers, and layer 4/),
  })
  await expect(rebase(undefined, `${at.app}:a`)).rejects.toMatchObject({
    code: 'REBASE_BASE_UNKNOWN',
    message: expect.stringContaining('base.digest'),
  })
  await expect(rebase(`${at.app}:a`)).rejects.toMatchObject({
    code: 'REBASE_BASE_UNKNOWN',
    message: expect.stringContaining('base.name'),
  })
  push(at, 'arm', [['b', '1']], { architecture: 'arm64' })
  await expect(rebase(`${at.app}:arm`, `${at.app}:a`)).rejects.toMatchObject({ code: 'PLATFORM_MISSING' })
  expect(at.registry.countOf('PUT ')).toBe(0)
})

test('what only the index says of its base is used, and follows', async () => {
  const at = await bench()
  const [old, fresh] = ['old', 'new'].map((tag) => push(at, tag, [['b', tag]]))
  const image = push(at, 'app', [
    ['b', 'old'],
    ['f', 'f'],
  ])
  const name = 'org.opencontainers.image.base.name'
  const digest = 'org.opencontainers.image.base.digest'
  const entry = { ...image.blob, annotations: { k: 'v', [digest]: old!.blob.digest } }
  at.registry.addManifest(
    mediaTypes.index,
    {
      ...{ schemaVersion: 2, mediaType: mediaTypes.index },
      manifests: [{ ...entry, platform: { architecture: 'amd64', os: 'linux' } }],
      annotations: { [name]: `${at.app}:new` },
    },
    '1',
  )
  await at.tare.images.rebase({ image: `docker://${at.app}:1`, to: `docker://${at.app}:2` })
  const index = at.json('2')
  expect(index.annotations).toEqual({ [name]: `${at.app}:new` })
  expect(index.manifests[0].annotations).toEqual({ k: 'v', [digest]: fresh!.blob.digest })
  const manifest = at.json(index.manifests[0].digest)
  expect(manifest.layers).toEqual([...fresh!.layers, image.layers[1]])
  expect(manifest.annotations).toEqual({ [name]: `${at.app}:new`, [digest]: fresh!.blob.digest })
  await at.tare.images.rebase({ image: `docker://${at.app}:2`, to: `docker://${at.app}:3`, newBase: 'scratch' })
  expect(at.json('3').annotations).toBeUndefined()
  expect(at.json('3').manifests[0].annotations).toEqual({ k: 'v' })
})

test('scratch is a base for any platform: one to leave, and one to come from', async () => {
  const at = await bench()
  const base = push(at, 'base', [['b', 'b']], { architecture: 'arm64' })
  const notes = { k: 'v', 'org.opencontainers.image.base.name': 'old', 'org.opencontainers.image.base.digest': 'x' }
  const image = push(at, '1', [['f', 'f']], { architecture: 'arm64', annotations: notes })
  const app = (tag: string) => `${at.app}:${tag}`
  await at.tare.images.rebase({ image: app('1'), to: app('2'), oldBase: 'scratch', newBase: app('base') })
  expect(at.json('2').layers).toEqual([...base.layers, ...image.layers])
  expect(at.json('2').annotations).toMatchObject({ 'org.opencontainers.image.base.name': app('base') })
  await at.tare.images.rebase({ image: app('2'), to: app('3'), oldBase: app('base'), newBase: 'scratch' })
  expect(at.json('3').layers).toEqual(image.layers)
  expect(at.json('3').annotations).toEqual({ k: 'v' })
  expect(at.configOf('3')).toMatchObject({ architecture: 'arm64', history: [{ created_by: 'COPY f' }] })
  expect(at.layersRead()).toEqual([])
})

test('an index is rebased platform by platform', async () => {
  const at = await bench()
  const on = (['amd64', 'arm64'] as const).map((architecture) => ({
    old: push(at, `old-${architecture}`, [['b', `1${architecture}`]], { architecture }),
    fresh: push(at, `new-${architecture}`, [['b', `2${architecture}`]], { architecture }),
    app: push(
      at,
      `app-${architecture}`,
      [
        ['b', `1${architecture}`],
        ['a', architecture],
      ],
      { architecture },
    ),
    architecture,
  }))
  for (const kind of ['old', 'fresh', 'app'] as const)
    pushIndex(
      at,
      kind,
      on.map((one) => ({ blob: one[kind].blob, on: one.architecture })),
    )
  await at.tare.images.rebase({
    image: `${at.app}:app`,
    to: `${at.app}:done`,
    oldBase: `${at.app}:old`,
    newBase: `${at.app}:fresh`,
  })
  const rebased = at.json('done').manifests.map(({ digest }: { digest: string }) => at.json(digest).layers)
  expect(rebased).toEqual(on.map(({ fresh, app }) => [fresh.layers[0], app.layers[1]]))
  expect(at.layersRead()).toEqual([])
})

test('in the store, layers that only a registry has stay there until somebody needs them', async () => {
  const at = await bench()
  const old = push(at, 'old', [['b', '1']], { docker: true })
  push(at, 'new', [['b', '2']])
  push(at, 'x', [
    ['b', '1'],
    ['app', 'app'],
  ])
  const image = `${at.app}:x`
  const appended = await at.tare.images.append({
    image,
    to: 'store:mine',
    layers: [{ bytes: bytesOf(tinyTar('g', 'g')) }],
  })
  expect(appended.fullName).toBe('store:docker.io/library/mine:latest')
  await at.tare.images.mutate({ image: 'mine', to: 'mine', user: 'u', annotations: { a: 'b' } })
  await at.tare.images.rebase({
    image: 'mine',
    to: 'mine',
    oldBase: `docker://${at.app}:old`,
    newBase: `docker://${at.app}:new`,
  })
  expect(at.layersRead()).toEqual([])
  await at.tare.images.mutate({ image: 'mine', to: `docker://${at.app}:back`, labels: { l: 'l' } })
  expect(at.layersRead()).toEqual([])
  expect(at.json('back').layers.slice(0, 2)).toEqual([at.json('new').layers[0], at.json('x').layers[1]])
  expect(at.json('back').annotations).toMatchObject({ a: 'b', [`${base}.name`]: `${at.app}:new` })
  expect(at.configOf('back').config).toMatchObject({ User: 'u', Labels: { l: 'l' } })
  const files = await at.tare.images.files({ image: 'mine' })
  expect(files.map(({ path }) => path)).toEqual(['/app', '/b', '/g'])
  expect(old.diffIds).toHaveLength(1)
})

test('annotations of a pulled image stay with what is made of it', async () => {
  const at = await bench()
  push(at, '1', [['f', 'f']], { annotations: { from: 'afar' } })
  await at.tare.registry.pull({ name: `${at.app}:1` })
  await at.tare.images.mutate({ image: `${at.app}:1`, to: 'mine', annotations: { more: 'm' } })
  expect(JSON.parse(await at.tare.registry.manifest({ name: 'mine', local: true })).annotations).toEqual({
    from: 'afar',
    more: 'm',
  })
})

test('flatten leaves one layer with what is visible, and the old history as a comment', async () => {
  const at = await bench()
  const context = temporaryFolder()
  for (const [name, text] of [
    ['a', '1'],
    ['b', '2'],
  ] as const)
    writeFileSync(join(context, name), text)
  const text = 'FROM scratch\nCOPY a b /d/\nCOPY b /d/a\nENV X=1\nUSER 5\n'
  await at.tare.build({ context: { kind: 'directory', path: context }, dockerfile: { text }, tags: [`${at.app}:1`] })
  await at.tare.registry.push({ name: `${at.app}:1` })
  for (const [image, to] of [
    [`store:${at.app}:1`, 'store:flat'],
    [`docker://${at.app}:1`, `docker://${at.app}:flat`],
  ] as const) {
    await at.tare.images.flatten({ image, to })
    const layers = await at.tare.images.layers({ image: to })
    expect(layers).toHaveLength(1)
    const files = await at.tare.images.files({ image: to })
    expect(files.map(({ path, size }) => [path, size])).toEqual([
      ['/d', 0],
      ['/d/a', 1],
      ['/d/b', 1],
    ])
    let read = ''
    for await (const chunk of at.tare.images.readFile({ image: to, path: '/d/a' }))
      read += Buffer.from(chunk).toString()
    expect(read).toBe('2')
  }
  const { history, config } = at.configOf('flat')
  expect(config).toMatchObject({ User: '5', Env: expect.arrayContaining(['X=1']) })
  expect(history).toMatchObject([{ created_by: expect.stringMatching(/^flatten sha256:/) }])
  expect(JSON.parse(history[0].comment)).toHaveLength(4)
})

test('a name that is nowhere says where it was looked for', async () => {
  const at = await bench()
  await expect(at.tare.images.mutate({ image: `${at.app}:none`, user: 'u' })).rejects.toMatchObject({
    code: 'IMAGE_UNKNOWN',
    message: expect.stringMatching(/:none is not in the store, and there is no image .*:none in the registry/),
  })
  await expect(at.tare.images.mutate({ image: 'store:none', user: 'u' })).rejects.toMatchObject({
    code: 'IMAGE_UNKNOWN',
  })
  await expect(at.tare.images.mutate({ image: `docker://${at.app}:none`, user: 'u' })).rejects.toMatchObject({
    message: expect.stringMatching(/^there is no image/),
  })
})

test('an image is made from scratch, into a layout, and out of one', async () => {
  const at = await bench()
  const layout = join(temporaryFolder(), 'l')
  await at.tare.images.append({
    image: 'scratch',
    to: `oci:${layout}:1`,
    layers: [{ bytes: bytesOf(tinyTar('f', 'f')) }],
  })
  await at.tare.images.append({ image: 'scratch', to: 'store:s', layers: [{ bytes: bytesOf(tinyTar('f', 'f')) }] })
  for (const image of [`oci:${layout}:1`, layout, 's'])
    expect(await at.tare.images.files({ image })).toMatchObject([{ path: '/f' }])
  await at.tare.images.mutate({ image: `oci:${layout}:1`, to: `oci:${layout}:2`, user: 'u' })
  await at.tare.images.mutate({ image: layout + ':2', to: 'store:two', workdir: '/w' })
  expect((await at.tare.images.inspect('two')).Config).toMatchObject({ User: 'u', WorkingDir: '/w' })
  await expect(at.tare.images.mutate({ image: layout + ':2', user: 'u' })).rejects.toMatchObject({
    code: 'OPTION_INVALID',
  })
  await expect(
    at.tare.images.mutate({ image: 's', to: `docker-archive:${layout}.tar`, user: 'u' }),
  ).rejects.toMatchObject({ code: 'OPTION_INVALID' })
  await expect(at.tare.images.mutate({ image: 's', env: { '': 'x' } })).rejects.toMatchObject({
    code: 'OPTION_INVALID',
  })
  await expect(at.tare.images.mutate({ image: 's', exposedPorts: ['99999999'] })).rejects.toMatchObject({
    code: 'OPTION_INVALID',
  })
})
