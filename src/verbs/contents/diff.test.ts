import { execFileSync, spawnSync } from 'node:child_process'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { noise, shared, temporaryFolder } from '../../../test/kit/cli.ts'
import { hasProgram, unlessMissing } from '../../../test/kit/needs.ts'
import { dockerArchive, filesOf, layout, type Members, tarOf } from '../../../test/kit/tiny-archive.ts'
import { tinyImage } from '../../../test/kit/tiny-image.ts'
import type { Tare } from '../../api/index.ts'
import { semantic } from '../../inspection/index.ts'
import { openTare } from '../index.ts'

async function openLibrary() {
  const folder = temporaryFolder()
  return { folder, tare: await openTare({ home: join(folder, 'home'), environment: {} }) }
}

/** The images `a` and `b`, each of a tar with these members as its only layer. */
async function twoImages(a: Members | Buffer, b: Members | Buffer) {
  const { folder, tare } = await openLibrary()
  for (const [name, members] of Object.entries({ a, b })) {
    const path = join(folder, `${name}.rootfs`)
    writeFileSync(path, Buffer.isBuffer(members) ? members : tarOf(members))
    await tare.images.import({ from: { path }, name })
  }
  const diff = (options: object = {}) => tare.images.diff({ a: 'a', b: 'b', semantic: true, ...options })
  return { folder, tare, diff }
}

test('an image is equal to itself in every form that it has', async () => {
  const { folder, tare } = await openLibrary()
  const image = tinyImage()
  const archive = join(folder, 'a.tar')
  writeFileSync(archive, tarOf(dockerArchive(image)))
  const forms = ['app:1', archive, `oci:${filesOf(layout(image), join(folder, 'layout'))}`]
  await tare.images.load({ from: { path: archive } })
  for (const a of forms)
    for (const b of forms)
      expect(await tare.images.diff({ a, b })).toMatchObject({ equal: true, config: [], layers: [] })
})

test('files of one size are read where no digest is known', async () => {
  const bytes = noise(3_000_000)
  const other = Buffer.from(bytes)
  other[2_999_999]! ^= 1
  const { diff } = await twoImages({ same: bytes, other: bytes }, { same: bytes, other })
  expect((await diff()).files.map(({ path, changes }) => [path, changes[0]!.kind])).toEqual([['other', 'content']])
})

/** Empties the only layer of an image, which keeps its size and time. */
async function damage(folder: string, tare: Tare, name: string): Promise<void> {
  const { RootFS } = await tare.images.inspect(name)
  const blob = join(folder, 'home/blobs', RootFS.Layers[0]!.replace(':', '/'))
  const { mtime, atime, size } = statSync(blob)
  writeFileSync(blob, Buffer.alloc(size))
  utimesSync(blob, atime, mtime)
}

test('what was read once is known from then on', async () => {
  const bytes = noise(300_000)
  const { folder, tare, diff } = await twoImages({ x: bytes, y: 'one' }, { x: bytes, y: 'other' })
  expect(await diff()).toMatchObject({ files: [{ path: 'y' }] })
  for (const name of ['a', 'b']) await damage(folder, tare, name)
  expect((await diff()).files.map(({ path }) => path)).toEqual(['y'])
})

test.each(['a', 'b'])('what has to be read of a damaged layer of %s is no answer', async (name) => {
  const bytes = noise(300_000)
  const { folder, tare, diff } = await twoImages({ x: bytes, y: 'one' }, { x: bytes, y: 'two' })
  await damage(folder, tare, name)
  await expect(diff()).rejects.toMatchObject({ code: 'LAYER_UNREACHABLE' })
})

test('files are known to be the same in all images that they were compared in', async () => {
  const bytes = noise(300_000)
  const { folder, tare, diff } = await twoImages({ x: bytes, y: '1' }, { x: bytes, y: '22' })
  const path = join(folder, 'c.rootfs')
  writeFileSync(path, tarOf({ x: bytes, y: '333' }))
  await tare.images.import({ from: { path }, name: 'c' })
  for (const b of ['b', 'c']) expect((await diff({ b })).files.map((file) => file.path)).toEqual(['y'])
  for (const name of ['a', 'b', 'c']) await damage(folder, tare, name)
  expect((await diff({ a: 'b', b: 'c' })).files.map((file) => file.path)).toEqual(['y'])
})

