import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, describe, expect, test } from 'vitest'
import { alpineRootfs } from '../../../test/kit/cli.ts'
import { unlessMissing } from '../../../test/kit/needs.ts'
import { collect, compareNames, flow, sha256 } from '../../support/index.ts'
import { looksLikeTar, scanTar, type TarEntry, writeTar } from './index.ts'
import { readWhole, scanWhole, type WholeEntry } from './test-kit.ts'

// Archives by other programs, of a folder that a shell makes.

const folder = mkdtempSync(join(tmpdir(), 'tare-tar-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function run(command: string, ...args: string[]): Buffer {
  const { stdout, stderr, status, error } = spawnSync(command, args, { cwd: folder, maxBuffer: 1e9 })
  if (error !== undefined || status !== 0) throw error ?? new Error(`${command}: ${stderr}`)
  return stdout
}

const versionOf = (program: string) => spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout ?? ''
const hasGnuTar = versionOf('tar').includes('GNU tar')
const hasBsdtar = versionOf('bsdtar').includes('bsdtar')
const hasPython = spawnSync('python3', ['-c', 'import tarfile']).status === 0
for (const [program, there] of Object.entries({ 'GNU tar': hasGnuTar, bsdtar: hasBsdtar, python3: hasPython })) {
  if (!there) console.warn(`skipped: there is no ${program} to make archives with`)
}

const long = 'l'.repeat(120)
const veryLong = `${long}/${long}/${long}`

run(
  'sh',
  '-euc',
  `
  mkdir tree && cd tree
  mkdir -p ${veryLong} dir; chmod 1777 dir
  echo deep > ${veryLong}/file
  echo plain > plain; chmod 4755 plain; ln plain dir/hard; ln -s plain soft; ln -s ${veryLong} longlink
  echo unicode > ünïcödé
  : > empty
  mkfifo pipe
  head -c 70000 /dev/urandom > random
  truncate -s 3M sparse; printf middle | dd of=sparse bs=1 seek=1500000 conv=notrunc 2>/dev/null
  printf end | dd of=sparse bs=1 seek=3145725 conv=notrunc 2>/dev/null
  for i in $(seq 0 2 60); do printf "$i" | dd of=holes bs=64k seek=$i conv=notrunc 2>/dev/null; done
  touch -d '1960-01-01 00:00:00.25Z' old
  find . -exec touch -h -d '2021-03-04 05:06:07.875Z' {} + ; touch -d '1960-01-01 00:00:00.25Z' old
  `,
)

// Not by readdir, which would go through the links.
const treePaths = run('find', 'tree', '-mindepth', '1')
  .toString()
  .trim()
  .split('\n')
  .map((path) => path.slice('tree/'.length))

const contentOf = (path: string) => readFileSync(join(folder, 'tree', path))

async function checkTree(
  tar: Buffer,
  keeps: { readonly fractions: boolean; readonly old: boolean },
): Promise<readonly WholeEntry[]> {
  const entries = await readWhole(tar, 999)
  const bare = (entry: WholeEntry) => ({ ...entry, data: sha256(entry.data) })
  expect(scanWhole(tar).map(bare)).toEqual(entries.map(bare))
  const byPath = new Map(entries.map((entry) => [entry.path.replace(/^\.\//, '').replace(/\/$/, ''), entry]))
  for (const path of treePaths) {
    const entry = byPath.get(path)
    expect(entry, path).toBeDefined()
    if (path !== 'old')
      expect([entry?.mtime, entry?.mtimeNs], path).toEqual([1614834367, keeps.fractions ? 875_000_000 : 0])
    if (entry?.kind === 'file') expect(sha256(entry.data), path).toBe(sha256(contentOf(path)))
  }
  if (keeps.old)
    expect([byPath.get('old')?.mtime, byPath.get('old')?.mtimeNs]).toEqual([
      -315619200,
      keeps.fractions ? 250_000_000 : 0,
    ])
  expect(byPath.get(`${veryLong}/file`)).toMatchObject({ kind: 'file', size: 5, mode: 0o644 })
  expect(byPath.get('longlink')).toMatchObject({ kind: 'symlink', link: veryLong, size: 0, mode: 0o777 })
  expect(byPath.get('dir')).toMatchObject({ kind: 'directory', mode: 0o1777 })
  expect(byPath.get('pipe')).toMatchObject({ kind: 'fifo' })
  expect(byPath.get('ünïcödé')).toMatchObject({ kind: 'file', size: 8 })
  const linked = [byPath.get('plain'), byPath.get('dir/hard')]
  expect(linked.map((entry) => entry?.kind).sort()).toEqual(['file', 'hardlink'])
  expect(linked.every((entry) => entry?.mode === 0o4755)).toBe(true)
  expect(byPath.get('sparse')?.size).toBe(3 * 1024 * 1024)
  return entries
}

describe.skipIf(!hasGnuTar)('GNU tar', () => {
  const formats: Readonly<Record<string, readonly string[]>> = {
    gnu: ['--format=gnu'],
    'gnu, sparse': ['--format=gnu', '--sparse'],
    posix: ['--format=posix'],
    'posix, sparse 0.0': ['--format=posix', '--sparse', '--sparse-version=0.0'],
    'posix, sparse 0.1': ['--format=posix', '--sparse', '--sparse-version=0.1'],
    'posix, sparse 1.0': ['--format=posix', '--sparse', '--sparse-version=1.0'],
    'gnu, incremental': ['--format=gnu', '--listed-incremental=snapshot', '--level=0'],
  }
  test.each(Object.entries(formats))('its format %s is read', async (name, args) => {
    const tar = run('tar', '-c', '-C', 'tree', ...args, '--label=a label', '.')
    const entries = await checkTree(tar, { fractions: name.startsWith('posix'), old: true })
    expect(entries.every(({ path }) => path !== 'a label')).toBe(true)
    if (!name.includes('sparse')) return
    // Some file system without holes would make this test an empty one.
    expect(tar.length).toBeLessThan(3 * 1024 * 1024)
  })

  test('its oldest formats are read', async () => {
    for (const format of ['v7', 'ustar', 'oldgnu']) {
      const tar = run(
        'tar',
        '-c',
        '-C',
        'tree',
        `--format=${format}`,
        '--owner=joe:1500',
        'plain',
        'soft',
        'dir',
        'empty',
      )
      const entries = await readWhole(tar)
      expect(entries.map(({ path, kind, uid, size, link }) => [path, kind, uid, size, link])).toEqual([
        ['plain', 'file', 1500, 6, undefined],
        ['soft', 'symlink', 1500, 0, 'plain'],
        ['dir/', 'directory', 1500, 0, undefined],
        ['dir/hard', 'hardlink', 1500, 0, 'plain'],
        ['empty', 'file', 1500, 0, undefined],
      ])
      expect(scanWhole(tar)).toEqual(entries)
    }
  })

  test('owners beyond octal are read', async () => {
    for (const format of ['gnu', 'posix']) {
      const tar = run(
        'tar',
        '-c',
        '-C',
        'tree',
        `--format=${format}`,
        '--owner=joe:3000000000',
        '--group=staff:2097152',
        'plain',
      )
      expect(await readWhole(tar)).toMatchObject([{ uid: 3_000_000_000, gid: 2_097_152, uname: 'joe', gname: 'staff' }])
    }
  })

  test('a file of more than 8 GiB is found whole, by its header alone', () => {
    run('truncate', '-s', '9G', 'tree/huge')
    try {
      for (const format of ['gnu', 'posix']) {
        const head = run('sh', '-c', `tar -c -C tree --format=${format} huge | head -c 2048`)
        const size = head.length + 9 * 1024 ** 3 + 10240
        const read = (into: Uint8Array, position: number) =>
          position < head.length ? head.copy(into, 0, position) : into.fill(0).length
        const entries = [...scanTar({ size, read })]
        expect(entries).toMatchObject([
          { path: 'huge', size: 9 * 1024 ** 3, runs: [{ position: 0, length: 9 * 1024 ** 3 }] },
        ])
      }
    } finally {
      rmSync(join(folder, 'tree/huge'))
    }
  })

  test('it reads back what is written', async () => {
    const entries = await readWhole(run('tar', '-c', '-C', 'tree', '--format=posix', '--sparse', '.'))
    const tar = await written(entries)
    const listed = spawnSync('tar', ['-t'], {
      input: tar,
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
    })
    expect(listed.stderr).toBe('')
    expect(listed.stdout.split('\n').length - 1).toBe(entries.length)
    const content = spawnSync('tar', ['-xO', './sparse'], { input: tar, maxBuffer: 1e8 }).stdout
    expect(sha256(content)).toBe(sha256(contentOf('sparse')))
  })
})

describe.skipIf(!hasBsdtar)('bsdtar', () => {
  test.each(['pax', 'gnutar'])('its format %s is read', async (format) => {
    const tar = run('bsdtar', '-c', '-f', '-', '-C', 'tree', '--format', format, '.')
    // Of times before 1970 libarchive writes the fraction with the wrong sign (pax), or nothing at all (gnutar).
    await checkTree(tar, { fractions: format === 'pax', old: false })
  })
})

describe.skipIf(!hasPython)('python', () => {
  test('devices, attributes, odd names and fractions of a second are read', async () => {
    const script = `
import io, sys, tarfile
out = io.BytesIO()
t = tarfile.open(fileobj=out, mode='w', format=tarfile.PAX_FORMAT, encoding='utf-8', errors='surrogateescape')
def add(name, type=tarfile.REGTYPE, data=b'', **fields):
    i = tarfile.TarInfo(name); i.type = type; i.size = len(data)
    for key, value in fields.items(): setattr(i, key, value)
    t.addfile(i, io.BytesIO(data))
add('null', tarfile.CHRTYPE, devmajor=1, devminor=3)
add('disk', tarfile.BLKTYPE, devmajor=259, devminor=1048575)
add('half', data=b'x', mtime=-1.5)
add('late', data=b'x', mtime=1600000000.5)
add('caf\\udce9', data=b'odd')
add('note', data=b'x', pax_headers={'SCHILY.xattr.user.note': 'h\\u00e9', 'SCHILY.xattr.user.none': '', 'comment': 'no'})
add('contiguous', tarfile.CONTTYPE, data=b'contiguous')
t.close()
sys.stdout.buffer.write(out.getvalue())
`
    const tar = run('python3', '-c', script)
    const entries = await readWhole(tar)
    expect(scanWhole(tar)).toEqual(entries)
    expect(entries).toMatchObject([
      { path: 'null', kind: 'char', deviceMajor: 1, deviceMinor: 3 },
      { path: 'disk', kind: 'block', deviceMajor: 259, deviceMinor: 1048575 },
      { path: 'half', mtime: -2, mtimeNs: 500_000_000 },
      { path: 'late', mtime: 1600000000, mtimeNs: 500_000_000 },
      { path: 'caf\udce9', data: Buffer.from('odd') },
      { path: 'note' },
      { path: 'contiguous', kind: 'file', data: Buffer.from('contiguous') },
    ])
    expect([...(entries[5]?.xattrs ?? [])].map(([name, value]) => [name, Buffer.from(value).toString()])).toEqual([
      ['user.note', 'hé'],
      ['user.none', ''],
    ])
    expect(entries.filter(({ xattrs }) => xattrs !== undefined).length).toBe(1)
  })
})

async function written(entries: readonly WholeEntry[]): Promise<Buffer> {
  const each = async function* (): AsyncGenerator<TarEntry> {
    for (const { data, ...header } of entries) yield { ...header, body: flow(data) }
  }
  return collect(writeTar(each()), 1e9)
}

test.skipIf(!unlessMissing(existsSync(alpineRootfs), `there is no ${alpineRootfs}`))(
  'the Alpine root file system, sorted, is the layer that Docker makes of it',
  async () => {
    const entries = await readWhole(gunzipSync(readFileSync(alpineRootfs)))
    expect(entries.length).toBe(527)
    const clean = (path: string) => path.replace(/^\.?\/+/, '').replace(/\/$/, '')
    const sorted = entries
      .map((entry) => ({
        ...entry,
        path: clean(entry.path),
        ...(entry.kind === 'hardlink' && { link: clean(entry.link ?? '') }),
      }))
      .filter(({ path }) => path !== '')
      // A slash sorts before all else, so that what is in a folder comes right behind it.
      .sort((a, b) => compareNames(a.path.replaceAll('/', '\0'), b.path.replaceAll('/', '\0')))
    const tar = await written(sorted)
    expect(tar.length).toBe(7_685_632)
    expect(sha256(tar)).toBe('sha256:ba79b2c0127890636a791eb3ec3993cce08a50cc01fcb1513f0e8fbae41977af')
    expect(looksLikeTar(tar)).toBe(true)
  },
)
