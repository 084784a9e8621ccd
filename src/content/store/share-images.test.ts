import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { faultsOf } from '../../../test/kit/check-store.ts'
import { temporaryFolder } from '../../../test/kit/cli.ts'
import { tinyImage } from '../../../test/kit/tiny-image.ts'
import { parseReference } from '../../oci/index.ts'
import { shareImages } from './share-images.ts'
import { Store } from './store.ts'

const image = tinyImage({ files: [['a', '1']] })
const name = parseReference('app')
const key = 'a'.repeat(64)

test('another store has the same images and no steps, and what it removes stays in the first', async () => {
  const folder = temporaryFolder()
  const [store, to] = [new Store(join(folder, 'home')), join(folder, 'other')]
  for (const { descriptor, open } of image.blobs) await store.put(descriptor, open)
  await store.keep(image.manifest.descriptor, [name], new Date())
  for (const kind of ['layers', 'steps'] as const) store.records.remember(kind, key, kind)

  shareImages(store.home, to)
  const other = new Store(to)
  expect(await other.resolve(name)).toEqual(await store.resolve(name))
  expect([other.records.recall('layers', key), other.records.recall('steps', key)]).toEqual(['layers', undefined])
  expect(await faultsOf(to)).toEqual([])

  await other.change(() => [])
  await other.alone(() => other.collect(new Set()))
  expect(other.blobs.all()).toEqual([])
  rmSync(to, { recursive: true })
  expect(await faultsOf(store.home)).toEqual([])
  expect(store.blobs.all()).toHaveLength(image.blobs.length)
})

test('an empty store shares nothing', () => {
  const folder = temporaryFolder()
  shareImages(join(folder, 'none'), join(folder, 'other'))
  expect(new Store(join(folder, 'other')).entries()).toEqual([])
})
