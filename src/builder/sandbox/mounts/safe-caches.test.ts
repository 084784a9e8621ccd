import { expect, test } from 'vitest'
import { readTar, type TarEntry, type TarHeader, writeTar } from '../../../files/tar/index.ts'
import { flow } from '../../../support/index.ts'
import { withoutWaysOut } from './safe-caches.ts'

const key = 'a'.repeat(64)

function entry(path: string, more: Partial<TarHeader> = {}): TarEntry {
  const header = { mode: 0o644, uid: 0, gid: 0, size: 0, mtime: 0, mtimeNs: 0 }
  return { path, kind: 'file', ...header, ...more, body: flow() }
}

/** Which of the entries are let through. */
async function taken(...entries: readonly TarEntry[]): Promise<string[]> {
  const found: string[] = []
  const all = async function* () {
    yield* entries
  }
  for await (const { path } of readTar(withoutWaysOut(writeTar(all())))) found.push(path.replace(`${key}/`, ''))
  return found
}

const link = (path: string, target: string) => entry(`${key}/data/${path}`, { kind: 'symlink', link: target })
const file = (path: string) => entry(`${key}/data/${path}`)

test('files, directories and links within a mount are taken', async () => {
  const hard = entry(`${key}/data/hard`, { kind: 'hardlink', link: `${key}/data/d/f` })
  const all = [
    entry(`${key}/id`),
    entry(`${key}/data/`, { kind: 'directory' }),
    file('d/f'),
    link('d/up', '../x'),
    link('l', 'd/f'),
    hard,
  ]
  expect((await taken(...all)).length).toBe(all.length)
})

test.each<[string, TarEntry]>([
  ['an absolute link', link('l', '/etc/passwd')],
  ['a link that goes up too far', link('d/l', '../../id')],
  ['a link that goes up later', link('l', 'd/../../id')],
  ['a hard link to another place', entry(`${key}/data/h`, { kind: 'hardlink', link: '/etc/shadow' })],
  ['a hard link to the id', entry(`${key}/data/h`, { kind: 'hardlink', link: `${key}/id` })],
  ['a device', entry(`${key}/data/sda`, { kind: 'block', deviceMajor: 8, deviceMinor: 0 })],
  ['a link in place of the data', entry(`${key}/data`, { kind: 'symlink', link: '/' })],
  ['a link in place of the id', entry(`${key}/id`, { kind: 'symlink', link: '/etc/passwd' })],
])('%s is left out', async (_, one) => {
  expect(await taken(one, file('after'))).toEqual(['data/after'])
})

test('nothing is written through a link, even one that stays inside', async () => {
  expect(await taken(link('l', 'd'), file('l/x'))).toEqual(['data/l'])
})

test.each(['/etc/passwd', `../${key}/id`, `${key}/other`, `${key}/data/../../x`, 'short/data/x'])(
  '%s is refused',
  async (path) => {
    await expect(taken(entry(path))).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' })
  },
)
