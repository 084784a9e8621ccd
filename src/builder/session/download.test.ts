import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { serve } from '../../../test/kit/serve.ts'
import { tinyTar } from '../../../test/kit/tiny-image.ts'
import { scanTar } from '../../files/tar/index.ts'
import { createHost } from '../../images/host.ts'
import { sha256 } from '../../support/index.ts'
import { openTare } from '../../verbs/library.ts'

async function open() {
  const home = mkdtempSync(join(tmpdir(), 'tare-download-'))
  onTestFinished(() => rmSync(home, { recursive: true, force: true }))
  const tare = await openTare({ home, environment: {} })
  /** The entries of the last layer of what is built. */
  const build = async (...lines: readonly string[]) => {
    const { id } = await tare.build({
      context: { kind: 'empty' },
      dockerfile: { text: `FROM scratch\n${lines.join('\n')}\n` },
    })
    const { store } = createHost({ home, environment: {} })
    const layers = (await tare.images.inspect(id)).RootFS.Layers
    const bytes = store.blobs.read(layers.at(-1)!)
    const read = (into: Uint8Array, at: number) => bytes.copy(into, 0, at, at + into.length)
    return [...scanTar({ size: bytes.length, read })].map(({ path, mode, mtime, size }) => ({
      path,
      mode,
      mtime,
      size,
    }))
  }
  return { tare, build }
}

const modified = 'Tue, 02 Jan 2024 03:04:05 GMT'

test('ADD of a URL makes a file for its owner, as old as the server says', async () => {
  const url = await serve((_, response) => response.writeHead(200, { 'Last-Modified': modified }).end('hello'))
  const { build } = await open()
  const file = { mode: 0o600, mtime: Date.parse(modified) / 1000, size: 5 }
  expect(await build(`ADD ${url}/dir/a%20b.txt?x=1 /`)).toEqual([{ path: 'a b.txt', ...file }])
  expect(await build(`ADD ${url}/dir/f /named`)).toEqual([{ path: 'named', ...file }])
  expect(await build(`ADD ${url}/ /`)).toEqual([{ path: '__unnamed__', ...file }])
})

test('an address without a host, or that is otherwise none, is refused, and nothing is asked', async () => {
  let asked = 0
  const url = await serve((_, response) => {
    asked++
    response.end('hello')
  })
  const { build } = await open()
  const host = url.slice('http://'.length)
  for (const bad of [`http:///${host}/x`, 'http://?x', 'http://[bad/x', 'http://h:99999/x'])
    await expect(build(`ADD ["${bad}", "/f"]`), bad).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: expect.stringContaining('it is not a valid URL'),
      where: { line: 2 },
    })
  expect(asked).toBe(0)
  expect(await build(`ADD ["http://${host}/x", "/f"]`)).toMatchObject([{ path: 'f' }])
})

test.each(['gzip', 'GZIP'])(
  'a file that comes compressed for the way (%s) is what was compressed',
  async (encoding) => {
    const text = 'hello '.repeat(50)
    const url = await serve((_, response) =>
      response.writeHead(200, { 'Content-Encoding': encoding }).end(gzipSync(text)),
    )
    const { build } = await open()
    expect(await build(`ADD ${url}/f.tar.gz /f`)).toMatchObject([{ size: text.length }])
    expect(await build(`ADD --checksum=${sha256(text)} ${url}/g /g`)).toMatchObject([{ size: text.length }])
    await expect(build(`ADD --checksum=${sha256(gzipSync(text))} ${url}/h /h`)).rejects.toMatchObject({
      code: 'CHECKSUM_MISMATCH',
    })
  },
)

test.each([undefined, 'identity', 'x-gzip', 'deflate', 'br'])(
  'with the encoding %s it is kept as it comes',
  async (encoding) => {
    const packed = gzipSync('hello')
    const headers = encoding === undefined ? {} : { 'Content-Encoding': encoding }
    const url = await serve((_, response) => response.writeHead(200, headers).end(packed))
    const { build } = await open()
    expect(await build(`ADD ${url}/f /f`)).toMatchObject([{ size: packed.length }])
  },
)

test('a file whose compression is broken is refused, and nothing of it stays', async () => {
  const packed = gzipSync('hello '.repeat(5000))
  for (const sent of [Buffer.from('not gzip at all'), packed.subarray(0, packed.length - 9)]) {
    const url = await serve((_, response) => response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(sent))
    const { build } = await open()
    await expect(build(`ADD ${url}/f /f`)).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' })
  }
})

test.each(['f%5Cg', 'f%5C%5C%2Ag', 'f%5C%2Ag', '%5B%2A%3F%5D', '%5C', 'a%20%5Cb'])(
  'a file may be called %s',
  async (name) => {
    const url = await serve((_, response) => response.end('hello'))
    const { build } = await open()
    expect(await build(`ADD ${url}/${name} /`)).toMatchObject([{ path: decodeURIComponent(name), size: 5 }])
  },
)

