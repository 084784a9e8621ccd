import { expect, test } from 'vitest'
import { sha256 } from '../support/index.ts'
import { type Descriptor, flattenIndex, goJson, mediaTypes, openIndex } from './index.ts'

const leaf: Descriptor = { mediaType: mediaTypes.manifest, digest: sha256('an image'), size: 8 }

/** Indexes in memory that count how often they are read. */
class Documents {
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
  const documents = new Documents()
  expect((await documents.flatten(documents.tower(levels))).map(({ blob }) => blob)).toEqual([leaf])
})

test.each([9, 12])('%i indexes in each other are refused', async (levels) => {
  const documents = new Documents()
  await expect(documents.flatten(documents.tower(levels))).rejects.toMatchObject({
    code: 'MANIFEST_INVALID',
    message: 'it nests indexes deeper than 8',
  })
})

test('an index that lists one child twelve times over seven levels is walked in seven steps', async () => {
  const documents = new Documents()
  const entries = await documents.flatten(documents.tower(8, 12))
  expect(entries.map(({ blob }) => blob)).toEqual([leaf])
  expect(documents.reads).toBe(7)
})

test('the order is that of the indexes, and an image that one names twice stands there twice', async () => {
  const documents = new Documents()
  const other = { ...leaf, digest: sha256('another') }
  const root = documents.add([other, documents.add([leaf, leaf]), other])
  const digests = (await documents.flatten(root)).map(({ blob }) => blob.digest)
  expect(digests).toEqual([other.digest, leaf.digest, leaf.digest, other.digest])
})

test('an index that cannot be read is passed over, and one of attestations is not looked into', async () => {
  const documents = new Documents()
  const notes = { ...documents.add([leaf]), platform: { os: 'unknown', architecture: 'unknown' } }
  const gone = { mediaType: mediaTypes.index, digest: sha256('gone'), size: 4 }
  const entries = await documents.flatten(documents.add([notes, gone, leaf]))
  expect(entries.map(({ blob }) => blob.digest)).toEqual([notes.digest, leaf.digest])
  expect(documents.reads).toBe(1)
})

test('more images than any honest index has are refused', async () => {
  const documents = new Documents()
  const many = (count: number) => documents.add(Array.from({ length: count }, () => leaf))
  expect(await documents.flatten(many(10_000))).toHaveLength(10_000)
  await expect(documents.flatten(many(10_001))).rejects.toMatchObject({ code: 'MANIFEST_INVALID' })
})
