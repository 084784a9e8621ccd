import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { digestOf } from '../../../test/kit/bad-registry.ts'
import { ada, bytes, first, layer, openBad, startBad } from '../../../test/kit/bad-registry-client.ts'
import { keeps } from '../../../test/kit/keeps.ts'
import { mediaTypes, parseReference } from '../../oci/index.ts'
import { collect } from '../../support/index.ts'
import { targetSuite } from '../suite.ts'
import type { Registry } from './index.ts'

function readLayer(registry: Registry, blob = layer): Promise<Buffer> {
  return registry.open(blob).then((flow) => collect(flow, 1 << 24))
}

targetSuite('a registry that behaves', async () => openBad(await startBad()), { test: keeps })
targetSuite('a registry with tokens', async () => openBad(await startBad({ auth: 'bearer' }), { credentials: ada }), {
  test: keeps,
})

test('a connection that breaks is made again, and only the rest is asked for', async () => {
  const ranges: unknown[] = []
  const registry = await startBad({
    interfere: (request, response) => {
      if (!request.url!.includes('/blobs/')) return
      ranges.push(request.headers.range)
      if (ranges.length > 3) return
      const from = Number(/(\d+)/.exec(String(request.headers.range ?? '0'))![1])
      response.writeHead(from === 0 ? 200 : 206, {
        'Content-Length': bytes.length - from,
        'Content-Range': `bytes ${from}-${bytes.length - 1}/${bytes.length}`,
      })
      response.write(bytes.subarray(from, from + 700_000), () => setTimeout(() => response.destroy(), 20))
      return true
    },
  })
  registry.addBlob(bytes)
  expect((await readLayer(openBad(registry))).equals(bytes)).toBe(true)
  expect(ranges).toHaveLength(4)
  expect(ranges[0]).toBeUndefined()
  expect(ranges.slice(1).every((range) => /^bytes=[1-9]\d*-$/.test(String(range)))).toBe(true)
})

test.each([{}, { 'Content-Range': `bytes */${bytes.length}` }])(
  'a server that refuses every question for the rest is asked for the whole (%j)',
  async (headers) => {
    const ranges: unknown[] = []
    const registry = await startBad({
      interfere: (request, response) => {
        if (!request.url!.includes('/blobs/')) return
        ranges.push(request.headers.range)
        if (request.headers.range !== undefined) response.writeHead(416, headers).end()
        else if (ranges.length > 1) response.end(bytes)
        else {
          response.writeHead(200, { 'Content-Length': bytes.length, 'Accept-Ranges': 'bytes' })
          response.write(bytes.subarray(0, 1_000_000), () => setTimeout(() => response.destroy(), 20))
        }
        return true
      },
    })
    registry.addBlob(bytes)
    expect((await readLayer(openBad(registry))).equals(bytes)).toBe(true)
    expect(ranges).toHaveLength(3)
  },
)

test('a manifest that comes compressed for the way is read, and a blob that is called so is taken as it is', async () => {
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.manifest, layers: [] }))
  for (const encoding of ['gzip', 'GZIP']) {
    const registry = await startBad({
      interfere: (request, response) => {
        const isBlob = request.url!.includes('/blobs/')
        if (request.method === 'HEAD' || !(isBlob || request.url!.includes('/manifests/'))) return
        const type = isBlob ? 'application/octet-stream' : mediaTypes.manifest
        response.writeHead(200, { 'Content-Type': type, 'Content-Encoding': encoding })
        response.end(isBlob ? bytes : gzipSync(manifest))
        return true
      },
    })
    const client = openBad(registry)
    const found = await client.resolve(parseReference(`${registry.host}/app:1`))
    expect(found).toMatchObject({ digest: digestOf(manifest), size: manifest.length })
    expect((await readLayer(client)).equals(bytes)).toBe(true)
  }
})

test('a server that answers a question for the rest with the whole is understood', async () => {
  let count = 0
  const registry = await startBad({
    interfere: (request, response) => {
      if (!request.url!.includes('/blobs/')) return
      response.writeHead(200, { 'Content-Length': bytes.length })
      if (++count > 1) response.end(bytes)
      else response.write(bytes.subarray(0, 1_000_000), () => setTimeout(() => response.destroy(), 20))
      return true
    },
  })
  expect((await readLayer(openBad(registry))).equals(bytes)).toBe(true)
})

