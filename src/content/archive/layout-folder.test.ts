import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { keeps } from '../../../test/kit/keeps.ts'
import { type TinyImage, tinyImage } from '../../../test/kit/tiny-image.ts'
import { goJson, parseReference } from '../../oci/index.ts'
import { flow } from '../../support/index.ts'
import { targetSuite } from '../suite.ts'
import { openLayout } from './layout-folder.ts'
import { openArchive } from './open-archive.ts'
import type { LayoutWriter } from './types.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tare-layout-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

targetSuite('a layout folder', () => openLayout(join(folder, 'layout')), { test: keeps })

async function put(layout: LayoutWriter, image: TinyImage): Promise<void> {
  for (const blob of image.blobs) await layout.put(blob.descriptor, blob.open)
}

const indexOf = (path: string) => JSON.parse(readFileSync(join(path, 'index.json'), 'utf8'))

test('an image is added to a layout, of which all else stays as it was', async () => {
  const other = {
    ...{ mediaType: 'application/vnd.example+json', digest: `sha256:${'a'.repeat(64)}`, size: 3 },
    ...{ artifactType: 'application/x', data: 'e30=', annotations: { 'org.opencontainers.image.ref.name': 'other' } },
  }
  const text = goJson({ schemaVersion: 2, manifests: [other], annotations: { a: 'b' } })
  writeFileSync(join(folder, 'index.json'), text)
  writeFileSync(join(folder, 'oci-layout'), '{"imageLayoutVersion": "1.0.0"}\n')
  const layout = await openLayout(folder)
  const [old, young] = [tinyImage(), tinyImage({ files: [['f', 'young']] })]
  await put(layout, old)
  await layout.label('v1', old.manifest.descriptor)
  await put(layout, young)
  await layout.label('v1', young.manifest.descriptor)
  await layout.label('host/app:2', young.manifest.descriptor)
  const index = indexOf(folder)
  expect(index.annotations).toEqual({ a: 'b' })
  expect(index.manifests[0]).toEqual(other)
  expect(index.manifests.slice(1)).toMatchObject([
    { digest: young.manifest.descriptor.digest, annotations: { 'org.opencontainers.image.ref.name': 'v1' } },
    { annotations: { 'io.containerd.image.name': 'host/app:2', 'org.opencontainers.image.ref.name': 'host/app:2' } },
  ])
  expect(readFileSync(join(folder, 'oci-layout'), 'utf8')).toBe('{"imageLayoutVersion": "1.0.0"}\n')
  const archive = await openArchive(folder, { scratch: join(folder, 'scratch') })
  expect(await archive.roots()).toMatchObject([{ labels: ['other'] }, { labels: ['v1', 'host/app:2'] }])
})

test('many at once lose nothing of each other', async () => {
  const images = Array.from({ length: 8 }, (_, i) => tinyImage({ files: [['f', String(i)]] }))
  await Promise.all(
    images.map(async (image, i) => {
      const layout = await openLayout(join(folder, 'l'))
      await put(layout, image)
      await layout.tag(parseReference(`app:${i}`), image.manifest.descriptor)
    }),
  )
  expect(indexOf(join(folder, 'l')).manifests).toHaveLength(8)
  expect(readdirSync(join(folder, 'l')).sort()).toEqual(['blobs', 'index.json', 'oci-layout'])
})

test('one that gives up takes nothing from another that relied on it', async () => {
  const image = tinyImage()
  const path = join(folder, 'l')
  const [first, second] = [await openLayout(path), await openLayout(path)]
  await put(first, image)
  await put(second, image)
  await first.abort()
  await expect(second.label('v1', image.manifest.descriptor)).rejects.toMatchObject({ code: 'BLOB_MISSING' })
  const [third, fourth] = [await openLayout(path), await openLayout(path)]
  await put(third, image)
  await put(fourth, image)
  await fourth.label('v1', image.manifest.descriptor)
  await third.abort()
  expect(readdirSync(join(path, 'blobs/sha256'))).toHaveLength(image.blobs.length)
})

test('what was given up leaves no folder, but takes nothing from one that was there', async () => {
  const image = tinyImage()
  const fresh = await openLayout(join(folder, 'new'))
  await fresh.put(image.layers[0]!.descriptor, image.layers[0]!.open)
  await fresh.abort()
  expect(existsSync(join(folder, 'new'))).toBe(false)
  const path = join(folder, 'old')
  const old = await openLayout(path)
  await put(old, image)
  await old.label(undefined, image.manifest.descriptor)
  const again = await openLayout(path)
  await expect(
    again.put({ ...image.config.descriptor, digest: `sha256:${'b'.repeat(64)}` }, async () => flow()),
  ).rejects.toMatchObject({ code: 'BLOB_CORRUPT' })
  await again.abort()
  expect(readdirSync(join(path, 'blobs/sha256'))).toHaveLength(image.blobs.length)
})

test('a folder of other things, and a file, are refused', async () => {
  writeFileSync(join(folder, 'notes.txt'), 'mine')
  await expect(openLayout(folder)).rejects.toMatchObject({ code: 'ARCHIVE_UNWRITABLE' })
  await expect(openLayout(join(folder, 'notes.txt'))).rejects.toMatchObject({ code: 'ARCHIVE_UNWRITABLE' })
  mkdirSync(join(folder, 'empty'))
  await expect(openLayout(join(folder, 'empty'))).resolves.toBeTruthy()
})