test('what nobody can ignore is refused', async () => {
  const { diff } = await twoImages({ a: '' }, { a: '' })
  await expect(diff({ ignore: ['times'] })).rejects.toMatchObject({ code: 'OPTION_INVALID' })
  await expect(diff({ a: 'a#2' })).rejects.toMatchObject({ code: 'LAYER_UNKNOWN' })
  await expect(diff({ b: './nothing.tar' })).rejects.toMatchObject({ code: expect.stringMatching(/^[A-Z_]+$/) })
})

test('packages are compared where their databases differ', async () => {
  const database = (version: string) => `P:musl\nV:${version}\nA:x86_64\nL:MIT\n\nP:zlib\nV:1\n`
  const { diff } = await twoImages(
    { 'lib/apk/db/installed': database('1.2.4'), 'var/lib/rpm/Packages': 'x' },
    { 'lib/apk/db/installed': `${database('1.2.5')}\nP:curl\nV:8\n` },
  )
  const { packages, unread } = await diff()
  expect(packages.map(({ kind, name, a, b }) => [kind, name, a?.version, b?.version])).toEqual([
    ['added', 'curl', undefined, '8'],
    ['changed', 'musl', '1.2.4', '1.2.5'],
  ])
  expect(unread.map(({ path }) => path)).toEqual(['var/lib/rpm/Packages'])
})

test('packages in a directory that one image has alone are told although it is one row', async () => {
  const status = 'Package: a\nVersion: 1\nStatus: install ok installed\n'
  const { diff, folder } = await twoImages(
    { x: '' },
    { x: '', 'var/lib/dpkg/status': status, 'var/lib/dpkg/info/a': '' },
  )
  const whole = await diff()
  expect(whole.packages).toMatchObject([{ kind: 'added', name: 'a' }])
  const reportFolder = join(folder, 'report')
  const collapsed = await diff({ collapse: true, reportFolder })
  expect(collapsed.packages).toEqual(whole.packages)
  expect(collapsed.files).toMatchObject([{ path: 'var', below: { files: 2, size: status.length } }])
  // The report lists everything.
  expect(JSON.parse(readFileSync(join(reportFolder, 'diff.json'), 'utf8')).files).toEqual(whole.files)
  expect(readFileSync(join(reportFolder, 'b/var/lib/dpkg/status'), 'utf8')).toBe(status)
})

test('a report has the files that differ, of both sides, and what was found', async () => {
  const outside = temporaryFolder()
  const target = join(outside, 'nowhere')
  const { diff } = await twoImages(
    { same: 'x', 'etc/motd': 'one', 'only-a': 'a', gone: { symlink: target }, 'now-a-link': 'file' },
    { same: 'x', 'etc/motd': 'two', 'new/deep/b': 'b', 'now-a-link': { symlink: target } },
  )
  const reportFolder = join(outside, 'report')
  const found = await diff({ reportFolder })
  const names = readdirSync(reportFolder, { recursive: true, encoding: 'utf8' })
  expect(names.sort()).toEqual(
    [
      ...['a', 'a/etc', 'a/etc/motd', 'a/gone', 'a/now-a-link', 'a/only-a'],
      ...['b', 'b/etc', 'b/etc/motd', 'b/new', 'b/new/deep', 'b/new/deep/b', 'b/now-a-link', 'diff.json'],
    ].sort(),
  )
  expect(readFileSync(join(reportFolder, 'a/etc/motd'), 'utf8')).toBe('one')
  expect(readFileSync(join(reportFolder, 'b/etc/motd'), 'utf8')).toBe('two')
  expect(readlinkSync(join(reportFolder, 'b/now-a-link'))).toBe(target)
  expect(JSON.parse(readFileSync(join(reportFolder, 'diff.json'), 'utf8'))).toEqual(found)
  expect(readdirSync(outside)).toEqual(['report'])
})

