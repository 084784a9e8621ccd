import { expect, test } from 'vitest'
import { temporaryFolder } from '../../../test/kit/registry-images.ts'
import { dockerArchive, filesOf, hex, type Members } from '../../../test/kit/tiny-archive.ts'
import { type TinyBlob, type TinyImage, tinyBlob, tinyImage } from '../../../test/kit/tiny-image.ts'
import { type Descriptor, goJson, indexJson, mediaTypes } from '../../oci/index.ts'
import { openTare } from '../library.ts'

const machine = process.arch === 'arm64' ? 'arm64' : 'amd64'
const other = machine === 'arm64' ? 'amd64' : 'arm64'
const imageFor = (architecture: string) => tinyImage({ architecture, files: [['f', `for ${architecture}`]] })
const own = imageFor(machine)
const all = [imageFor('s390x'), own, imageFor(other)]

const full = 'io.containerd.image.name'
const short = 'org.opencontainers.image.ref.name'

function entry({ manifest, config }: TinyImage, more: Partial<Descriptor> = {}): Descriptor {
  const { architecture } = JSON.parse(config.bytes.toString('utf8'))
  return { ...manifest.descriptor, platform: { os: 'linux', architecture }, ...more }
}

function indexOf(manifests: readonly Descriptor[]): TinyBlob {
  return tinyBlob(mediaTypes.index, goJson(indexJson({ mediaType: mediaTypes.index, manifests })))
}

/** An OCI layout whose index.json lists these. */
function layoutOf(roots: readonly Descriptor[], blobs: readonly TinyBlob[]): Members {
  return {
    'oci-layout': '{"imageLayoutVersion":"1.0.0"}',
    'index.json': goJson({ schemaVersion: 2, manifests: roots }),
    ...Object.fromEntries(blobs.map((blob) => [`blobs/sha256/${hex(blob)}`, blob.bytes])),
  }
}

const blobsOf = (images: readonly TinyImage[]) => images.flatMap(({ blobs }) => blobs)
const idOf = ({ config }: TinyImage) => config.descriptor.digest

async function load(members: Members) {
  const tare = await openTare({ home: temporaryFolder(), environment: {} })
  const loaded = await tare.images.load({ from: { path: filesOf(members, temporaryFolder()) } })
  return { tare, loaded }
}

test.each([
  ['without annotations', undefined],
  ['with an annotation that is no name', { 'org.opencontainers.image.created': '2024-01-01T00:00:00Z' }],
  ['with a tag alone', { [short]: 'latest' }],
  ['with null for its annotations', null],
])('an index of several platforms without a name is one image, %s', async (_, annotations) => {
  const index = indexOf(all.map((image) => entry(image)))
  const root = { ...index.descriptor, annotations } as Descriptor
  const { tare, loaded } = await load(layoutOf([root], [index, ...blobsOf(all)]))
  expect(loaded).toEqual([{ id: idOf(own), names: [] }])
  expect(await tare.images.list()).toHaveLength(1)
})

test('so are images that index.json itself lists, each for a platform of its own', async () => {
  const { loaded } = await load(
    layoutOf(
      all.map((image) => entry(image)),
      blobsOf(all),
    ),
  )
  expect(loaded).toEqual([{ id: idOf(own), names: [] }])
})

test('images without a name of which the layout says no platform are each one of their own', async () => {
  const { loaded } = await load(
    layoutOf(
      all.map(({ manifest }) => manifest.descriptor),
      blobsOf(all),
    ),
  )
  expect(loaded.map(({ id }) => id)).toEqual(all.map(idOf))
})

test('of an index for other platforms, the first is loaded; one that is not in the file is passed over', async () => {
  const index = indexOf([own, ...all].map((image) => entry(image)))
  const { loaded } = await load(layoutOf([index.descriptor], [index, ...blobsOf([all[2]!])]))
  expect(loaded).toEqual([{ id: idOf(all[2]!), names: [] }])
})

test('two indexes are two images, and an index in an index belongs to the outer one', async () => {
  const [first, second] = [indexOf([entry(all[0]!), entry(own)]), indexOf([entry(all[2]!)])]
  const outer = indexOf([first.descriptor])
  const blobs = [first, second, outer, ...blobsOf(all)]
  const { loaded } = await load(layoutOf([outer.descriptor, second.descriptor], blobs))
  expect(loaded.map(({ id }) => id)).toEqual([idOf(own), idOf(all[2]!)])
})

