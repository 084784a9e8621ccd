import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { shared, temporaryFolder } from '../../../test/kit/cli.ts'
import { hasProgram, unlessMissing } from '../../../test/kit/needs.ts'
import { fileNode, linkNode, treeOf } from '../../../test/kit/trees.ts'
import { Tree } from '../../files/tree/index.ts'
import { findPackages } from './find-packages.ts'

const apk = `C:Q1abc=
P:musl
V:1.2.4_git20230717-r4
A:x86_64
S:407278
I:667648
L:MIT
o:musl
F:lib
R:ld-musl-x86_64.so.1
a:0:0:755
Z:Q1x=
R:libc.musl-x86_64.so.1

P:ssl_client
V:1.36.1-r15
A:x86_64
I:28672
L:GPL-2.0-only
o:busybox
F:usr
F:usr/bin
R:ssl_client
`

test('apk’s database tells name, version, license, origin, size and files', () => {
  const tree = treeOf({ 'lib/apk/db/installed': apk })
  const database = 'lib/apk/db/installed'
  expect(findPackages(tree, { files: true })).toEqual({
    packages: [
      {
        ...{ type: 'apk', name: 'musl', version: '1.2.4_git20230717-r4', arch: 'x86_64', license: 'MIT', size: 667648 },
        ...{ database, files: ['lib/ld-musl-x86_64.so.1', 'lib/libc.musl-x86_64.so.1'] },
      },
      {
        ...{ type: 'apk', name: 'ssl_client', version: '1.36.1-r15', arch: 'x86_64', license: 'GPL-2.0-only' },
        ...{ source: 'busybox', size: 28672, database, files: ['usr/bin/ssl_client'] },
      },
    ],
    unread: [],
  })
})

test('a database below a linked directory counts once, and a circle of links not at all', () => {
  const merged = treeOf({ lib: linkNode('usr/lib'), 'usr/lib/apk/db/installed': apk })
  expect(findPackages(merged).packages).toHaveLength(2)
  const circle = treeOf({ lib: linkNode('usr/lib'), 'usr/lib': linkNode('../lib'), 'var/lib/dpkg': linkNode('dpkg') })
  expect(findPackages(circle)).toEqual({ packages: [], unread: [] })
})

const status = `Package: libc6
Status: install ok installed
Installed-Size: 12986
Architecture: amd64
Multi-Arch: same
Source: glibc (2.36-9)
Version: 2.36-9+deb12u8
Description: GNU C Library
 a line further on
Version-of-nothing: 1

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: pending
Status: install ok triggers-pending
Architecture: all
Version: 1:2.0-1
`

test('dpkg’s status tells what is installed and not what was removed', () => {
  const tree = treeOf({
    'var/lib/dpkg/status': status,
    'var/lib/dpkg/info/libc6:amd64.list': '/.\n/lib\n/lib/libc.so.6\n/usr/share/doc/libc6/copyright\n',
    'lib/libc.so.6': 'elf',
    'usr/share/doc/libc6/copyright': 'Format: https://www.debian.org/…\n\nFiles: *\nLicense: LGPL-2.1+\n text\n',
  })
  const database = 'var/lib/dpkg/status'
  expect(findPackages(tree, { files: true }).packages).toEqual([
    {
      ...{ type: 'deb', name: 'libc6', version: '2.36-9+deb12u8', arch: 'amd64', source: 'glibc', database },
      ...{ size: 12986 * 1024, license: 'LGPL-2.1+', files: ['lib/libc.so.6', 'usr/share/doc/libc6/copyright'] },
    },
    { type: 'deb', name: 'pending', version: '1:2.0-1', arch: 'all', database, files: [] },
  ])
})

test('distroless images list each package in a file of its own', () => {
  const tree = treeOf({
    'var/lib/dpkg/status.d/tzdata': 'Package: tzdata\nVersion: 2024a-0+deb12u1\nArchitecture: all\n',
    'var/lib/dpkg/status.d/tzdata.md5sums': '0123456789abcdef0123456789abcdef  usr/share/zoneinfo/UTC\n',
  })
  expect(findPackages(tree, { files: true }).packages).toMatchObject([
    { name: 'tzdata', version: '2024a-0+deb12u1', files: ['usr/share/zoneinfo/UTC'] },
  ])
})

test('packages of Node are those in node_modules, whatever form their license has', () => {
  const tree = treeOf({
    'app/package.json': '{"name":"app","version":"1.0.0"}',
    'app/node_modules/a/package.json': '\ufeff{"name":"a","version":"1.0.0","license":"MIT"}',
    'app/node_modules/a/test/package.json': '{"name":"fixture","version":"9.9.9"}',
    'app/node_modules/a/node_modules/b/package.json': '{"name":"b","version":"2.0.0","license":{"type":"ISC"}}',
    'app/node_modules/@s/c/package.json':
      '{"name":"@s/c","version":"3.0.0","licenses":[{"type":"MIT"},{"type":"BSD"}]}',
    'app/node_modules/@s/c/index.js': '',
    'app/node_modules/.bin/x': '',
    'app/node_modules/linked': linkNode('a'),
    'app/node_modules/broken/package.json': '{"name":',
    'app/node_modules/odd/package.json': 'null',
  })
  const { packages, unread } = findPackages(tree, { files: true })
  expect(packages.map(({ name, version, license }) => [name, version, license])).toEqual([
    ['@s/c', '3.0.0', 'MIT OR BSD'],
    ['a', '1.0.0', 'MIT'],
    ['b', '2.0.0', 'ISC'],
  ])
  expect(packages[1]!.files).toEqual(['app/node_modules/a/package.json', 'app/node_modules/a/test/package.json'])
  expect(unread).toEqual([{ type: 'npm', path: 'app/node_modules/broken/package.json', reason: 'not JSON' }])
})