test('a report layer by layer has what differs in each, also what later layers replace or remove', async () => {
  const { folder, tare } = await openLibrary()
  const make = async (name: string, text: string, last: Members) => {
    const layers = [{ file: text, same: 'x' }, { file: text, 'deep/file': text }, last].map((members, i) => {
      const path = join(folder, `${name}${i}.tar`)
      writeFileSync(path, tarOf(members))
      return { path }
    })
    await tare.images.append({ image: 'scratch', layers, to: name })
  }
  await make('a', 'one', { '.wh.file': '', '.wh.deep': '' })
  await make('b', 'two', { '.wh.file': '', '.wh.deep': '', 'deep/file': 'three' })
  const reportFolder = join(folder, 'report')
  const found = await tare.images.diff({ a: 'a#2..3', b: 'b#2..3', byLayer: true, reportFolder })
  const texts = ['a/2/file', 'b/2/file', 'a/2/deep/file', 'b/2/deep/file', 'b/3/deep/file'].map((path) =>
    readFileSync(join(reportFolder, path), 'utf8'),
  )
  expect(texts).toEqual(['one', 'two', 'one', 'two', 'three'])
  expect([readdirSync(join(reportFolder, 'a')), readdirSync(join(reportFolder, 'b'))]).toEqual([['2'], ['2', '3']])
  expect(JSON.parse(readFileSync(join(reportFolder, 'diff.json'), 'utf8'))).toEqual(found)
})

test('a report goes into an empty folder only, and through no link that is there', async () => {
  const outside = temporaryFolder()
  const { folder, diff } = await twoImages({ x: 'one' }, { x: 'two' })
  const reportFolder = join(folder, 'report')
  mkdirSync(reportFolder)
  writeFileSync(join(reportFolder, 'mine'), '')
  await expect(diff({ reportFolder })).rejects.toMatchObject({ code: 'DESTINATION_INVALID' })
  await expect(diff({ reportFolder: join(reportFolder, 'mine') })).rejects.toMatchObject({
    code: 'DESTINATION_INVALID',
  })
  expect([readdirSync(reportFolder), readdirSync(outside)]).toEqual([['mine'], []])
})

test('a report that cannot be written whole leaves nothing', async () => {
  const { folder, diff } = await twoImages({ x: 'one', [`${'d/'.repeat(1900)}x`]: '' }, { x: 'two' })
  const [fresh, empty] = [join(folder, 'fresh'), join(folder, 'empty')]
  mkdirSync(empty)
  for (const parent of [fresh, empty])
    await expect(diff({ reportFolder: join(parent, 'n'.repeat(200), 'm'.repeat(200)) })).rejects.toMatchObject({
      code: 'DESTINATION_INVALID',
    })
  await expect(diff({ b: './nothing.tar', reportFolder: join(fresh, 'report') })).rejects.toThrow()
  expect([existsSync(fresh), readdirSync(empty)]).toEqual([false, []])
})

test('names that lead through links of the image stay inside the report', async () => {
  const outside = temporaryFolder()
  writeFileSync(join(outside, 'x'), 'mine')
  const { folder, diff } = await twoImages(
    [['d', { symlink: outside }]],
    [
      ['d', { symlink: outside }],
      ['d/x', 'theirs'],
    ],
  )
  const reportFolder = join(folder, 'report')
  await diff({ reportFolder })
  expect(readFileSync(join(outside, 'x'), 'utf8')).toBe('mine')
  expect(readFileSync(join(reportFolder, 'b', outside, 'x'), 'utf8')).toBe('theirs')
})

test('one text file is shown as diff -u shows it', async () => {
  const { tare } = await twoImages(
    {
      'etc/motd': 'one\ntwo\n',
      link: { symlink: 'a' },
      binary: '\0a',
      latin: Buffer.from([0xe4, 0x0a]),
      same: 'x',
      kind: { symlink: 'a' },
    },
    {
      'etc/motd': 'one\n2\n',
      link: { symlink: 'b' },
      binary: '\0b',
      latin: Buffer.from([0xf6, 0x0a]),
      same: 'x',
      more: 'x\n',
      empty: '',
      kind: 'symbolic link to a\n',
    },
  )
  const show = (path: string) => tare.images.diffFile({ a: 'a', b: 'b', path })
  expect(await show('/etc/motd')).toBe('--- a:/etc/motd\n+++ b:/etc/motd\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n')
  expect(await show('more')).toBe('--- /dev/null\n+++ b:/more\n@@ -0,0 +1 @@\n+x\n')
  expect(await show('link')).toContain('-symbolic link to a\n+symbolic link to b\n')
  expect(await show('binary')).toBe('Binary files a:/binary and b:/binary differ\n')
  expect(await show('latin')).not.toBe('')
  expect(await show('same')).toBe('')
  // An empty file is not the same as none, nor a link the same as a file with that text.
  expect(await show('empty')).toBe('--- /dev/null\n+++ b:/empty\n')
  expect(await show('kind')).toBe('--- a:/kind\n+++ b:/kind\n')
  await expect(show('nothing')).rejects.toMatchObject({ code: 'FILE_UNKNOWN' })
  await expect(show('etc')).rejects.toMatchObject({ code: 'DIFF_NOT_TEXT' })
  await expect(tare.images.diffFile({ a: 'a#1', b: 'a#1..1', path: 'etc' })).rejects.toThrow('a directory in a#1')
})

