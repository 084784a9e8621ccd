import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { faultsOf, leftovers } from '../../../test/kit/check-store.ts'
import { temporaryFolder } from '../../../test/kit/cli.ts'
import { keeps } from '../../../test/kit/keeps.ts'
import { onDisk } from '../../../test/kit/on-disk.ts'
import { tinyBlob, tinyImage } from '../../../test/kit/tiny-image.ts'
import { type Descriptor, formatReference, mediaTypes, parseReference } from '../../oci/index.ts'
import { collect, flow, sha256 } from '../../support/index.ts'
import { copyImage } from '../index.ts'
import { targetSuite } from '../suite.ts'
import { Store } from './index.ts'

onDisk()

function emptyStore(): Store {
  return new Store(join(temporaryFolder(), 'home'))
}

targetSuite('the store', async () => emptyStore(), { test: keeps })

const name = parseReference
const day = new Date('2026-01-02T03:04:05Z')

async function put(store: Store, ...images: ReturnType<typeof tinyImage>[]): Promise<void> {
  for (const { blobs } of images) for (const blob of blobs) await store.put(blob.descriptor, blob.open)
}

/** `name → first digits` of every entry, in order. */
function listed(store: Store): string[] {
  return store
    .entries()
    .map(
      ({ manifest, name }) =>
        `${name === undefined ? '<none>' : formatReference(name)} ${manifest.digest.slice(7, 13)}`,
    )
}

const [one, two] = [tinyImage({ files: [['a', '1']] }), tinyImage({ files: [['a', '2']] })]
const short = (image: ReturnType<typeof tinyImage>) => image.manifest.descriptor.digest.slice(7, 13)

test('nothing is there before the first write, and looking makes nothing', async () => {
  const store = emptyStore()
  expect(store.entries()).toEqual([])
  expect(await store.resolve(name('app'))).toBeUndefined()
  expect(await store.has(one.manifest.descriptor)).toBe(false)
  expect([store.blobs.all(), store.records.all('steps'), store.collect(new Set()).removed]).toEqual([[], [], []])
  expect(existsSync(store.home)).toBe(false)
})

test('an image that gets the name it has is not waited for, and the copy of the list has all names', async () => {
  const store = emptyStore()
  await put(store, one, two)
  const copy = join(store.home, 'tare/index.json')
  const stampOf = () => statSync(copy, { bigint: true }).ino
  const later = new Date(day.getTime() + 1000)
  await store.keep(one.manifest.descriptor, [name('app'), name('b')], day)
  await store.keep(two.manifest.descriptor, [name('c')], day)
  const before = stampOf()
  await store.keep(one.manifest.descriptor, [name('app')], later)
  expect(stampOf()).toBe(before)
  expect(store.entries().find((entry) => entry.name?.repository === 'library/app')?.tagged).toBe(later.toISOString())
  expect(listed(store).at(-1)).toContain('app')
  // What a power failure may do.
  const index = readFileSync(join(store.home, 'index.json'))
  writeFileSync(join(store.home, 'index.json'), '')
  expect(listed(store).sort()).toEqual(
    [`docker.io/library/app:latest ${short(one)}`, `docker.io/library/b:latest ${short(one)}`].concat(
      `docker.io/library/c:latest ${short(two)}`,
    ),
  )
  writeFileSync(join(store.home, 'index.json'), index)
  // Another image, a new fact, a name less, a copy that is damaged, of another tool, or gone.
  const pulledAs = { manifest: one.manifest.descriptor, root: one.manifest.descriptor, repository: 'r.io/a' }
  const changes: (() => unknown)[] = [
    () => store.keep(two.manifest.descriptor, [name('app')], later),
    () => store.keep(two.manifest.descriptor, [name('app')], later, { pulledAs }),
    () => store.change((entries) => entries.slice(1)),
    () => writeFileSync(copy, '{"manif'),
    () => writeFileSync(copy, '{"manifests":[null,1,{"annotations":3}]}'),
    () => rmSync(copy),
  ]
  for (const change of changes) {
    await change()
    await store.keep(two.manifest.descriptor, [name('app')], later)
    expect(JSON.parse(readFileSync(copy, 'utf8'))).toEqual(
      JSON.parse(readFileSync(join(store.home, 'index.json'), 'utf8')),
    )
  }
})

