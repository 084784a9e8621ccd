import { expect, test } from 'vitest'
import { tarOf } from '../../../test/kit/tiny-archive.ts'
import { sha256 } from '../../support/index.ts'
import { indexFlow, indexLayer } from './index.ts'

type Members = Parameters<typeof tarOf>[0]

/** Reads a layer of a tar with these members in both ways: from a file, and as a stream. */
async function paths(members: Members): Promise<string[]> {
  const tar = tarOf(members)
  const archive = {
    size: tar.length,
    read: (into: Uint8Array, at: number) => tar.copy(into, 0, at, at + into.length),
  }
  const stored = () => indexLayer(archive, sha256('x'), 'layer x').entries.map(({ path }) => path)
  const streamed = indexFlow(
    (async function* () {
      yield tar
    })(),
    'layer x',
    { digests: false },
  ).then(({ table }) => Array.from({ length: table.count }, (_, i) => table.path(i)))
  const [a, b] = await Promise.allSettled([Promise.resolve().then(stored), streamed])
  expect(a.status).toBe(b.status)
  if (a.status === 'rejected') throw a.reason
  return a.value
}

test.each<[string, Members]>([
  ['a file before it', { a: 'text', b: { hardlink: 'a' } }],
  ['a file before it, by an absolute name', { a: 'text', 'd/b': { hardlink: '/a' } }],
  ['a file before it, by a dotted name', { './a': 'text', b: { hardlink: './d/../a' } }],
  ['another hard link', { a: 'text', b: { hardlink: 'a' }, c: { hardlink: 'b' } }],
  ['a symlink', { a: { symlink: 'nowhere' }, b: { hardlink: 'a' } }],
  ['a file through a symlink', { 'd/a': 'text', s: { symlink: 'd' }, b: { hardlink: 's/a' } }],
  ['a file through an absolute symlink', { 'd/a': 'text', s: { symlink: '/d' }, b: { hardlink: 's/a' } }],
  ['a file under the name of a whiteout', { '.wh.a': '', a: 'text', b: { hardlink: 'a' } }],
])('a hard link may name %s', async (_, members) => {
  expect(await paths(members)).toHaveLength(Object.keys(members).length)
})

test.each<[string, Members]>([
  ['what the layer does not have, as a file of a lower layer', { x: 'text', b: { hardlink: 'a' } }],
  ['a file that comes later', { b: { hardlink: 'a' }, a: 'text' }],
  ['a file that the layer only removes', { '.wh.a': '', b: { hardlink: 'a' } }],
  ['a directory', { 'a/x': 'text', b: { hardlink: 'a' } }],
  ['itself', { b: { hardlink: 'b' } }],
  ['a file through a symlink of a lower layer', { 'd/a': 'text', b: { hardlink: 's/a' } }],
])('a hard link to %s is refused', async (_, members) => {
  await expect(paths(members)).rejects.toMatchObject({
    code: 'LAYER_INVALID',
    message: expect.stringMatching(
      /^layer .* has a hard link "b" to ".*", which is not a file before it in the same layer$/,
    ),
  })
})
