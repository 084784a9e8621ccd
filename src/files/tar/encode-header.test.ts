import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { collect, flow, sha256 } from '../../support/index.ts'
import {
  encodeHeader,
  endOfArchive,
  headerLength,
  padding,
  type TarEntry,
  type TarHeader,
  timedHeaderLength,
  writeHeader,
  writeTar,
  writeTimedHeader,
} from './index.ts'
import { readWhole, scanWhole } from './test-kit.ts'

function header(fields: Partial<TarHeader> & { path: string }): TarHeader {
  return { kind: 'file', mode: 0o644, uid: 0, gid: 0, size: 0, mtime: 0, mtimeNs: 0, ...fields }
}

async function archiveOf(entries: readonly (Partial<TarHeader> & { path: string; data?: string })[]): Promise<Buffer> {
  const each = async function* (): AsyncGenerator<TarEntry> {
    for (const { data = '', ...fields } of entries) {
      const body = Buffer.from(data)
      yield { ...header({ size: body.length, ...fields }), body: flow(body) }
    }
  }
  return collect(writeTar(each()), 1e8)
}

const text = (block: Buffer, at: number, length: number) => block.toString('latin1', at, at + length)

test('an ordinary entry is one ustar block, field by field as Docker writes it', () => {
  const block = encodeHeader(
    header({ path: 'etc/passwd', mode: 0o4755, uid: 1500, gid: 50, size: 1234, mtime: 1580608922 }),
  )
  expect(block.length).toBe(512)
  expect(text(block, 0, 100)).toBe('etc/passwd'.padEnd(100, '\0'))
  expect(text(block, 100, 8)).toBe('0004755\0')
  expect(text(block, 108, 8)).toBe('0002734\0')
  expect(text(block, 116, 8)).toBe('0000062\0')
  expect(text(block, 124, 12)).toBe('00000002322\0')
  expect(text(block, 136, 12)).toBe('13615426632\0')
  const sum = block.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0)
  expect(text(block, 148, 8)).toBe(`${sum.toString(8).padStart(6, '0')}\0 `)
  expect(text(block, 156, 1)).toBe('0')
  expect(text(block, 157, 100)).toBe('\0'.repeat(100))
  expect(text(block, 257, 8)).toBe('ustar\x0000')
  expect(text(block, 265, 64)).toBe('\0'.repeat(64))
  expect(text(block, 329, 16)).toBe('0000000\x000000000\0')
  expect(text(block, 345, 167)).toBe('\0'.repeat(167))
})

test('what ustar cannot say comes in an extended header before it, in records sorted by key', () => {
  const path = `${'ü'.repeat(3)}/${'b'.repeat(120)}`
  const bytes = encodeHeader(
    header({
      path,
      uid: 3_000_000,
      gid: 2_097_152,
      mtime: -60,
      mtimeNs: 5,
      xattrs: new Map([
        ['user.b', Buffer.from([0, 255, 10])],
        ['user.a', Buffer.alloc(0)],
      ]),
    }),
  )
  const records = [
    '24 SCHILY.xattr.user.a=\n',
    '27 SCHILY.xattr.user.b=\0\xff\n\n',
    '15 gid=2097152\n',
    '13 mtime=-60\n',
    `137 path=${Buffer.from(path).toString('latin1')}\n`,
    '15 uid=3000000\n',
  ].join('')
  expect(text(bytes, 0, 100)).toBe(`/PaxHeaders.0/${'b'.repeat(120)}`.slice(0, 100))
  expect(text(bytes, 100, 48)).toBe(
    `0000000\x000000000\x000000000\0${records.length.toString(8).padStart(11, '0')}\x0000000000000\0`,
  )
  expect(text(bytes, 156, 1)).toBe('x')
  expect(text(bytes, 329, 16)).toBe('\0'.repeat(16))
  expect(text(bytes, 512, 512)).toBe(records.padEnd(512, '\0'))
  const main = bytes.subarray(1024)
  expect(main.length).toBe(512)
  expect(text(main, 0, 100)).toBe(`/${'b'.repeat(120)}`.slice(0, 100))
  expect(text(main, 108, 40)).toBe('0000000\x000000000\x0000000000000\x0000000000000\0')
  expect(headerLength(header({ path }))).toBe(1536)
})