test.each([201, 203, 204])('a server that answers with %i has succeeded', async (status) => {
  const url = await serve((_, response) => response.writeHead(status).end(status === 204 ? undefined : 'hello'))
  const { build } = await open()
  expect(await build(`ADD ${url}/f /f`)).toMatchObject([{ size: status === 204 ? 0 : 5 }])
})

test.each([206, 304, 404, 410])('one that answers with %i has not', async (status) => {
  const url = await serve((_, response) => response.writeHead(status).end('hello'))
  const { build } = await open()
  await expect(build(`ADD ${url}/f /f`)).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' })
})

test('a file is asked for again only if it has changed', async () => {
  const statuses: number[] = []
  let contents = 'one'
  const url = await serve((request, response) => {
    const etag = `"${contents}"`
    const same = request.headers['if-none-match'] === etag
    statuses.push(same ? 304 : 200)
    response.writeHead(same ? 304 : 200, { ETag: etag, 'Last-Modified': modified }).end(same ? undefined : contents)
  })
  const { build } = await open()
  expect(await build(`ADD ${url}/f /`)).toMatchObject([{ size: 3 }])
  expect(await build(`ADD ${url}/f /`)).toMatchObject([{ size: 3, mtime: Date.parse(modified) / 1000 }])
  contents = 'three'
  expect(await build(`ADD ${url}/f /`)).toMatchObject([{ size: 5 }])
  expect(statuses).toEqual([200, 304, 200])
})

test('a checksum is held to, and what is there already is not asked for', async () => {
  let count = 0
  const url = await serve((_, response) => {
    count += 1
    response.end('hello')
  })
  const { build } = await open()
  await build(`ADD --checksum=${sha256('hello')} ${url}/f /`)
  await build(`ADD --checksum=${sha256('hello')} ${url}/f /other`)
  expect(count).toBe(1)
  await expect(build(`ADD --checksum=${sha256('other')} ${url}/f /`)).rejects.toMatchObject({
    code: 'CHECKSUM_MISMATCH',
    where: { line: 2 },
  })
})

test('an archive of the web is taken apart only when that is said', async () => {
  const archive = gzipSync(tinyTar('inside', 'x'))
  const url = await serve((_, response) => response.end(archive))
  const { build } = await open()
  expect(await build(`ADD ${url}/a.tgz /`)).toMatchObject([{ path: 'a.tgz' }])
  expect(await build(`ADD --unpack=true ${url}/a.tgz /`)).toMatchObject([{ path: 'inside' }])
})

test('a connection that breaks is made again, and what does not exist is told', async () => {
  let count = 0
  const url = await serve((request, response) => {
    if (request.url === '/none') response.writeHead(404).end()
    else if (++count === 1) response.write('hel', () => setTimeout(() => response.destroy(), 20))
    else response.end('hello')
  })
  const { build } = await open()
  expect(await build(`ADD ${url}/f /`)).toMatchObject([{ size: 5 }])
  await expect(build(`ADD ${url}/none /`)).rejects.toMatchObject({
    code: 'DOWNLOAD_FAILED',
    message: expect.stringContaining('404'),
    where: { line: 2 },
  })
})

test('a checksum comes with one file, may stand in a variable, and is a digest', async () => {
  const url = await serve((_, response) => response.end('hello'))
  const { build } = await open()
  expect(await build(`ARG sum=${sha256('hello')}`, `ADD --checksum=$sum ${url}/f /`)).toMatchObject([{ path: 'f' }])
  await expect(build('ARG sum=sha256:12', `ADD --checksum=$sum ${url}/f /`)).rejects.toMatchObject({
    code: 'COPY_SOURCE_INVALID',
    message: 'invalid checksum "sha256:12" of a file',
    where: { line: 3 },
  })
  await expect(build(`ADD --checksum=${sha256('hello')} ${url}/f ${url}/g /`)).rejects.toMatchObject({
    code: 'COPY_SOURCE_INVALID',
    message: "checksum can't be specified for multiple sources",
  })
})

test('a redirection is followed, and the name is that of the first address', async () => {
  const url = await serve((request, response) => {
    if (request.url === '/first') response.writeHead(302, { Location: '/second' }).end()
    else response.writeHead(200, { 'Content-Disposition': 'attachment; filename="third"' }).end('hello')
  })
  const { build } = await open()
  expect(await build(`ADD ${url}/first /`)).toMatchObject([{ path: 'first', size: 5 }])
})

test('a password of an address is used, and told to nobody', async () => {
  const url = await serve((request, response) => {
    const right = request.headers.authorization === `Basic ${Buffer.from('ada:secret').toString('base64')}`
    response.writeHead(right ? 200 : 401).end('hello')
  })
  const { build, tare } = await open()
  const address = url.replace('//', '//ada:secret@')
  expect(await build(`ADD ${address}/f /`)).toMatchObject([{ path: 'f', size: 5 }])
  const { id } = (await tare.images.list())[0]!
  expect(JSON.stringify(await tare.images.history(id))).not.toContain('secret')
  const wrong = build(`ADD ${address.replace('ada', 'bob')}/f /`)
  await expect(wrong).rejects.toMatchObject({
    code: 'DOWNLOAD_FAILED',
    message: expect.not.stringContaining('secret'),
  })
})
