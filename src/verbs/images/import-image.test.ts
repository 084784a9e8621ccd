import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { faultsOf } from '../../../test/kit/check-store.ts'
import { hostBench } from '../../../test/kit/hosts.ts'
import { serve } from '../../../test/kit/serve.ts'
import { tarOf } from '../../../test/kit/tiny-archive.ts'
import { flow, sha256 } from '../../support/index.ts'
import { importImage } from './import-image.ts'
import { inspect } from './inspect.ts'

const tar = tarOf({ 'etc/motd': 'hello', sh: { symlink: 'busybox' } })
const from = { bytes: flow(tar) }

test('a root filesystem is an image of one layer with just its bytes, compressed or not', async () => {
  for (const bytes of [tar, gzipSync(tar)]) {
    const { host, store } = hostBench()
    const id = await importImage(host, { from: { bytes: flow(bytes) }, name: 'root:1', message: 'mine' })
    const details = await inspect(host, 'root:1')
    expect(details).toMatchObject({
      Id: id,
      RepoTags: ['root:1'],
      Comment: 'mine',
      Architecture: 'amd64',
      Os: 'linux',
      Size: 5,
      RootFS: { Layers: [sha256(tar)] },
    })
    expect(details.Config).toEqual({})
    expect(await faultsOf(store.home)).toEqual([])
  }
})

test('changes make the config, as the instructions of a Dockerfile do', async () => {
  const { host } = hostBench()
  const changes = [
    'ENV A=1 B="$A 2"',
    'CMD ["/sh"]',
    'ENTRYPOINT run',
    'EXPOSE 80 53/udp',
    'LABEL l=1',
    'STOPSIGNAL SIGINT',
    'USER me',
    'VOLUME /v',
    'WORKDIR /w',
    'ONBUILD RUN x',
    'HEALTHCHECK --retries=3 CMD ok',
  ]
  await importImage(host, { from, name: 'root', changes, platform: 'linux/arm64' })
  const { Config, Architecture } = await inspect(host, 'root')
  expect(Architecture).toBe('arm64')
  expect(Config).toMatchObject({
    User: 'me',
    ExposedPorts: { '53/udp': {}, '80/tcp': {} },
    Env: ['A=1', 'B= 2'],
    Entrypoint: ['/bin/sh', '-c', 'run'],
    Cmd: ['/sh'],
    Volumes: { '/v': {} },
    WorkingDir: '/w',
    Labels: { l: '1' },
    StopSignal: 'SIGINT',
    Healthcheck: { Test: ['CMD-SHELL', 'ok'], Retries: 3 },
    OnBuild: ['RUN x'],
  })
})

test.each([
  [['RUN x'], 'CHANGE_INVALID'],
  [['COPY a /'], 'CHANGE_INVALID'],
  [['CMD ["x"]', 'ARG a=1'], 'CHANGE_INVALID'],
  [['FROM other'], 'CHANGE_INVALID'],
  [['SHELL ["x"]'], 'CHANGE_INVALID'],
  [['NOSUCH x'], 'DOCKERFILE_UNKNOWN_INSTRUCTION'],
  [['STOPSIGNAL NONE'], 'DOCKERFILE_SIGNAL'],
])('%j is no change', async (changes, code) => {
  const { host, store } = hostBench()
  await expect(importImage(host, { from, changes })).rejects.toMatchObject({ code })
  expect(store.entries()).toEqual([])
})

test('anything but a root filesystem is rejected, and nothing is kept', async () => {
  const { host, store, folder } = hostBench()
  const cases: readonly [Parameters<typeof importImage>[1]['from'], RegExp][] = [
    [{ path: join(folder, 'nothing') }, /^ARCHIVE_MISSING$/],
    [{ path: folder }, /^ARCHIVE_MISSING$/],
    [{ bytes: flow(gzipSync(tar).subarray(0, 50)) }, /^ARCHIVE_CORRUPT$/],
    [{ bytes: flow(tar.subarray(0, 515)) }, /^TAR_/],
    [{ bytes: flow(tarOf({ '../../x': '' })) }, /^LAYER_PATH_ESCAPES$/],
  ]
  for (const [from, code] of cases)
    await expect(importImage(host, { from, name: 'x' })).rejects.toMatchObject({ code: expect.stringMatching(code) })
  expect(store.entries()).toEqual([])
  expect(await faultsOf(store.home)).toEqual([])
})

