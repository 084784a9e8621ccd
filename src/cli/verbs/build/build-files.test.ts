import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../../../test/kit/cli.ts'
import { canMount, mountOn } from '../../../../test/kit/needs.ts'
import { fullName, refuseUnwritable, removeIdFile, writeIdFile, writeMetadataFile } from './build-files.ts'

const result = {
  id: 'sha256:1111',
  digest: 'sha256:2222',
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  size: 402,
  platform: { os: 'linux', architecture: 'arm', variant: 'v7' },
  names: ['app:latest', 'reg.example.com/team/app:1'],
  warnings: [],
  outputs: [{ kind: 'image', to: 'app:latest', digest: 'sha256:2222' }],
} as const

test('the id file is the id and nothing else', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tare-'))
  const file = join(folder, 'id')
  writeFileSync(file, 'sha256:stale and longer than the new one')
  writeIdFile(file, result)
  expect(readFileSync(file, 'utf8')).toBe('sha256:1111')
  expect(readdirSync(folder)).toEqual(['id'])
  removeIdFile(file)
  expect(readdirSync(folder)).toEqual([])
})

test('the metadata file has what buildx writes, with full names', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'tare-')), 'metadata.json')
  writeMetadataFile(file, result)
  expect(readFileSync(file, 'utf8')).toBe(`{
  "containerimage.config.digest": "sha256:1111",
  "containerimage.descriptor": {
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "digest": "sha256:2222",
    "size": 402,
    "platform": {
      "architecture": "arm",
      "os": "linux",
      "variant": "v7"
    }
  },
  "containerimage.digest": "sha256:2222",
  "image.name": "docker.io/library/app:latest,reg.example.com/team/app:1"
}`)
})

test('of several platforms no config is named, and after a push the digest is the registry’s', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'tare-')), 'metadata.json')
  const mediaType = 'application/vnd.oci.image.index.v1+json'
  const pushed = { kind: 'push', to: 'r.io/a:1', digest: 'sha256:3333', mediaType, size: 7 } as const
  writeMetadataFile(file, { ...result, platform: undefined, outputs: [...result.outputs, pushed] })
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
    'containerimage.descriptor': { mediaType, digest: 'sha256:3333', size: 7 },
    'containerimage.digest': 'sha256:3333',
    'image.name': 'docker.io/library/app:latest,reg.example.com/team/app:1',
  })
})

test.each<[string, readonly string[], readonly string[], string]>([
  ['name-canonical', ['r.io/a:1', 'r.io/a@sha256:3333'], [], 'r.io/a:1'],
  ['push-by-digest', [], ['r.io/a@sha256:3333', 'r.io/b@sha256:3333'], 'r.io/a,r.io/b'],
  ['both of these', ['r.io/a@sha256:3333'], ['r.io/a@sha256:3333'], 'r.io/a'],
  ['store=false', [], ['r.io/a:1', 'r.io/a:2'], 'r.io/a:1,r.io/a:2'],
  ['dangling-name-prefix', ['p@sha256:3333'], [], 'docker.io/library/p@sha256:3333'],
])('with %s the names are those that were given', (_, names, pushed, image) => {
  const file = join(temporaryFolder(), 'metadata.json')
  const outputs = pushed.map((to) => ({ kind: 'push', to, digest: 'sha256:3333' }) as const)
  writeMetadataFile(file, { ...result, names, outputs: [...result.outputs, ...outputs] })
  expect(JSON.parse(readFileSync(file, 'utf8'))['image.name']).toBe(image)
})

test('of files without an image there is nothing to say', () => {
  const file = join(temporaryFolder(), 'metadata.json')
  writeMetadataFile(file, { ...result, names: [], outputs: [{ kind: 'local', to: 'out' }] })
  expect(readFileSync(file, 'utf8')).toBe('{}')
})

test('a folder that is missing is told before the build', () => {
  const folder = temporaryFolder()
  expect(() => refuseUnwritable(join(folder, 'id'))).not.toThrow()
  expect(() => refuseUnwritable('id')).not.toThrow()
  const path = join(folder, 'none/id')
  expect(() => refuseUnwritable(path)).toThrow(`cannot write ${path}: there is no directory ${join(folder, 'none')}`)
  expect(() => refuseUnwritable(folder)).toThrow(`cannot write ${folder}: it is a directory`)
})

test('a file that cannot be written is an answer, and leaves nothing behind', () => {
  const path = join(temporaryFolder(), 'none/id')
  expect(() => writeIdFile(path, result)).toThrow(`cannot write ${path}: ENOENT`)
})

test.each([
  ['app:1', 'docker.io/library/app:1'],
  ['team/app:1', 'docker.io/team/app:1'],
  ['localhost/app:1', 'localhost/app:1'],
  ['localhost:5000/app', 'localhost:5000/app'],
])('%s is %s in full', (familiar, full) => {
  expect(fullName(familiar)).toBe(full)
})

test.skipIf(!canMount())('a file that is mounted is written in place, since it cannot be replaced', () => {
  const folder = temporaryFolder()
  const [outer, mounted] = [join(folder, 'outer'), join(folder, 'mounted')]
  for (const path of [outer, mounted]) writeFileSync(path, 'sha256:stale and longer than the new one')
  mountOn(mounted, '--bind', outer)
  removeIdFile(mounted)
  expect(readFileSync(outer, 'utf8')).toBe('')
  writeIdFile(mounted, result)
  expect(readFileSync(outer, 'utf8')).toBe('sha256:1111')
  expect(readdirSync(folder).sort()).toEqual(['mounted', 'outer'])
})