test('what it holds is an OCI layout in which every byte is as it should be', async () => {
  const store = emptyStore()
  await put(store, one, two)
  await store.keep(one.manifest.descriptor, [name('app'), name('quay.io/me/app:1')], day)
  await store.keep(two.manifest.descriptor, [], day)
  expect(await faultsOf(store.home)).toEqual([])
  const index = JSON.parse(readFileSync(join(store.home, 'index.json'), 'utf8'))
  expect(Object.keys(index)).toEqual(['schemaVersion', 'mediaType', 'manifests'])
  expect(index.manifests.map((entry: Descriptor) => entry.annotations)).toEqual([
    { 'dev.tare.tagged': day.toISOString(), 'org.opencontainers.image.ref.name': 'docker.io/library/app:latest' },
    { 'dev.tare.tagged': day.toISOString(), 'org.opencontainers.image.ref.name': 'quay.io/me/app:1' },
    { 'dev.tare.tagged': day.toISOString() },
  ])
})

test('a name that moves leaves the image that lost its last one without a name', async () => {
  const store = emptyStore()
  await put(store, one, two)
  await store.keep(one.manifest.descriptor, [name('app')], day)
  await store.keep(two.manifest.descriptor, [name('app')], day)
  expect(listed(store)).toEqual([`<none> ${short(one)}`, `docker.io/library/app:latest ${short(two)}`])
})

test('an image that keeps another name does not dangle, and one that gets a name stops to', async () => {
  const store = emptyStore()
  await put(store, one, two)
  await store.keep(one.manifest.descriptor, [name('app'), name('app:1')], day)
  await store.keep(two.manifest.descriptor, [name('app')], day)
  expect(listed(store)).toEqual([`docker.io/library/app:1 ${short(one)}`, `docker.io/library/app:latest ${short(two)}`])
  await store.keep(two.manifest.descriptor, [name('app:1')], day)
  expect(listed(store)[0]).not.toBe(`docker.io/library/app:1 ${short(one)}`)
  expect(listed(store)).toContain(`<none> ${short(one)}`)
  await store.keep(one.manifest.descriptor, [name('back')], day)
  expect(listed(store).filter((line) => line.startsWith('<none>'))).toEqual([])
})

test('keeping an image without a name does nothing to one that has one, and is done once', async () => {
  const store = emptyStore()
  await put(store, one, two)
  await store.keep(one.manifest.descriptor, [name('app')], day)
  await store.keep(one.manifest.descriptor, [], day)
  await store.keep(two.manifest.descriptor, [], day)
  await store.keep(two.manifest.descriptor, [], day)
  expect(listed(store)).toEqual([`docker.io/library/app:latest ${short(one)}`, `<none> ${short(two)}`])
})

test('the same name for the same image again is one entry, with the later time', async () => {
  const store = emptyStore()
  await put(store, one)
  await store.keep(one.manifest.descriptor, [name('app')], day)
  await store.keep(one.manifest.descriptor, [name('docker.io/library/app:latest')], new Date('2026-02-02T00:00:00Z'))
  expect(store.entries().map(({ tagged }) => tagged)).toEqual(['2026-02-02T00:00:00.000Z'])
})

test('a digest resolves to an image that is there under any name, and to none that is not', async () => {
  const store = emptyStore()
  await put(store, one)
  await store.keep(one.manifest.descriptor, [name('app')], day)
  const { digest } = one.manifest.descriptor
  expect(await store.resolve(name(`app@${digest}`))).toMatchObject({ digest })
  expect(await store.resolve(name(`app@${sha256('other')}`))).toBeUndefined()
})