const rootfs = (arch: string) => join(shared, `alpine/alpine-minirootfs-3.19.4-${arch}.tar.gz`)
const hasAlpine =
  unlessMissing(existsSync(rootfs('armv7')), 'there are no Alpine root filesystems') && hasProgram('diff')

/** What `diff -r --no-dereference` says of two folders, a path and a word each; directories that one side alone has stand for all in them. */
function systemDiff(a: string, b: string): string[] {
  const env = { ...process.env, LC_ALL: 'C' }
  const { stdout } = spawnSync('diff', ['-rq', '--no-dereference', a, b], { encoding: 'utf8', env, maxBuffer: 1 << 26 })
  return stdout
    .trim()
    .split('\n')
    .map((line) => {
      const only = /^Only in (.*?): (.*)$/.exec(line)
      if (only !== null) {
        const path = `${only[1]}/${only[2]}`
        return path.startsWith(`${a}/`) ? `removed ${path.slice(a.length + 1)}` : `added ${path.slice(b.length + 1)}`
      }
      const differ = /^(Files|Symbolic links|File) (.*?) (?:and|is) /.exec(line)!
      const kind = { Files: 'content', 'Symbolic links': 'link-target', File: 'type' }[differ[1]!]
      return `${kind} ${differ[2]!.slice(a.length + 1)}`
    })
    .sort()
}

/** Bytes of the files below each directory of a folder, by its path. */
function systemSizes(folder: string): Map<string, number> {
  const sizes = new Map<string, number>()
  const seen = new Set<number>()
  const visit = (path: string): number => {
    let sum = 0
    for (const name of readdirSync(join(folder, path)).sort()) {
      const stat = lstatSync(join(folder, path, name))
      if (stat.isDirectory()) sum += visit(join(path, name))
      else if (stat.isFile() && !seen.has(stat.ino)) {
        seen.add(stat.ino)
        sum += stat.size
      }
    }
    sizes.set(path, sum)
    return sum
  }
  visit('')
  return sizes
}

describe.skipIf(!hasAlpine)('the three Alpines', () => {
  test.each([
    ['x86_64', 'armv7'],
    ['x86_64', 'aarch64'],
    ['armv7', 'aarch64'],
  ])('%s and %s differ in what GNU tar and diff -r find, and in what directories weigh', async (one, two) => {
    const folder = temporaryFolder()
    const tare = await openTare({ home: join(folder, 'home'), environment: {} })
    for (const arch of [one, two]) {
      mkdirSync(join(folder, arch))
      execFileSync('tar', ['-xzf', rootfs(arch), '-C', join(folder, arch)])
      await tare.images.import({ from: { path: rootfs(arch) }, name: arch.replaceAll('_', '-') })
    }
    const found = await tare.images.diff({ a: one.replaceAll('_', '-'), b: two, ignore: semantic })
    const whole = new Set(
      found.files.filter(({ kind, type }) => kind !== 'changed' && type === 'directory').map(({ path }) => path),
    )
    const told = found.files.flatMap(({ kind, path, changes }) => {
      if (kind !== 'changed') return whole.has(path.slice(0, path.lastIndexOf('/'))) ? [] : [`${kind} ${path}`]
      return changes
        .filter(({ kind }) => /^(?:content|link-target|type)$/.test(kind))
        .map(({ kind }) => `${kind} ${path}`)
    })
    expect(told.sort()).toEqual(systemDiff(join(folder, one), join(folder, two)))
    expect(told.length).toBeGreaterThan(20)
    const [a, b] = [systemSizes(join(folder, one)), systemSizes(join(folder, two))]
    const paths = [...new Set([...a.keys(), ...b.keys()])].filter((path) => (a.get(path) ?? 0) !== (b.get(path) ?? 0))
    expect(found.directories).toEqual(paths.sort().map((path) => ({ path, a: a.get(path) ?? 0, b: b.get(path) ?? 0 })))
    expect(found.packages).toHaveLength(15)
  })
})