test('packages of Python are found by their metadata, and their files by RECORD', () => {
  const site = 'usr/lib/python3/site-packages'
  const tree = treeOf({
    [`${site}/six-1.16.0.dist-info/METADATA`]: 'Name: six\nVersion: 1.16.0\nLicense: MIT\n\nName: no\nVersion: 2\n',
    [`${site}/six-1.16.0.dist-info/RECORD`]:
      'six.py,sha256=x,1\n"odd, name.py",,\n../../../bin/six,,\n../../../../../x,,\n',
    [`${site}/old.egg-info`]: 'Name: old\nVersion: 1\nLicense: UNKNOWN\nClassifier: License :: OSI Approved :: BSD\n',
    [`${site}/eggs.egg-info/PKG-INFO`]: 'Name: eggs\nVersion: 2\n',
    [`${site}/none.dist-info/RECORD`]: '',
  })
  const { packages } = findPackages(tree, { files: true })
  expect(packages.map(({ name, version, license }) => [name, version, license])).toEqual([
    ['eggs', '2', undefined],
    ['old', '1', 'BSD'],
    ['six', '1.16.0', 'MIT'],
  ])
  expect(packages[2]!.files).toEqual([`${site}/six.py`, `${site}/odd, name.py`, 'usr/bin/six'])
})

test('databases of rpm that cannot be read are named', () => {
  const tree = treeOf({
    'var/lib/rpm/Packages': 'bdb',
    'usr/lib/sysimage/rpm/Packages.db': 'ndb',
    'usr/share/rpm/rpmdb.sqlite': 'SQLite format 3\0'.padEnd(600, '\0'),
  })
  expect(findPackages(tree).unread).toEqual([
    { type: 'rpm', path: 'var/lib/rpm/Packages', reason: 'a Berkeley database, which tare does not read' },
    { type: 'rpm', path: 'usr/lib/sysimage/rpm/Packages.db', reason: 'of the ndb form, which tare does not read' },
    { type: 'rpm', path: 'usr/share/rpm/rpmdb.sqlite', reason: 'damaged: a page size of 0' },
  ])
})

const rootfs = join(shared, 'alpine/alpine-minirootfs-3.19.4-x86_64.tar.gz')

test.skipIf(!unlessMissing(existsSync(rootfs), `there is no ${rootfs}`))(
  'the real Alpine has its fifteen packages',
  () => {
    const folder = temporaryFolder()
    execFileSync('tar', ['-x', '-f', '-', '-C', folder, './lib/apk/db/installed'], {
      input: gunzipSync(readFileSync(rootfs)),
    })
    const text = readFileSync(join(folder, 'lib/apk/db/installed'), 'utf8')
    const { packages } = findPackages(treeOf({ 'lib/apk/db/installed': text }))
    expect(packages.map(({ name }) => name)).toEqual([...text.matchAll(/^P:(.*)$/gm)].map(([, name]) => name!).sort())
    expect(packages.length).toBe(15)
  },
)

/** A header of rpm, as its database keeps it: tags with a type, a count and bytes. */
function rpmHeader(entries: readonly (readonly [tag: number, type: number, count: number, bytes: Buffer])[]): Buffer {
  const data = Buffer.concat(entries.map(([, , , bytes]) => bytes))
  const index = Buffer.alloc(8 + entries.length * 16)
  index.writeUInt32BE(entries.length, 0)
  index.writeUInt32BE(data.length, 4)
  let at = 0
  entries.forEach(([tag, type, count, bytes], i) => {
    for (const [j, value] of [tag, type, at, count].entries()) index.writeUInt32BE(value, 8 + i * 16 + j * 4)
    at += bytes.length
  })
  return Buffer.concat([index, data])
}

function rpmPackage(name: string, files: readonly string[] = []): Buffer {
  const texts = (...words: readonly string[]) => Buffer.from(words.map((word) => `${word}\0`).join(''))
  const numbers = (...values: readonly number[]) => {
    const bytes = Buffer.alloc(values.length * 4)
    for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, i * 4)
    return bytes
  }
  return rpmHeader([
    [1003, 4, 1, numbers(2)],
    [1009, 4, 1, numbers(4321)],
    [1116, 4, files.length, numbers(...files.map(() => 0))],
    [1000, 6, 1, texts(name)],
    [1001, 6, 1, texts('5.2')],
    [1002, 6, 1, texts('3.fc39')],
    [1014, 6, 1, texts('GPL-3.0-or-later')],
    [1022, 6, 1, texts('x86_64')],
    [1044, 6, 1, texts('tree-pkg-5.2-3.fc39.src.rpm')],
    [1117, 8, files.length, texts(...files)],
    [1118, 8, 1, texts('/usr/bin/')],
  ])
}

