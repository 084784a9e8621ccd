import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../../../test/kit/registry-images.ts'
import { filesOf, layout } from '../../../../test/kit/tiny-archive.ts'
import { tinyImage } from '../../../../test/kit/tiny-image.ts'
import { captureStreams } from '../../captured-streams.ts'
import { main } from '../../main.ts'
import { splitSource } from './copy-out.ts'

const home = () => ({ TARE_HOME: temporaryFolder(), TZ: 'UTC' })

async function run(argv: readonly string[], options: { readonly columns?: number; env?: Record<string, string> } = {}) {
  const streams = captureStreams(options.columns === undefined ? {} : { columns: options.columns })
  const code = await main(argv, options.env ?? home(), streams)
  return { code, out: streams.out(), err: streams.err() }
}

const imageOf = (...files: readonly (readonly [string, string])[]) =>
  filesOf(layout(tinyImage({ files })), join(temporaryFolder(), 'l'))

const image = () => imageOf(['etc/motd', 'hello\n'], ['usr/bin/tool', '\x00\x01binary'], ['etc/motd', 'HELLO\n'])

test('layers are a table for people, and JSON for programs', async () => {
  const name = image()
  const { code, out } = await run(['image', 'layers', name])
  expect(code).toBe(0)
  expect(
    out
      .split('\n')
      .slice(0, 2)
      .map((line) => line.replace(/ {2,}/g, '|')),
  ).toEqual([
    'LAYER|SIZE|COMPRESSED|FILES|DIFF ID|CREATED BY',
    expect.stringMatching(/^1\|2\.05kB\|-\|1\|[0-9a-f]{12}\|COPY <file> \/ # tiny$/),
  ])
  expect(JSON.parse((await run(['image', 'layers', '--json', name])).out)).toMatchObject([
    { number: 1 },
    {},
    { files: 1 },
  ])
})

test('files are listed as paths, in long form, as a tree and as JSON; by name or by size', async () => {
  const name = image()
  expect((await run(['image', 'files', name])).out).toBe('/etc/\n/etc/motd\n/usr/\n/usr/bin/\n/usr/bin/tool\n')
  expect((await run(['image', 'files', '--sort', 'size', name])).out).toMatch(/^\/usr\/bin\/tool\n\/etc\/motd\n/)
  expect((await run(['image', 'files', '-l', name, '/etc'])).out).toBe(
    'MODE        OWNER  SIZE  MODIFIED (UTC)       LAYER  PATH\n-rw-r--r--  0:0       6  2023-11-14 22:13:20      3  /etc/motd\n',
  )
  expect((await run(['image', 'files', '--tree', '--sort', 'size', name])).out).toBe(
    [
      ...['     8B  ├── /usr/', '     8B  │   └── bin/', '     8B  │       └── tool'],
      ...['     6B  └── /etc/', '     6B      └── motd', ''],
    ].join('\n'),
  )
  expect((await run(['image', 'files', '--tree', '--depth', '1', name])).out).toBe(
    '     6B  ├── /etc/\n     8B  └── /usr/\n',
  )
  const json = JSON.parse((await run(['image', 'files', '--json', '--layer', '1', name])).out)
  expect(json).toMatchObject([{ path: '/etc/motd', size: 6, layer: 1 }])
  for (const flags of [
    ['--sort', 'age'],
    ['--layer', '0'],
    ['--depth', '0'],
  ])
    expect(await run(['image', 'files', ...flags, name])).toMatchObject({ code: 125, out: '' })
  expect(await run(['image', 'files', '--layer', '9', name])).toMatchObject({ code: 1, out: '' })
})

test('a file is printed byte for byte, but nothing binary on a terminal, and nothing that steers it', async () => {
  const name = image()
  expect(await run(['image', 'cat', name, '/etc/motd'])).toMatchObject({ code: 0, out: 'HELLO\n', err: '' })
  expect((await run(['image', 'cat', '--layer', '1', name, 'etc/motd'])).out).toBe('hello\n')
  expect((await run(['image', 'cat', name, '/usr/bin/tool'])).out).toBe('\x00\x01binary')
  expect(await run(['image', 'cat', name, '/usr/bin/tool'], { columns: 80 })).toMatchObject({
    ...{ code: 1, out: '', err: expect.stringContaining('/usr/bin/tool is binary: it is not written to a terminal') },
  })
  const steering = imageOf(['x', 'a\x1b[31mb\n'])
  expect((await run(['image', 'cat', steering, 'x'], { columns: 80 })).out).toBe('a\\x1b[31mb\n')
  expect((await run(['image', 'cat', steering, 'x'])).out).toBe('a\x1b[31mb\n')
})

test('names with control characters or markup cannot steer a terminal or break a line', async () => {
  const hostile = 'a\x1b]0;x\x07\n<script>alert(1)</script>'
  const name = imageOf([hostile, 'x'])
  for (const flags of [[], ['-l'], ['--tree']]) {
    const { out } = await run(['image', 'files', ...flags, name])
    expect(out).toContain('a\\x1b]0;x\\x07\\x0a<script>')
    expect(out).not.toMatch(/[\x00-\x09\x0b-\x1f]/)
  }
  const { out } = await run(['image', 'files', '--json', name], { columns: 80 })
  expect(out).not.toMatch(/[\x00-\x09\x0b-\x1f]/)
  expect(JSON.parse(out)[1].path).toBe(`/${hostile}`)
  const missing = await run(['image', 'cat', name, `/${hostile}y`])
  expect(missing.err).not.toMatch(/[\x00-\x09\x0b-\x1f]/)
  expect((await run(['image', 'why', name, `/${hostile}`])).out).not.toMatch(/[\x00-\x09\x0b-\x1f]/)
})

test('why says which layer and instruction wrote a file', async () => {
  const { out } = await run(['image', 'why', image(), '/etc/motd'])
  expect(out.split('\n').map((line) => line.replace(/ {2,}/g, '|'))).toEqual([
    'LAYER|CHANGE|MODE|OWNER|SIZE|CREATED BY',
    '1|added|-rw-r--r--|0:0|6B|COPY <file> / # tiny',
    '3|changed (content)|-rw-r--r--|0:0|6B|COPY <file> / # tiny',
    '',
  ])
})

test('export and cp refuse a terminal, and write a file, a directory or a stream', async () => {
  const name = image()
  const folder = temporaryFolder()
  expect((await run(['export', name], { columns: 80 })).code).toBe(1)
  expect((await run(['cp', `${name}:/etc`, '-'], { columns: 80 })).code).toBe(1)
  expect(await run(['export', '-o', join(folder, 'e.tar'), name])).toMatchObject({ code: 0, out: '' })
  expect(readFileSync(join(folder, 'e.tar')).subarray(0, 4).toString()).toBe('etc/')
  expect((await run(['export', name])).out.slice(0, 4)).toBe('etc/')
  expect(await run(['cp', `${name}:/etc/motd`, join(folder, 'motd')])).toEqual({
    ...{ code: 0, out: '', err: `Copied 6B to ${join(folder, 'motd')}\n` },
  })
  expect(readFileSync(join(folder, 'motd'), 'utf8')).toBe('HELLO\n')
  mkdirSync(join(folder, 'd'))
  expect((await run(['cp', '-q', `${name}:/etc`, join(folder, 'd')])).err).toBe('')
  expect(readFileSync(join(folder, 'd/etc/motd'), 'utf8')).toBe('HELLO\n')
  expect((await run(['cp', 'nothing', folder])).code).toBe(125)
})

test.each([
  ['alpine:/etc', 'alpine', '/etc'],
  ['alpine:3.19:/etc/a:/b', 'alpine:3.19', '/etc/a:/b'],
  ['alpine:etc', 'alpine', 'etc'],
  ['localhost:5000/app:1:/x', 'localhost:5000/app:1', '/x'],
  ['docker://alpine:/etc', 'docker://alpine', '/etc'],
  ['oci:/tmp/layout:1:/etc', 'oci:/tmp/layout:1', '/etc'],
  ['docker-archive:/tmp/x.tar:app:1:/etc', 'docker-archive:/tmp/x.tar:app:1', '/etc'],
  ['/tmp/x.tar:/', '/tmp/x.tar', '/'],
])('%s is the file %s of %s', (text, name, path) => {
  expect(splitSource(text)).toEqual({ image: name, path })
})

test('image ls --tree shows each image with the platforms that it is there for', async () => {
  const env = home()
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\nCOPY Dockerfile /\n')
  const build = (...argv: string[]) => run(['build', '-q', ...argv, folder], { env })
  expect((await build('--platform', 'linux/amd64,linux/arm64', '-t', 'multi')).code).toBe(0)
  expect((await build('--platform', 'linux/arm64', '-t', 'single:1')).code).toBe(0)
  const { out } = await run(['image', 'ls', '--tree'], { env })
  expect(
    out
      .split('\n')
      .map((line) => line.replace(/ {2,}/g, '|').replace(/[0-9a-f]{12}/, 'ID'))
      .sort(),
  ).toEqual([
    ...['', 'IMAGE|ID|SIZE', 'multi:latest|ID|62B', 'single:1|ID|31B'],
    ...['└─ linux/arm64|ID|31B', '└─ linux/arm64|ID|31B', '├─ linux/amd64|ID|31B'],
  ])
  expect((await run(['image', 'ls', '--tree', 'single'], { env })).out).not.toContain('multi')
  for (const flag of ['--quiet', '--digests', '--format=json'])
    expect(await run(['image', 'ls', '--tree', flag], { env })).toMatchObject({ code: 125, out: '' })
})