test('a long name is divided between the two fields of ustar where it can be, as Go divides it', () => {
  const divided = (fields: Partial<TarHeader> & { path: string }) => {
    const block = encodeHeader(header(fields))
    if (block.length > 512) return undefined
    const sum = block.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0)
    expect(text(block, 148, 8)).toBe(`${sum.toString(8).padStart(6, '0')}\0 `)
    return [text(block, 345, 155).split('\0')[0], text(block, 0, 100).split('\0')[0]]
  }
  const [a, b] = ['a'.repeat(60), 'b'.repeat(60)]
  expect(divided({ path: `${a}/${b}/f` })).toEqual([`${a}/${b}`, 'f'])
  expect(divided({ path: `${a}/${b}`, kind: 'directory' })).toEqual([a, `${b}/`])
  expect(divided({ path: `${a}/${b}`, kind: 'symlink', link: 'x' })).toEqual([a, b])
  expect(divided({ path: `${a}/${b}/${'c'.repeat(100)}` })).toEqual([`${a}/${b}`, 'c'.repeat(100)])
  expect(divided({ path: `${'p'.repeat(155)}/${'c'.repeat(100)}` })).toEqual(['p'.repeat(155), 'c'.repeat(100)])
  for (const path of [`${'p'.repeat(156)}/c`, `p/${'c'.repeat(101)}`, `/${'c'.repeat(100)}`, `${a}/${b}/ü`])
    expect(divided({ path })).toBeUndefined()
  expect(divided({ path: `${a}/${b}`, kind: 'symlink', link: 'x'.repeat(101) })).toBeUndefined()
})

test('the names of the blocks are cut as Go cuts them', () => {
  const namesOf = (fields: Partial<TarHeader> & { path: string }) => {
    // A time before 1970 alone makes an extended header necessary.
    const bytes = encodeHeader(header({ mtime: -1, ...fields }))
    const name = (at: number) => text(bytes, at, 100).split('\0')[0]
    return [name(0), name(bytes.length - 512)]
  }
  const d = 'd'.repeat(60)
  expect(namesOf({ path: `${d}/${d}/f` })).toEqual([
    `${d}/${d}/PaxHeaders.0/f`.slice(0, 100),
    `${d}/${d}/f`.slice(0, 100),
  ])
  expect(namesOf({ path: `${d}/${d}`, kind: 'directory' })).toEqual([
    `${d}/${d}/PaxHeaders.0`.slice(0, 100),
    `${d}/${d}`.slice(0, 100),
  ])
  // Cut right behind a slash, the name would be that of a directory.
  expect(namesOf({ path: `${'x'.repeat(99)}/y` })[1]).toBe('x'.repeat(99))
  expect(namesOf({ path: `${'x'.repeat(98)}//y` })[1]).toBe('x'.repeat(98))
  expect(namesOf({ path: '/ü//./a/../f' })[0]).toBe('//PaxHeaders.0/f')
  expect(namesOf({ path: '../ü' })[0]).toBe('../PaxHeaders.0')
})

test('a name or link of exactly 100 bytes still fits, and so do the largest octal numbers', () => {
  const name = 'n'.repeat(100)
  for (const fields of [
    { path: name },
    { path: name.slice(1), kind: 'directory' as const },
    { path: 's', kind: 'symlink' as const, link: name },
    { path: 'o', uid: 2_097_151, gid: 2_097_151 },
    { path: 'b', size: 8_589_934_591, mtime: 8_589_934_591 },
  ]) {
    expect(headerLength(header(fields))).toBe(512)
    expect(writeHeader(Buffer.alloc(512), 0, header(fields))).toBe(512)
  }
  for (const fields of [
    { path: `${name}n` },
    { path: name, kind: 'directory' as const },
    { path: 'ü' },
    { path: 's', kind: 'symlink' as const, link: `${name}n` },
    { path: 's', kind: 'symlink' as const, link: 'ü' },
    { path: 'o', uid: 2_097_152 },
    { path: 'b', size: 8_589_934_592 },
    { path: 't', mtime: 8_589_934_592 },
    { path: 't', mtime: -1 },
    { path: 'x', xattrs: new Map([['user.a', Buffer.from('1')]]) },
  ]) {
    expect(headerLength(header(fields))).toBe(1536)
    expect(writeHeader(Buffer.alloc(512), 0, header(fields))).toBe(0)
  }
})

test('a header is written over whatever lies there', () => {
  const into = Buffer.alloc(2048, 'x')
  const one = header({ path: 'dir', kind: 'directory', mode: 0o1777 })
  expect(writeHeader(into, 700, one)).toBe(512)
  expect(into.subarray(700, 1212).equals(encodeHeader(one))).toBe(true)
  expect(into.subarray(1212).equals(Buffer.alloc(836, 'x'))).toBe(true)
})

