import { mkdtempSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { dockerArchive, tarOf } from '../../test/kit/tiny-archive.ts'
import { tinyImage } from '../../test/kit/tiny-image.ts'
import { openTare } from '../index.ts'
import { type Answers, answersOf } from './answers.ts'
import { browserCommand } from './open-browser.ts'
import { wholePage } from './page.ts'
import { servePage } from './server.ts'

/** Answers about an image with a layer for each file. */
async function answersAbout(...names: readonly string[]): Promise<Answers> {
  const folder = mkdtempSync(join(tmpdir(), 'tare-explorer-'))
  const path = join(folder, 'image.tar')
  writeFileSync(path, tarOf(dockerArchive(tinyImage({ files: names.map((name) => [name, `of ${name}`] as const) }))))
  const tare = await openTare({ home: join(folder, 'home'), environment: {} })
  return answersOf(tare, { a: `docker-archive:${path}` })
}

interface Reply {
  readonly status: number | undefined
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

function ask(address: string, options: { readonly method?: string; readonly host?: string } = {}): Promise<Reply> {
  const { method = 'GET', host = new URL(address).host } = options
  return new Promise((resolve, reject) => {
    request(address, { method, headers: { host } }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () =>
        resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks).toString() }),
      )
    })
      .on('error', reject)
      .end()
  })
}

async function served(...names: readonly string[]): Promise<string> {
  const server = await servePage(await answersAbout(...names))
  onTestFinished(() => server.close())
  return server.address
}

test('the page and its answers are there for who knows the address', async () => {
  const address = await served('etc/motd', 'bin/sh')
  expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[\w-]{32}\/$/)
  const page = await ask(address)
  expect(page).toMatchObject({ status: 200, headers: { 'content-type': 'text/html; charset=utf-8' } })
  expect(page.body).toContain('{"images":1}')
  const contents = await ask(`${address}data/contents/a`)
  expect(contents.status).toBe(200)
  expect(JSON.parse(contents.body).paths.name).toEqual(['', 'bin', 'sh', 'etc', 'motd'])
  expect(JSON.parse((await ask(`${address}data/weigh/a`)).body)).toMatchObject({ wasted: 0, directories: [] })
  expect(JSON.parse((await ask(`${address}data/check/a`)).body).findings).toBeInstanceOf(Array)
  expect((await ask(`${address}data/diff`)).status).toBe(404)
  expect((await ask(`${address}other`)).status).toBe(404)
})

test('who does not know the address, comes by another name or wants more than to read is refused', async () => {
  const address = await served('a')
  const { origin, host, port } = new URL(address)
  for (const path of ['/', '/data/contents/a', `/${'x'.repeat(32)}/`, `/${'x'.repeat(32)}/data/contents/a`])
    expect((await ask(origin + path)).status, path).toBe(403)
  for (const name of [
    'evil.example',
    `evil.example:${port}`,
    `127.0.0.1:${port}.evil.example`,
    '127.0.0.1.evil.example',
    'localhost.evil.example:80',
  ])
    expect((await ask(address, { host: name })).status, name).toBe(421)
  // As through a tunnel from another port.
  for (const name of [`localhost:${port}`, 'localhost:8000', '127.0.0.1:8000'])
    expect((await ask(address, { host: name })).status, name).toBe(200)
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'HEAD'])
    expect(await ask(address, { method }), method).toMatchObject({ status: 405, headers: { allow: 'GET' } })
  expect((await ask(address, { host })).headers).toMatchObject({
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': 'same-origin',
    'content-security-policy': expect.stringMatching(
      /^default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+';.*connect-src 'self';.*frame-ancestors 'none'$/,
    ),
  })
  expect((await ask(address)).headers).not.toHaveProperty('access-control-allow-origin')
})

test('an answer that fails says why, and the others are still there', async () => {
  const made: string[] = []
  const answers: Answers = {
    ...{ images: 1, names: ['contents/a'] },
    ask: (name) => {
      made.push(name)
      return name === 'weigh/a' ? Promise.reject(new Error('the disk is gone')) : Promise.resolve('{}')
    },
  }
  const server = await servePage(answers)
  onTestFinished(() => server.close())
  expect(await ask(`${server.address}data/weigh/a`)).toMatchObject({
    status: 500,
    body: '{"message":"the disk is gone"}',
  })
  expect(await ask(`${server.address}data/contents/a`)).toMatchObject({ status: 200, body: '{}' })
  expect(made).toEqual(['weigh/a', 'contents/a'])
})

test('a page in a file has all answers, and no name in them ends the script', async () => {
  const name = '</script><script>alert(1)<!--'
  const page = await wholePage(await answersAbout(name))
  expect(page).not.toContain('</script><script>alert')
  const [, json] = /<script type="application\/json" id="data">(.*)<\/script>/.exec(page)!
  const { images, gzip } = JSON.parse(json!)
  expect(images).toBe(1)
  const answers = JSON.parse(gunzipSync(Buffer.from(gzip, 'base64')).toString())
  expect(Object.keys(answers)).toEqual(['contents/a', 'weigh/a', 'check/a'])
  // `</script>` is a directory and a name in it.
  expect(answers['contents/a'].paths.name).toEqual(['', '<', 'script><script>alert(1)<!--'])
  expect(page).toMatch(/http-equiv="Content-Security-Policy" content="default-src 'none';.*connect-src 'none'/)
  expect(page).not.toMatch(/(?:src|href)="(?!data:)/)
})

test('a browser is opened where there is a screen', () => {
  const address = 'http://127.0.0.1:1/x/'
  expect(browserCommand(address, {}, 'linux')).toBe(undefined)
  expect(browserCommand(address, { DISPLAY: '' }, 'linux')).toBe(undefined)
  expect(browserCommand(address, { DISPLAY: ':0' }, 'linux')).toEqual(['xdg-open', address])
  expect(browserCommand(address, { WAYLAND_DISPLAY: 'wayland-0' }, 'linux')).toEqual(['xdg-open', address])
  expect(browserCommand(address, {}, 'darwin')).toEqual(['open', address])
  expect(browserCommand(address, {}, 'win32')?.at(-1)).toBe(address)
})