test('entries that another tool wrote are kept as they are, whatever they are called', async () => {
  const store = emptyStore()
  await put(store, one, two)
  const foreign = (image: ReturnType<typeof tinyImage>, annotations?: Record<string, string>) => ({
    ...image.manifest.descriptor,
    ...(annotations === undefined ? {} : { annotations }),
  })
  const refName = 'org.opencontainers.image.ref.name'
  const manifests = [
    foreign(one, { [refName]: 'latest' }),
    foreign(two, { [refName]: 'docker.io/library/theirs:2', 'com.example.note': 'x' }),
    foreign(one, { [refName]: 'not a / name !' }),
    { ...foreign(two), platform: { architecture: 'arm64', os: 'linux', variant: 'v8' } },
  ]
  writeFileSync(join(store.home, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }, null, 4))
  expect(store.entries().map(({ name, refName }) => [name && formatReference(name), refName])).toEqual([
    [undefined, 'latest'],
    ['docker.io/library/theirs:2', 'docker.io/library/theirs:2'],
    [undefined, 'not a / name !'],
    [undefined, undefined],
  ])
  const third = tinyImage({ files: [['third', '3']] })
  await put(store, third)
  await store.keep(third.manifest.descriptor, [name('mine')], day)
  const after = JSON.parse(readFileSync(join(store.home, 'index.json'), 'utf8')).manifests as Descriptor[]
  expect(after.map(({ annotations }) => annotations?.[refName])).toEqual([
    'latest',
    'docker.io/library/theirs:2',
    'not a / name !',
    undefined,
    'docker.io/library/mine:latest',
  ])
  expect(after[1]!.annotations).toMatchObject({ 'com.example.note': 'x' })
  expect(after[3]!.platform).toMatchObject({ architecture: 'arm64', os: 'linux' })
})

test.each(['', '{', '[]', '{"manifests":5}', '{"manifests":[{}]}', `{"manifests":[{"mediaType":"x","size":-1}]}`])(
  'an index.json that cannot be read is named, and never written over: %j',
  async (text) => {
    const store = emptyStore()
    mkdirSync(store.home)
    const path = join(store.home, 'index.json')
    writeFileSync(path, text)
    const invalid = expect.objectContaining({ code: 'STORE_INVALID', message: expect.stringContaining(path) })
    expect(() => store.entries()).toThrow(invalid)
    await expect(store.keep(one.manifest.descriptor, [name('app')], day)).rejects.toEqual(invalid)
    expect(readFileSync(path, 'utf8')).toBe(text)
    expect(leftovers(store.home)).toEqual([])
  },
)

test('a small blob is read whole and checked; one that is damaged says where it lies', () => {
  const store = emptyStore()
  const digest = store.blobs.write(Buffer.from('text'))
  expect(store.blobs.read(digest).toString()).toBe('text')
  expect(store.blobs.write(Buffer.from('text'))).toBe(digest)
  writeFileSync(store.blobs.path(digest), 'tExt')
  expect(() => store.blobs.read(digest)).toThrow(
    expect.objectContaining({ code: 'BLOB_CORRUPT', remedy: expect.stringContaining(store.blobs.path(digest)) }),
  )
  expect(() => store.blobs.read(sha256('other'))).toThrow(expect.objectContaining({ code: 'BLOB_MISSING' }))
})

test('a reservation becomes a blob or nothing', async () => {
  const store = emptyStore()
  const kept = store.reserve()
  writeFileSync(kept.path, 'kept')
  kept.keep(sha256('kept'))
  const given = store.reserve()
  writeFileSync(given.path, 'given up')
  given.discard()
  given.discard()
  const blob = { mediaType: mediaTypes.layer, digest: sha256('kept'), size: 4 }
  expect((await collect(await store.open(blob), 10)).toString()).toBe('kept')
  expect(store.blobs.all()).toMatchObject([{ digest: sha256('kept'), size: 4 }])
  expect(leftovers(store.home)).toEqual([])
})

test('bytes that break off leave nothing', async () => {
  const store = emptyStore()
  const blob = tinyBlob(mediaTypes.layer, 'whole')
  await expect(
    store.put(blob.descriptor, async () =>
      (async function* () {
        yield Buffer.from('wh')
        throw new Error('the cable was pulled')
      })(),
    ),
  ).rejects.toThrow('the cable was pulled')
  expect(leftovers(store.home)).toEqual([])
  expect(store.blobs.all()).toEqual([])
})