test.each([
  { path: 'a', mtime: 1_700_000_000, mtimeNs: 123_456_789 },
  { path: 'a', mtime: 9_999_999_999, mtimeNs: 1 },
  { path: 'a', mtime: 10_000_000_000, mtimeNs: 999_999_999 },
  { path: 'a', mtime: 7, mtimeNs: 20 },
  { path: 'a', mtime: 1_700_000_000, mtimeNs: 0 },
  { path: `${'long/'.repeat(30)}`, kind: 'directory' as const, mtime: 1_700_000_000, mtimeNs: 5 },
  { path: 'caf\udce9', kind: 'symlink' as const, link: 'é', mtime: 1_700_000_000, mtimeNs: 100 },
])('where the nanoseconds are asked for, they are there, and nothing else is another: %j', async (fields) => {
  const wanted = header(fields)
  const [plain] = await readWhole(Buffer.concat([encodeHeader({ ...wanted, mtimeNs: 0 }), endOfArchive]))
  const quick = Buffer.alloc(timedHeaderLength, 0xff)
  const encodings = [encodeHeader(wanted, true), quick.subarray(0, writeTimedHeader(quick, 0, wanted))]
  expect(encodings[1]!.length > 0).toBe(
    fields.path === 'a' && (fields.mtimeNs === 0 || (fields.mtime >= 1e9 && fields.mtime <= 0o77777777777)),
  )
  for (const bytes of encodings.filter(({ length }) => length > 0)) {
    expect(await readWhole(Buffer.concat([bytes, endOfArchive]))).toEqual([{ ...plain!, mtimeNs: fields.mtimeNs }])
    const listed = spawnSync('tar', ['--utc', '--full-time', '-tvf', '-'], {
      input: Buffer.concat([bytes, endOfArchive]),
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C' },
    })
    expect(listed.stderr).toBe('')
    const digits = fields.mtimeNs === 0 ? '' : `.${String(fields.mtimeNs).padStart(9, '0').replace(/0+$/, '')}`
    const time = new Date(fields.mtime * 1000).toISOString().replace('T', ' ').replace('.000Z', digits)
    expect(listed.stdout).toContain(` ${time} `)
  }
  expect(encodeHeader(wanted)).toEqual(encodeHeader({ ...wanted, mtimeNs: 0 }))
})

test('a time before 1970 has no nanoseconds, which GNU tar would read as others', () => {
  const early = header({ path: 'a', mtime: -2, mtimeNs: 1 })
  expect(encodeHeader(early, true)).toEqual(encodeHeader(early))
})

test('what no tar can hold is refused', () => {
  const codeOf = (fields: Partial<TarHeader> & { path: string }) => {
    try {
      return encodeHeader(header(fields)).length
    } catch (error) {
      return (error as { code?: string }).code ?? (error as Error).message
    }
  }
  expect(codeOf({ path: '' })).toBe('TAR_NAME_INVALID')
  expect(codeOf({ path: 'a\0b' })).toBe('TAR_NAME_INVALID')
  expect(codeOf({ path: 'a', kind: 'symlink', link: 'x\0y' })).toBe('TAR_NAME_INVALID')
  expect(codeOf({ path: 'a', xattrs: new Map([['user.a=b', Buffer.from('1')]]) })).toBe('TAR_XATTR_INVALID')
  expect(codeOf({ path: 'a', xattrs: new Map([['user.a', Buffer.alloc(1024 * 1024)]]) })).toBe('TAR_EXTENSION_TOO_LONG')
  expect(codeOf({ path: 'a', kind: 'char', deviceMajor: 2 ** 21, deviceMinor: 0 })).toBe('TAR_DEVICE_INVALID')
  expect(codeOf({ path: 'a', size: -1 })).toBe('the size of "a" is -1')
  expect(codeOf({ path: 'a', uid: Number.NaN })).toBe('the uid of "a" is NaN')
})

test('a body of another length than its header says is an error', async () => {
  for (const data of ['', 'four', 'sixsix']) {
    await expect(archiveOf([{ path: 'f', size: 5, data }])).rejects.toMatchObject({ code: 'TAR_BODY_SIZE' })
  }
})

test('names that are not UTF-8 are written as the bytes that they were', async () => {
  const tar = await archiveOf([{ path: 'caf\udce9', kind: 'symlink', link: '\udcff' }])
  expect(tar.includes(Buffer.from('path=caf\xe9\n', 'latin1'))).toBe(true)
  expect(await readWhole(tar)).toMatchObject([{ path: 'caf\udce9', link: '\udcff' }])
})