for (const [how, sent] of [
  ['other bytes', Buffer.alloc(bytes.length, 'x')],
  ['too many bytes', Buffer.concat([bytes, Buffer.from('!')])],
  ['too few bytes', bytes.subarray(0, 1000)],
] as const)
  test(`${how} under a digest are refused`, async () => {
    const registry = await startBad({
      interfere: (request, response) => {
        if (!request.url!.includes('/blobs/')) return
        if (request.headers.range === undefined) response.end(sent)
        else response.writeHead(416).end()
        return true
      },
    })
    await expect(readLayer(openBad(registry))).rejects.toMatchObject({ code: 'BLOB_CORRUPT' })
  })

test('a chunk that is cut off counts as a broken connection', async () => {
  const registry = await startBad({
    interfere: first(1, 'GET /v2/app/blobs/', (_, response) => {
      response.socket!.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nall the b')
      setTimeout(() => response.socket!.destroy(), 20)
      return true
    }),
  })
  registry.addBlob(bytes)
  expect((await readLayer(openBad(registry))).equals(bytes)).toBe(true)
})

test('bursts of 5xx and 429 are waited out, as long as Retry-After says', async () => {
  let count = 0
  const registry = await startBad({
    interfere: (_, response) => {
      if (++count > 3) return
      response.writeHead(count === 2 ? 429 : 503, count === 2 ? { 'Retry-After': '1' } : {}).end('busy')
      return true
    },
  })
  registry.addBlob(bytes)
  const began = performance.now()
  expect((await readLayer(openBad(registry))).equals(bytes)).toBe(true)
  // A timer may be early by a millisecond.
  expect(performance.now() - began).toBeGreaterThan(990)
})

test('a registry that stays busy is reported in its own words', async () => {
  const registry = await startBad({
    interfere: (_, response) => {
      response.writeHead(429, { 'Content-Type': 'application/json', 'Retry-After': '86400' })
      response.end('{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your limit\\u001b[2J"}]}')
      return true
    },
  })
  const error: unknown = await readLayer(openBad(registry)).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'REGISTRY_BUSY', remedy: expect.stringContaining('tare login') })
  expect((error as Error).message).toContain('TOOMANYREQUESTS: You have reached your limit [2J')
  expect(registry.requests).toHaveLength(1)
})

test('a redirect to another host is followed without the Authorization', async () => {
  const storage = await startBad()
  storage.addBlob(bytes)
  let seen: string | undefined = 'not asked'
  const other = await startBad({
    interfere: (request) => {
      seen = request.headers.authorization
      return undefined
    },
  })
  other.addBlob(bytes)
  const registry = await startBad({
    auth: 'basic',
    interfere: (request, response) => {
      if (!request.url!.includes('/blobs/')) return
      expect(request.headers.authorization).toMatch(/^Basic /)
      response.writeHead(307, { Location: `http://${other.host}/v2/x/blobs/${layer.digest}` }).end()
      return true
    },
  })
  expect((await readLayer(openBad(registry, { credentials: ada }))).equals(bytes)).toBe(true)
  expect(seen).toBeUndefined()
})

test('a circle of redirects ends', async () => {
  const registry = await startBad({
    interfere: (request, response) => {
      if (!request.url!.includes('/blobs/')) return
      response.writeHead(302, { Location: request.url }).end()
      return true
    },
  })
  await expect(readLayer(openBad(registry))).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' })
})

test('a server that says nothing, or a byte now and then, is given up', async () => {
  const silent = await startBad({ interfere: (request) => request.url!.includes('/blobs/') })
  await expect(readLayer(openBad(silent, { idleTimeout: 60, attempts: 2 }))).rejects.toMatchObject({
    code: 'REGISTRY_UNREACHABLE',
    message: expect.stringContaining('sent nothing for 0.06 seconds'),
  })
  const slow = await startBad({
    interfere: (request, response) => {
      if (!request.url!.includes('/blobs/')) return
      response.writeHead(200)
      const timer = setInterval(() => response.write('x'), 20)
      response.on('close', () => clearInterval(timer))
      return true
    },
  })
  await expect(readLayer(openBad(slow, { idleTimeout: 100, attempts: 2 }), { ...layer, size: 200 })).rejects.toThrow()
})

test('a manifest without end is not read to its end', async () => {
  const registry = await startBad({
    interfere: (request, response) => {
      if (!request.url!.includes('/manifests/') || request.method === 'HEAD') return
      const more = (): void => {
        if (!response.destroyed) response.write(Buffer.alloc(1 << 16, ' '), () => setImmediate(more))
      }
      more()
      return true
    },
  })
  const { digest, size } = registry.addManifest(mediaTypes.manifest, {}, 'endless')
  const blob = { mediaType: mediaTypes.manifest, digest, size }
  await expect(openBad(registry, { idleTimeout: 5000 }).open(blob)).rejects.toMatchObject({ code: 'MANIFEST_INVALID' })
})

