import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import type { BadRegistry } from '../../../test/kit/bad-registry.ts'
import { startBad } from '../../../test/kit/bad-registry-client.ts'
import { filesOf } from '../../../test/kit/tiny-archive.ts'
import { tinyTar } from '../../../test/kit/tiny-image.ts'
import { hexOf, mediaTypes } from '../../oci/index.ts'
import { sha256 } from '../../support/index.ts'
import { openTare } from '../../verbs/library.ts'

const { index, manifest, dockerList, dockerManifest, config: configType, layerGzip } = mediaTypes

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'tare-ambiguous-'))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return made
}

/** An image as its manifest says it, with its blobs in the registry. */
function image(registry: BadRegistry, contents: string) {
  const tar = tinyTar('f', contents)
  const gzip = gzipSync(tar)
  const config = Buffer.from(
    JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [sha256(tar)] } }),
  )
  const of = (mediaType: string, bytes: Buffer) => ({
    mediaType,
    digest: registry.addBlob(bytes),
    size: bytes.length,
  })
  return { schemaVersion: 2, config: of(configType, config), layers: [of(layerGzip, gzip)] }
}

/** What is said of a document, and the document: each of them is one image to one reader and another to the next. */
function documents(registry: BadRegistry) {
  const one = image(registry, 'one')
  const other = registry.addManifest(manifest, { ...image(registry, 'other'), mediaType: manifest })
  const manifests = [{ mediaType: manifest, ...other, platform: { os: 'linux', architecture: 'amd64' } }]
  const both = { ...one, manifests }
  return {
    honest: [manifest, { ...one, mediaType: manifest }],
    index: [index, { ...both, mediaType: index }],
    manifest: [manifest, { ...both, mediaType: manifest }],
    list: [dockerList, { ...both, mediaType: dockerList }],
    docker: [dockerManifest, { ...both, mediaType: dockerManifest }],
    untyped: [manifest, both],
    'untyped-index': [index, both],
    'called-manifest': [manifest, { schemaVersion: 2, mediaType: index, manifests }],
    'called-index': [index, { ...one, mediaType: manifest }],
    'called-json': ['application/json', both],
    capitals: [manifest, { ...one, mediaType: manifest, Manifests: manifests }],
  } as const
}

const kinds = [
  ...['index', 'manifest', 'list', 'docker', 'untyped', 'untyped-index'],
  ...['called-manifest', 'called-index', 'called-json', 'capitals'],
] as const

type Kind = 'honest' | (typeof kinds)[number]

async function setUp(kind: string) {
  const registry = await startBad()
  const [type, value] = documents(registry)[kind as Kind]
  registry.addManifest(type, value, 'v1')
  const tare = await openTare({ home: folder(), environment: {} })
  return { registry, tare, type, value, name: `${registry.host}/app:v1`, to: `${registry.host}/copied:v2` }
}

const refusal = { code: expect.stringMatching(/^MANIFEST_(?:AMBIGUOUS|INVALID)$/) }

test.each(kinds)(
  'of a registry, a document that may be an image or an index is refused by all who read it: %s',
  async (kind) => {
    const { tare, name, to, registry } = await setUp(kind)
    const out = folder()
    const context = folder()
    writeFileSync(join(context, 'Dockerfile'), `FROM ${name}\nCOPY Dockerfile /\n`)
    await expect(tare.registry.pull({ name })).rejects.toMatchObject(refusal)
    await expect(tare.registry.pull({ name, allPlatforms: true })).rejects.toMatchObject(refusal)
    await expect(tare.build({ context: { kind: 'directory', path: context } })).rejects.toMatchObject({
      cause: refusal,
    })
    for (const target of [to, `oci:${out}/l:1`, `oci-archive:${out}/a:1`, `docker-archive:${out}/d`, 'store:x'])
      await expect(tare.registry.copy({ from: name, to: target })).rejects.toMatchObject(refusal)
    await expect(tare.index.create({ name: to, images: [name] })).rejects.toMatchObject(refusal)
    for (const what of ['manifest', 'config'] as const)
      await expect(tare.registry[what]({ name })).rejects.toMatchObject(refusal)
    expect(readdirSync(out)).toEqual([])
    expect(await tare.images.list()).toEqual([])
    expect(registry.countOf('PUT ')).toBe(0)
  },
)

test.each(kinds)('of a layout, a document that may be an image or an index is refused: %s', async (kind) => {
  const { tare, registry, type, value } = await setUp(kind)
  const mediaType = type === 'application/json' ? manifest : type
  const layout = folder()
  const bytes = Buffer.from(JSON.stringify(value))
  const root = { mediaType, digest: sha256(bytes), size: bytes.length }
  mkdirSync(join(layout, 'blobs/sha256'), { recursive: true })
  const all = [...registry.blobs.values(), ...[...registry.manifests.values()].map((one) => one.bytes)]
  for (const blob of all) writeFileSync(join(layout, 'blobs/sha256', hexOf(sha256(blob))), blob)
  filesOf(
    { 'oci-layout': '{"imageLayoutVersion":"1.0.0"}', 'index.json': JSON.stringify({ manifests: [root] }) },
    layout,
  )
  await expect(tare.images.load({ from: { path: layout } })).rejects.toMatchObject(refusal)
  for (const target of ['store:x', `oci:${join(folder(), 'l')}`])
    await expect(tare.registry.copy({ from: `oci:${layout}`, to: target })).rejects.toMatchObject(refusal)
  expect(await tare.images.list()).toEqual([])
})

test('an index.json that lists images and layers is no layout, to read or to add to', async () => {
  const { tare, name } = await setUp('honest')
  const layout = folder()
  await tare.registry.copy({ from: name, to: `oci:${layout}:1` })
  writeFileSync(join(layout, 'index.json'), '{"schemaVersion":2,"manifests":[],"layers":[]}')
  await expect(tare.images.load({ from: { path: layout } })).rejects.toMatchObject(refusal)
  await expect(tare.registry.copy({ from: name, to: `oci:${layout}:2` })).rejects.toMatchObject(refusal)
})

test('an honest image is taken by all of them', async () => {
  const { tare, name, to } = await setUp('honest')
  const { id } = await tare.registry.pull({ name })
  await tare.registry.copy({ from: name, to })
  await tare.index.create({ name: to, images: [name] })
  expect(JSON.parse(await tare.registry.manifest({ name }))).toMatchObject({ mediaType: manifest })
  expect(await tare.images.list()).toMatchObject([{ id }])
})
