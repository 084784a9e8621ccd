import { expect, test } from 'vitest'
import { sha256 } from '../support/index.ts'
import { type Descriptor, flattenIndex, goJson, mediaTypes, openIndex } from './index.ts'

const leaf: Descriptor = { mediaType: mediaTypes.manifest, digest: sha256('an image'), size: 8 }

/** Indexes in memory that count how often they are read. */
class Shelf {
  readonly documents = new Map<string, Buffer>()
  reads = 0

  add(children: readonly Descriptor[]): Descriptor {
    const bytes = Buffer.from(goJson({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: children }))
    this.documents.set(sha256(bytes), bytes)
    return { mediaType: mediaTypes.index, digest: sha256(bytes), size: bytes.length }
  }

  /** So many indexes, one in the other, each naming the next so often. */
  tower(levels: number, times = 1): Descriptor {
    let top = this.add([leaf])
    for (let i = 1; i < levels; i++) top = this.add(Array.from({ length: times }, () => top))
    return top
  }

  flatten(root: Descriptor) {
    const read = async ({ digest }: Descriptor) => {
      this.reads++
      return this.documents.get(digest)
    }
    return flattenIndex(openIndex(this.documents.get(root.digest)!, 'it'), read, 'it')
  }
}

test.each([1, 2, 7, 8])('of %i indexes in each other, the image inside is found', async (levels) => {
  const shelf = new Shelf()
  expect((await shelf.flatten(shelf.tower(levels))).map(({ blob }) => blob)).toEqual([leaf])
})

test.each([9, 12])('%i indexes in each other are refused', async (levels) => {
  const shelf = new Shelf()
  await expect(shelf.flatten(shelf.tower(levels))).rejects.toMatchObject({
    code: 'MANIFEST_INVALID',
    message: 'it has indexes nested deeper than 8',
  })
})

test('an index that lists one child twelve times over seven levels is walked in seven steps', async () => {
  const shelf = new Shelf()
  const entries = await shelf.flatten(shelf.tower(8, 12))
  expect(entries.map(({ blob }) => blob)).toEqual([leaf])
  expect(shelf.reads).toBe(7)
})

test('the order is that of the indexes, and an image that one names twice stands there twice', async () => {
  const shelf = new Shelf()
  const other = { ...leaf, digest: sha256('another') }
  const root = shelf.add([other, shelf.add([leaf, leaf]), other])
  const digests = (await shelf.flatten(root)).map(({ blob }) => blob.digest)
  expect(digests).toEqual([other.digest, leaf.digest, leaf.digest, other.digest])
})

test('an index that cannot be read is passed over, and one of attestations is not looked into', async () => {
  const shelf = new Shelf()
  const notes = { ...shelf.add([leaf]), platform: { os: 'unknown', architecture: 'unknown' } }
  const gone = { mediaType: mediaTypes.index, digest: sha256('gone'), size: 4 }
  const entries = await shelf.flatten(shelf.add([notes, gone, leaf]))
  expect(entries.map(({ blob }) => blob.digest)).toEqual([notes.digest, leaf.digest])
  expect(shelf.reads).toBe(1)
})

test('more images than any honest index has are refused', async () => {
  const shelf = new Shelf()
  const many = (count: number) => shelf.add(Array.from({ length: count }, () => leaf))
  expect(await shelf.flatten(many(10_000))).toHaveLength(10_000)
  await expect(shelf.flatten(many(10_001))).rejects.toMatchObject({ code: 'MANIFEST_INVALID' })
})