const twice = [0, 1].map((i) => tinyImage({ architecture: machine, files: [['f', `number ${i}`]] }))

test('of two images under one name in a docker archive, both are kept, and the name is the later one’s', async () => {
  const parts = twice.map((image, i) => ({
    files: { [`${i}.json`]: image.config.bytes, [`${i}.tar`]: image.layers[0]!.bytes },
    item: { Config: `${i}.json`, RepoTags: ['q:1'], Layers: [`${i}.tar`] },
  }))
  const files = Object.assign({}, ...parts.map((part) => part.files))
  const { tare, loaded } = await load({ ...files, 'manifest.json': goJson(parts.map(({ item }) => item)) })
  expect(loaded.map(({ id }) => id)).toEqual(twice.map(idOf))
  expect(await tare.images.inspect('q:1')).toMatchObject({ Id: idOf(twice[1]!) })
  expect(await tare.images.inspect(idOf(twice[0]!))).toMatchObject({ RepoTags: [] })
})

test.each([
  ['for one platform', entry],
  ['of which nothing is said', ({ manifest }: TinyImage) => manifest.descriptor],
])('of two images under one name in a layout, both are kept, too: %s', async (_, of) => {
  const roots = twice.map((image) => ({ ...of(image), annotations: { [full]: 'docker.io/library/q:1' } }))
  const { tare, loaded } = await load(layoutOf(roots, blobsOf(twice)))
  expect(loaded.map(({ id }) => id)).toEqual(twice.map(idOf))
  expect(await tare.images.inspect('q:1')).toMatchObject({ Id: idOf(twice[1]!) })
  expect(await tare.images.inspect(idOf(twice[0]!))).toMatchObject({ RepoTags: [] })
})

test('images under one name for several platforms are one image', async () => {
  const roots = all.map((image) => entry(image, { annotations: { [full]: 'docker.io/library/q:1' } }))
  const { loaded } = await load(layoutOf(roots, blobsOf(all)))
  expect(loaded).toEqual([{ id: idOf(own), names: ['q:1'] }])
})

test.each([
  [full, 'docker.io/library/q:1'],
  [short, 'docker.io/library/q:1'],
  [short, 'q:1'],
])(
  'a name that stands only in the annotation %s of index.json counts, for a docker archive as well',
  async (key, name) => {
    const root = { ...own.manifest.descriptor, annotations: { [key]: name } }
    const item = { Config: 'config.json', RepoTags: null, Layers: ['0/layer.tar'] }
    const members = { ...dockerArchive(own), ...layoutOf([root], own.blobs), 'manifest.json': goJson([item]) }
    expect((await load(layoutOf([root], own.blobs))).loaded).toEqual([{ id: idOf(own), names: ['q:1'] }])
    expect((await load(members)).loaded).toEqual([{ id: idOf(own), names: ['q:1'] }])
    // What manifest.json says comes first.
    const named = goJson([{ ...item, RepoTags: ['other:1'] }])
    expect((await load({ ...members, 'manifest.json': named })).loaded).toEqual([{ id: idOf(own), names: ['other:1'] }])
  },
)

test('a name that stands at the image within an index counts where the index has none', async () => {
  const index = indexOf(all.map((image) => entry(image, { annotations: { [full]: 'docker.io/library/q:1' } })))
  const { loaded } = await load(layoutOf([index.descriptor], [index, ...blobsOf(all)]))
  expect(loaded).toEqual([{ id: idOf(own), names: ['q:1'] }])
})

test('annotations that are no names leave an image without one', async () => {
  const annotations = { [full]: 'Not A Name', [short]: '::' }
  const { loaded } = await load(layoutOf([{ ...own.manifest.descriptor, annotations }], own.blobs))
  expect(loaded).toEqual([{ id: idOf(own), names: [] }])
})

test.each([
  ['nothing', [], []],
  ['null', null, []],
  ['an attestation', [{ ...own.manifest.descriptor, platform: { os: 'unknown', architecture: 'unknown' } }], own.blobs],
])('a layout that lists %s has no image to load', async (_, manifests, blobs) => {
  const members = { ...layoutOf([], blobs), 'index.json': goJson({ schemaVersion: 2, manifests }) }
  await expect(load(members)).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' })
})
