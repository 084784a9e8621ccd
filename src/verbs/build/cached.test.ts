import { existsSync, readdirSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { noise, temporaryFolder, writeFiles } from '../../../test/kit/cli.ts'
import { createHost } from '../../images/index.ts'
import { tareOf } from '../library.ts'

test('a build that adds nothing leaves the cache as large as it is, and one that adds something does not', async () => {
  const folder = temporaryFolder()
  const home = join(folder, 'home')
  const blobs = join(home, 'blobs/sha256')
  const path = writeFiles(join(folder, 'context'), { old: noise(600_000, 'old'), known: 'known', other: 'other' })
  const build = async (limit: string, file: string, tags = ['app']) => {
    const tare = tareOf(createHost({ home, environment: { TARE_CACHE_LIMIT: limit } }))
    await tare.build({
      context: { kind: 'directory', path },
      ...{ dockerfile: { text: `FROM scratch\nCOPY ${file} /\n` }, tags },
    })
    return tare
  }
  await build('0', 'known')
  const before = new Set(readdirSync(blobs))
  const tare = await build('0', 'old', ['gone'])
  await tare.images.remove({ names: ['gone'] })
  const old = readdirSync(blobs).filter((name) => !before.has(name))
  expect(old.length).toBeGreaterThan(0)
  for (const place of [join(home, 'tare/verified'), blobs])
    for (const name of readdirSync(place)) utimesSync(join(place, name), 1000, 1000)
  await build('1', 'known')
  expect(old.filter((name) => !existsSync(join(blobs, name)))).toEqual([])
  await build('1', 'other')
  expect(old.filter((name) => existsSync(join(blobs, name)))).toEqual([])
})