for (const page of ['<html>', '\n  <!DOCTYPE html>', '\ufeff<html>'])
  test(`a page for people (${JSON.stringify(page)}) in the place of a manifest is told as that`, async () => {
    const registry = await startBad({
      interfere: (request, response) => {
        if (!request.url!.includes('/manifests/')) return
        response.writeHead(200, { 'Content-Type': 'text/html' }).end(page)
        return true
      },
    })
    const { digest, size } = registry.addManifest(mediaTypes.manifest, {}, 'page')
    const told = {
      code: 'REGISTRY_INVALID',
      message: expect.stringMatching(/^cannot read the manifest .* answers with a web page$/),
    }
    const bad = openBad(registry)
    await expect(bad.open({ mediaType: mediaTypes.manifest, digest, size })).rejects.toMatchObject(told)
    await expect(bad.resolve(parseReference('localhost/app:page'))).rejects.toMatchObject(told)
  })

test('a manifest that is no JSON is told by the name of the image', async () => {
  const registry = await startBad({
    interfere: (request, response) => {
      if (!request.url!.includes('/manifests/')) return
      response.writeHead(200, { 'Content-Type': mediaTypes.manifest }).end('welcome')
      return true
    },
  })
  await expect(openBad(registry).resolve(parseReference('localhost/app:text'))).rejects.toMatchObject({
    code: 'MANIFEST_INVALID',
    message: expect.stringMatching(/^the manifest of localhost\/app:text is not JSON/),
  })
})

test('tags that come in pages without end are given up', async () => {
  const registry = await startBad({
    interfere: (request, response) => {
      if (!request.url!.includes('/tags/')) return
      response.writeHead(200, { Link: '</v2/app/tags/list?last=a>; rel="next"' }).end('{"tags":["a"]}')
      return true
    },
  })
  await expect(openBad(registry).tags()).rejects.toMatchObject({ code: 'REGISTRY_INVALID' })
})

test('an answer whose head comes byte by byte is given up', async () => {
  const registry = await startBad({
    interfere: (request, response) => {
      if (!request.url!.includes('/blobs/')) return
      response.socket!.write('HTTP/1.1 200 OK\r\nX-Long: ')
      const timer = setInterval(() => response.socket!.write('x'), 20)
      response.socket!.on('close', () => clearInterval(timer))
      return true
    },
  })
  const failure = (idleTimeout: number): Promise<Error> =>
    readLayer(openBad(registry, { idleTimeout, attempts: 2 })).then(
      () => new Error('it was read'),
      (error) => error,
    )
  // A machine that is busy may keep the server from sending a byte in time.
  let error = await failure(100)
  for (let time = 200; error.message.includes('sent nothing'); time *= 2) error = await failure(time)
  expect(error).toMatchObject({
    code: 'REGISTRY_UNREACHABLE',
    message: expect.stringContaining('was nearly idle'),
  })
})

test('a link to the next page that is larger than any head may be is given up', async () => {
  const registry = await startBad({
    interfere: (request, response) => {
      if (!request.url!.includes('/tags/')) return
      response
        .writeHead(200, { Link: `</v2/app/tags/list?last=${'a'.repeat(100_000)}>; rel="next"` })
        .end('{"tags":[]}')
      return true
    },
  })
  await expect(openBad(registry).tags()).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' })
})

test('a refused connection is reported at once', async () => {
  const registry = await startBad()
  registry.stop()
  // Another try would come after the test has run out of time.
  await expect(openBad(registry, { retryDelay: 1_000_000 }).resolve(parseReference('x/app:1'))).rejects.toMatchObject({
    code: 'REGISTRY_UNREACHABLE',
    message: expect.stringContaining('connection refused'),
  })
})

test('a registry that does not let images be removed is told apart', async () => {
  const registry = await startBad({
    interfere: (request, response) => {
      if (request.method !== 'DELETE') return
      response.writeHead(405).end('{"errors":[{"code":"UNSUPPORTED","message":"The operation is unsupported."}]}')
      return true
    },
  })
  await expect(openBad(registry).remove({ ...layer, digest: digestOf(Buffer.from('x')) })).rejects.toMatchObject({
    code: 'REGISTRY_REFUSED',
    message: expect.stringContaining('405'),
    remedy: expect.stringContaining('can allow it'),
  })
})