test('small and large bodies come out in order', async () => {
  const entries = Array.from({ length: 300 }, (_, i) => ({ path: `f${i}`, data: `${i}`.repeat((i * 137) % 9000) }))
  const tar = await archiveOf(entries)
  expect((await readWhole(tar)).map(({ path, data }) => [path, data.toString()])).toEqual(
    entries.map(({ path, data }) => [path, data]),
  )
  expect(scanWhole(tar).map(({ data }) => sha256(data))).toEqual(entries.map(({ data }) => sha256(data)))
  expect(tar.subarray(-1024).equals(endOfArchive)).toBe(true)
  expect([0, 1, 511, 512, 513].map(padding)).toEqual([0, 511, 1, 0, 511])
})

// The layer of `COPY dir /dst/` (golden case 06), with the digest that Docker gives it.
test('a layer has the very digest that Docker gives it', async () => {
  const n = 'n'.repeat(120)
  const mtime = 1646370367
  const folder = (path: string, mode = 0o755) => ({ path: `dst/${path}`, kind: 'directory' as const, mode })
  const link = (path: string, target: string) => ({
    path: `dst/${path}`,
    kind: 'symlink' as const,
    mode: 0o777,
    link: target,
  })
  const file = (path: string, data: string, mode = 0o644) => ({ path: `dst/${path}`, mode, data })
  const entries: Parameters<typeof archiveOf>[0] = [
    folder(''),
    file('a.txt', 'a\n'),
    link('abslink', '/etc/passwd'),
    link('dangling', 'nowhere'),
    folder('empty', 0o1777),
    file('exec.sh', '#!/bin/sh\n', 0o755),
    { path: 'dst/hard', kind: 'hardlink', link: 'dst/a.txt' },
    link('link', 'a.txt'),
    link('longlink', `${n}/${n}/f-${n}`),
    folder(n),
    folder(`${n}/${n}/`),
    file(`${n}/${n}/f`, 'l2\n'),
    file(`${n}.txt`, 'l\n'),
    file('priv', 'p\n', 0o600),
    file('setuid', 's\n', 0o4755),
    file('sp ace.txt', 'spc\n'),
    { ...folder('sub'), mtime: 946684799 },
    folder('sub/deep', 0o700),
    file('sub/deep/d.txt', 'd\n'),
    file('ünïcødé-文件.txt', 'u\n'),
  ]
  const tar = await archiveOf(entries.map((entry) => ({ mtime, ...entry })))
  expect(sha256(tar)).toBe('sha256:3ee4bc998363b546821238a346f65767127e1cdd28122c9dc5ba7e56eb22db15')
})

const python = spawnSync('python3', ['-c', 'import tarfile']).status === 0
if (!python) console.warn('skipped: there is no python3 to read archives with')

test.skipIf(!python)('python reads what is written', async () => {
  const long = `${'l'.repeat(90)}/${'m'.repeat(90)}`
  const tar = await archiveOf([
    { path: 'dir', kind: 'directory', mode: 0o1777, mtime: 1_600_000_000 },
    { path: long, data: 'hello', uid: 3_000_000, mtime: -60, xattrs: new Map([['user.note', Buffer.from('hi')]]) },
    { path: 'hard', kind: 'hardlink', link: long },
    { path: 'soft', kind: 'symlink', link: 'ünïcode', mode: 0o777 },
    { path: 'null', kind: 'char', deviceMajor: 1, deviceMinor: 3 },
    { path: 'disk', kind: 'block', deviceMajor: 259, deviceMinor: 1_048_575 },
    { path: 'pipe', kind: 'fifo' },
  ])
  const script = `
import io, json, sys, tarfile
for i in tarfile.open(fileobj=io.BytesIO(sys.stdin.buffer.read())):
    print(json.dumps([i.name, i.type.decode(), i.mode, i.uid, i.size, i.mtime, i.linkname, i.devmajor, i.devminor, i.pax_headers.get('SCHILY.xattr.user.note')]))
`
  const { stdout, stderr } = spawnSync('python3', ['-c', script], { input: tar, encoding: 'utf8' })
  expect(stderr).toBe('')
  expect(
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toEqual([
    ['dir', '5', 0o1777, 0, 0, 1_600_000_000, '', 0, 0, null],
    [long, '0', 0o644, 3_000_000, 5, -60, '', 0, 0, 'hi'],
    ['hard', '1', 0o644, 0, 0, 0, long, 0, 0, null],
    ['soft', '2', 0o777, 0, 0, 0, 'ünïcode', 0, 0, null],
    ['null', '3', 0o644, 0, 0, 0, '', 1, 3, null],
    ['disk', '4', 0o644, 0, 0, 0, '', 259, 1_048_575, null],
    ['pipe', '6', 0o644, 0, 0, 0, '', 0, 0, null],
  ])
})