describe.skipIf(!unlessMissing(hasProgram('sqlite3'), 'there is no sqlite3'))('the database of rpm', () => {
  const manyFiles = Array.from({ length: 3000 }, (_, i) => `program-${i}`)

  /** A database that sqlite3 has made, with 400 packages, and one more that only its log has. */
  function makeDatabase(pageSize: number): { readonly db: Buffer; readonly wal: Buffer } {
    const folder = temporaryFolder()
    const insert = (name: string, files?: readonly string[]) =>
      `INSERT INTO Packages(blob) VALUES (X'${rpmPackage(name, files).toString('hex')}');`
    const script = [
      `PRAGMA page_size=${pageSize};`,
      "CREATE TABLE 'Names' (key TEXT, hnum INTEGER);",
      "CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL);",
      'BEGIN;',
      ...Array.from({ length: 400 }, (_, i) => insert(`p${i}`)),
      insert('large', manyFiles),
      'COMMIT;',
      'PRAGMA journal_mode=WAL;',
      'PRAGMA wal_autocheckpoint=0;',
      insert('logged'),
      'DELETE FROM Packages WHERE hnum = 7;',
      `.shell cp db db.kept && cp db-wal wal.kept`,
    ]
    execFileSync('sqlite3', ['db'], { cwd: folder, input: script.join('\n') })
    return { db: readFileSync(join(folder, 'db.kept')), wal: readFileSync(join(folder, 'wal.kept')) }
  }

  const treeWith = (db: Buffer, wal: Buffer = Buffer.alloc(0)) =>
    treeOf({ 'var/lib/rpm/rpmdb.sqlite': fileNode(db), 'var/lib/rpm/rpmdb.sqlite-wal': fileNode(wal) })

  test.each([512, 4096, 65536])('is read with pages of %i bytes, and with its log', (pageSize) => {
    const { db, wal } = makeDatabase(pageSize)
    const { packages, unread } = findPackages(treeWith(db, wal), { files: true })
    const names = [...Array.from({ length: 400 }, (_, i) => `p${i}`).filter((name) => name !== 'p6'), 'large', 'logged']
    expect(unread).toEqual([])
    expect(packages.map(({ name }) => name)).toEqual(names.sort())
    expect(packages.find(({ name }) => name === 'large')).toEqual({
      ...{ type: 'rpm', name: 'large', version: '2:5.2-3.fc39', arch: 'x86_64', license: 'GPL-3.0-or-later' },
      ...{ source: 'tree-pkg', size: 4321, database: 'var/lib/rpm/rpmdb.sqlite' },
      files: manyFiles.map((name) => `usr/bin/${name}`),
    })
  })

  test('without its log is as it was before the log, and a damaged log counts up to the damage', () => {
    const { db, wal } = makeDatabase(4096)
    expect(findPackages(treeWith(db)).packages).toHaveLength(401)
    const damaged = Buffer.from(wal)
    damaged[32 + 24 + 100]! ^= 1
    expect(findPackages(treeWith(db, damaged)).packages).toHaveLength(401)
    const cut = findPackages(treeWith(db, wal.subarray(0, wal.length - 1)))
    expect(cut.packages.some(({ name }) => name === 'logged')).toBe(true)
    expect(cut.packages.some(({ name }) => name === 'p6')).toBe(true)
  })

  test('ends with a word about the damage, whichever byte is wrong', () => {
    const { db } = makeDatabase(512)
    const outcomes = new Set<string>()
    for (let i = 0; i < 60; i++) {
      const damaged = Buffer.from(db)
      for (let j = 0; j < 20; j++) damaged[(i * 7919 + j * 104_729) % db.length] = (i * 31 + j * 17) & 0xff
      const { packages, unread } = findPackages(treeWith(damaged.subarray(0, db.length - (i % 3) * 5000)))
      outcomes.add(unread[0]?.reason.replace(/\d+/g, 'N') ?? 'read')
      expect(packages.length).toBeLessThanOrEqual(402)
    }
    expect(outcomes.size).toBeGreaterThan(2)
  })
})

test('a page that points to itself ends the reading', () => {
  const page = Buffer.alloc(1024)
  page.write('SQLite format 3\0', 'latin1')
  page.writeUInt16BE(1024, 16)
  page[100] = 0x05
  page.writeUInt32BE(1, 108)
  const tree = treeOf({ 'var/lib/rpm/rpmdb.sqlite': fileNode(page) })
  expect(findPackages(tree).unread[0]!.reason).toBe('damaged: page 1 is in a circle')
  expect(findPackages(Tree.empty)).toEqual({ packages: [], unread: [] })
})