test('an invalid name or platform is reported before anything is read', async () => {
  const { host } = hostBench()
  const never = {
    bytes: (async function* () {
      yield* []
      throw new Error('this was read')
    })(),
  }
  await expect(importImage(host, { from: never, name: 'UPPER' })).rejects.toMatchObject({ code: 'REFERENCE_INVALID' })
  await expect(importImage(host, { from: never, platform: 'a/b/c/d' })).rejects.toMatchObject({
    code: 'PLATFORM_INVALID',
  })
})

test('a limit of the environment holds for what is imported', async () => {
  const { host, folder } = hostBench({ TARE_UNPACK_LIMIT: '2000' })
  const path = join(folder, 'big.tar.gz')
  writeFileSync(path, gzipSync(tarOf({ big: Buffer.alloc(5000) })))
  await expect(importImage(host, { from: { path } })).rejects.toMatchObject({ code: 'ARCHIVE_BOMB' })
})

test.each([
  ['plain', tar],
  ['in gzip', gzipSync(tar)],
])(
  'a root filesystem comes from an address, %s, and its history tells of it without the password',
  async (_, bytes) => {
    const address = await serve((request, response) => {
      if (request.url === '/old') response.writeHead(302, { Location: '/new' }).end()
      else response.end(bytes)
    })
    const { host } = hostBench()
    const url = `${address}/old`
    await importImage(host, { from: { url }, name: 'root:1' })
    expect(await inspect(host, 'root:1')).toMatchObject({
      Comment: `Imported from ${url}`,
      RootFS: { Layers: [sha256(tar)] },
    })
    await importImage(host, { from: { url: url.replace('://', '://ada:secret@') }, name: 'root:2' })
    expect(await inspect(host, 'root:2')).toMatchObject({ Comment: `Imported from ${url}` })
    await importImage(host, { from: { url }, name: 'root:3', message: 'mine', platform: 'linux/s390x' })
    expect(await inspect(host, 'root:3')).toMatchObject({ Comment: 'mine', Architecture: 's390x' })
  },
)

test('what breaks off on its way is fetched again, and only once it is whole there is an image', async () => {
  let count = 0
  const address = await serve((_, response) => {
    response.writeHead(200, { 'Content-Length': tar.length })
    if (count++ > 0) response.end(tar)
    else response.write(tar.subarray(0, 700), () => setTimeout(() => response.destroy(), 20))
  })
  const { host } = hostBench()
  await importImage(host, { from: { url: `${address}/a.tar` }, name: 'root:1' })
  expect(count).toBe(2)
  expect(await inspect(host, 'root:1')).toMatchObject({ RootFS: { Layers: [sha256(tar)] } })
})

test.each([
  ['a page', 200, '<!doctype html><title>Not found</title>', /^(?:TAR|LAYER)_/],
  ['half of a tar', 200, tarOf({ f: 'x'.repeat(5000) }).subarray(0, 1000), /^(?:TAR|LAYER)_/],
  ['that there is none', 404, '', /^DOWNLOAD_FAILED$/],
  ['that it may not be had', 403, '', /^DOWNLOAD_FAILED$/],
])('an address that answers with %s gives no image', async (_, status, body, code) => {
  const address = await serve((__, response) => void response.writeHead(status).end(body))
  const { host, store } = hostBench()
  await expect(importImage(host, { from: { url: `${address}/a.tar` } })).rejects.toMatchObject({
    code: expect.stringMatching(code),
  })
  expect(await faultsOf(store.home)).toEqual([])
  expect(store.entries()).toEqual([])
})

test.each(['ftp://example.com/a.tar', 'file:///etc/passwd', 'a.tar', 'http:///x/a.tar'])(
  '%s is no address',
  async (url) => {
    await expect(importImage(hostBench().host, { from: { url } })).rejects.toMatchObject({ code: 'OPTION_INVALID' })
  },
)