test('what nobody needs is collected, with the record of a layer; what is needed stays', async () => {
  const store = emptyStore()
  const [needed, idle] = [store.blobs.write(Buffer.from('needed')), store.blobs.write(Buffer.from('idle'))]
  for (const digest of [needed, idle]) store.records.remember('layers', digest.slice(7), 'an index')
  expect(store.collect(new Set([needed]))).toEqual({ removed: [idle], bytes: 4 })
  expect(store.blobs.all().map(({ digest }) => digest)).toEqual([needed])
  expect(store.records.all('layers').map(({ key }) => key)).toEqual([needed.slice(7)])
})

test('while somebody works, what was made or touched since they began is not collected', async () => {
  const store = emptyStore()
  const [old, touched] = [store.blobs.write(Buffer.from('old')), store.blobs.write(Buffer.from('touched'))]
  for (const digest of [old, touched]) utimesSync(store.blobs.path(digest), 1000, 1000)
  const release = store.lease()
  const fresh = store.blobs.write(Buffer.from('fresh'))
  expect(store.blobs.touch(touched)).toBe(true)
  expect(store.collect(new Set()).removed).toEqual([old])
  release()
  expect(new Set(store.collect(new Set()).removed)).toEqual(new Set([fresh, touched]))
  release()
  expect(leftovers(store.home)).toEqual([])
})

test('putting what is there already counts as using it', async () => {
  const store = emptyStore()
  const blob = tinyBlob(mediaTypes.layer, 'layer')
  await store.put(blob.descriptor, blob.open)
  utimesSync(store.blobs.path(blob.descriptor.digest), 1000, 1000)
  store.lease()
  await store.put(blob.descriptor, async () => {
    throw new Error('it is not read again')
  })
  expect(store.collect(new Set()).removed).toEqual([])
})

test('records come back, are listed with size and time, and can be forgotten', () => {
  const store = emptyStore()
  const key = 'a'.repeat(64)
  expect(store.records.recall('steps', key)).toBeUndefined()
  store.records.remember('steps', key, 'one')
  store.records.remember('steps', key, 'twö')
  expect(store.records.recall('steps', key)).toBe('twö')
  expect(store.records.recall('latest', key)).toBeUndefined()
  const [record, ...more] = store.records.all('steps')
  expect(record).toMatchObject({ key, size: 4 })
  expect(Math.abs(record!.since - Date.now())).toBeLessThan(60_000)
  expect(more).toEqual([])
  store.records.forget('steps', key)
  store.records.forget('steps', key)
  expect(store.records.all('steps')).toEqual([])
  expect(leftovers(store.home)).toEqual([])
})

test('what a process adds is counted, and not what is there already', () => {
  const store = new Store(temporaryFolder())
  const key = 'a'.repeat(64)
  expect(store.added).toBe(0)
  store.blobs.write(Buffer.from('one'))
  store.records.remember('steps', key, '1')
  expect(store.added).toBe(2)
  store.blobs.write(Buffer.from('one'))
  store.records.remember('steps', key, '2')
  expect(store.added).toBe(2)
  store.records.remember('latest', key, '1')
  expect(store.added).toBe(3)
})

test('an image copied from one store into another is the same there', async () => {
  const [from, to] = [emptyStore(), emptyStore()]
  await put(from, one)
  await from.keep(one.manifest.descriptor, [name('app')], day)
  await copyImage(from, name('app'), to, name('copy'))
  expect(await faultsOf(to.home)).toEqual([])
  expect(readdirSync(join(to.home, 'blobs/sha256')).sort()).toEqual(readdirSync(join(from.home, 'blobs/sha256')).sort())
})

test('a blob larger than a chunk flows in parts and is closed when nobody reads on', async () => {
  const store = emptyStore()
  const bytes = Buffer.alloc(5 << 20, 'tare')
  const blob = tinyBlob(mediaTypes.layer, bytes)
  await store.put(blob.descriptor, async () => flow(bytes))
  let count = 0
  for await (const chunk of await store.open(blob.descriptor)) {
    count += chunk.length
    break
  }
  expect(count).toBe(1 << 20)
  expect((await collect(await store.open(blob.descriptor), 6 << 20)).equals(bytes)).toBe(true)
})
