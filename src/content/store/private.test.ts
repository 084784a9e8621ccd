import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../../test/kit/cli.ts'
import { parseReference } from '../../oci/index.ts'
import { Store } from './index.ts'

/** What others may do with the file or folder. */
function others(path: string): number {
  return statSync(path).mode & 0o077
}

test.each([0o000, 0o022, 0o077])('images are private to their owner, with a umask of %o', async (umask) => {
  const home = join(temporaryFolder(), 'a/home')
  const before = process.umask(umask)
  try {
    const store = new Store(home)
    store.lease()()
    const digest = store.blobs.write(Buffer.from('{}'))
    store.records.remember('steps', 'a'.repeat(64), 'text')
    await store.keep({ mediaType: 'm', digest, size: 2 }, [parseReference('app')], new Date(0))
  } finally {
    process.umask(before)
  }
  for (const name of [
    'tare',
    'blobs',
    'blobs/sha256',
    ...readdirSync(join(home, 'tare')).map((name) => `tare/${name}`),
  ])
    expect([name, others(join(home, name))]).toEqual([name, 0])
  // Nobody else gives names to images, whatever they may read.
  for (const path of [home, join(home, 'index.json'), join(home, 'oci-layout')]) expect(others(path) & 0o022).toBe(0)
})

test('a store that was open to others is closed when it is opened, and looking makes nothing', () => {
  const home = join(temporaryFolder(), 'home')
  const store = new Store(home)
  store.close()
  expect(() => statSync(home)).toThrow('ENOENT')
  writeFileSync(`${home}.file`, '')
  new Store(`${home}.file`).close()
  for (const name of ['blobs/sha256', 'tare/unpacked/root', 'tare/running/root'])
    mkdirSync(join(home, name), { recursive: true })
  for (const name of ['', 'blobs', 'tare', 'tare/unpacked', 'tare/running']) chmodSync(join(home, name), 0o755)
  writeFileSync(join(home, 'tare/trees'), 'not a folder')
  store.close()
  for (const name of ['blobs', 'tare', 'tare/unpacked', 'tare/running']) expect(others(join(home, name))).toBe(0)
  expect(others(home)).toBe(0o055)
})
