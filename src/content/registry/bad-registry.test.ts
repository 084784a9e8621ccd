import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { BadRegistry, type BadRegistryOptions, digestOf, type Interference } from '../../../test/kit/bad-registry.ts'
import { type Descriptor, mediaTypes, parseReference } from '../../oci/index.ts'
import { collect, flow } from '../../support/index.ts'
import { targetSuite } from '../suite.ts'
import { openRegistry, type Registry, type RegistryOptions } from './index.ts'

const started: BadRegistry[] = []
const folders: string[] = []
afterEach(() => {
  for (const registry of started.splice(0)) registry.stop()
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

async function start(options: BadRegistryOptions = {}): Promise<BadRegistry> {
  const registry = await BadRegistry.start(options)
  started.push(registry)
  return registry
}

function open(registry: BadRegistry, options: Partial<RegistryOptions> = {}): Registry {
  return openRegistry(registry.host, { repository: 'app', retryDelay: 5, patience: 400, ...options })
}

const bytes = Buffer.alloc(3_000_000, 'all the bytes of a layer, ')
const layer: Descriptor = { mediaType: mediaTypes.layerGzip, digest: digestOf(bytes), size: bytes.length }
const ada = { source: 'the test', user: 'ada', password: 'secret' }

function readLayer(registry: Registry, blob = layer): Promise<Buffer> {
  return registry.open(blob).then((flow) => collect(flow, 1 << 24))
}

/** Interferes with the first `times` requests that begin so. */
function first(times: number, beginning: string, interfere: Interference): Interference {
  let left = times
  return (request, response, registry) =>
    `${request.method} ${request.url}`.startsWith(beginning) && left-- > 0
      ? interfere(request, response, registry)
      : undefined
}

targetSuite('a registry that behaves', async () => open(await start()), { test })
targetSuite('a registry with tokens', async () => open(await start({ auth: 'bearer' }), { credentials: ada }), { test })

test('a connection that breaks is made again, and only the rest is asked for', async () => {
  const ranges: unknown[] = []
  const registry = await start({
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
  expect((await readLayer(open(registry))).equals(bytes)).toBe(true)
  expect(ranges).toHaveLength(4)
  expect(ranges[0]).toBeUndefined()
  expect(ranges.slice(1).every((range) => /^bytes=[1-9]\d*-$/.test(String(range)))).toBe(true)
})

test('a server that answers a question for the rest with the whole is understood', async () => {
  let count = 0
  const registry = await start({
    interfere: (request, response) => {
      if (!request.url!.includes('/blobs/')) return
      response.writeHead(200, { 'Content-Length': bytes.length })
      if (++count > 1) response.end(bytes)
      else response.write(bytes.subarray(0, 1_000_000), () => setTimeout(() => response.destroy(), 20))
      return true
    },
  })
  expect((await readLayer(open(registry))).equals(bytes)).toBe(true)
})

for (const [how, sent] of [
  ['other bytes', Buffer.alloc(bytes.length, 'x')],
  ['too many bytes', Buffer.concat([bytes, Buffer.from('!')])],
  ['too few bytes', bytes.subarray(0, 1000)],
] as const)
  test(`${how} under a digest are refused`, async () => {
    const registry = await start({
      interfere: (request, response) => {
        if (!request.url!.includes('/blobs/')) return
        if (request.headers.range === undefined) response.end(sent)
        else response.writeHead(416).end()
        return true
      },
    })
    await expect(readLayer(open(registry))).rejects.toMatchObject({ code: 'BLOB_CORRUPT' })
  })

test('a chunk that is cut off counts as a broken connection', async () => {
  const registry = await start({
    interfere: first(1, 'GET /v2/app/blobs/', (_, response) => {
      response.socket!.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nall the b')
      setTimeout(() => response.socket!.destroy(), 20)
      return true
    }),
  })
  registry.addBlob(bytes)
  expect((await readLayer(open(registry))).equals(bytes)).toBe(true)
})

test('bursts of 5xx and 429 are waited out, as long as Retry-After says', async () => {
  let count = 0
  const registry = await start({
    interfere: (_, response) => {
      if (++count > 3) return
      response.writeHead(count === 2 ? 429 : 503, count === 2 ? { 'Retry-After': '1' } : {}).end('busy')
      return true
    },
  })
  registry.addBlob(bytes)
  const began = Date.now()
  expect((await readLayer(open(registry))).equals(bytes)).toBe(true)
  expect(Date.now() - began).toBeGreaterThanOrEqual(1000)
})

test('a registry that stays busy is told of in its own words', async () => {
  const registry = await start({
    interfere: (_, response) => {
      response.writeHead(429, { 'Content-Type': 'application/json', 'Retry-After': '86400' })
      response.end('{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your limit\\u001b[2J"}]}')
      return true
    },
  })
  const error: unknown = await readLayer(open(registry)).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'REGISTRY_BUSY', remedy: expect.stringContaining('tare login') })
  expect((error as Error).message).toContain('TOOMANYREQUESTS: You have reached your limit [2J')
  expect(registry.requests).toHaveLength(1)
})

test('a redirect to another host is followed without the Authorization', async () => {
  const storage = await start()
  storage.addBlob(bytes)
  let seen: string | undefined = 'not asked'
  const other = await start({
    interfere: (request) => {
      seen = request.headers.authorization
      return undefined
    },
  })
  other.addBlob(bytes)
  const registry = await start({
    auth: 'basic',
    interfere: (request, response) => {
      if (!request.url!.includes('/blobs/')) return
      expect(request.headers.authorization).toMatch(/^Basic /)
      response.writeHead(307, { Location: `http://${other.host}/v2/x/blobs/${layer.digest}` }).end()
      return true
    },
  })
  expect((await readLayer(open(registry, { credentials: ada }))).equals(bytes)).toBe(true)
  expect(seen).toBeUndefined()
})

test('a circle of redirects ends', async () => {
  const registry = await start({
    interfere: (request, response) => {
      if (!request.url!.includes('/blobs/')) return
      response.writeHead(302, { Location: request.url }).end()
      return true
    },
  })
  await expect(readLayer(open(registry))).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' })
})

test('a token that expires in the middle is fetched anew', async () => {
  const registry = await start({ auth: 'bearer' })
  registry.addBlob(bytes)
  const client = open(registry, { credentials: ada })
  await readLayer(client)
  registry.tokens.clear()
  expect((await readLayer(client)).equals(bytes)).toBe(true)
  expect(registry.countOf('GET /token')).toBe(2)
})

test('an identity token is exchanged for tokens', async () => {
  const registry = await start({ auth: 'bearer' })
  registry.addBlob(bytes)
  const credentials = { source: 'the test', identityToken: 'identity' }
  expect((await readLayer(open(registry, { credentials }))).equals(bytes)).toBe(true)
  expect(registry.countOf('POST /token')).toBe(1)
})

test('a token server that knows only POST gets one', async () => {
  const registry = await start({
    auth: 'bearer',
    interfere: (request, response) => {
      if (!(request.method === 'GET' && request.url!.startsWith('/token'))) return
      response.writeHead(405).end()
      return true
    },
  })
  registry.addBlob(bytes)
  expect((await readLayer(open(registry, { credentials: ada }))).equals(bytes)).toBe(true)
})

test('a wrong password is told with its source, and the secret is not', async () => {
  const registry = await start({ auth: 'bearer' })
  const credentials = { source: '/home/ada/.docker/config.json', user: 'ada', password: 'hunter2' }
  const error = (await readLayer(open(registry, { credentials })).catch((thrown: unknown) => thrown)) as Error
  expect(error).toMatchObject({ code: 'REGISTRY_DENIED' })
  expect(error.message).toContain('incorrect username or password')
  expect(error.message).toContain('/home/ada/.docker/config.json')
  expect(JSON.stringify(error) + error.message).not.toContain('hunter2')
})

test('a server that says nothing, or a byte now and then, is given up', async () => {
  const silent = await start({ interfere: (request) => request.url!.includes('/blobs/') })
  await expect(readLayer(open(silent, { patience: 60, attempts: 2 }))).rejects.toMatchObject({
    code: 'REGISTRY_UNREACHABLE',
    message: expect.stringContaining('sent nothing for 0.06 seconds'),
  })
  const slow = await start({
    interfere: (request, response) => {
      if (!request.url!.includes('/blobs/')) return
      response.writeHead(200)
      const timer = setInterval(() => response.write('x'), 20)
      response.on('close', () => clearInterval(timer))
      return true
    },
  })
  await expect(readLayer(open(slow, { patience: 100, attempts: 2 }), { ...layer, size: 200 })).rejects.toThrow()
})

test('a manifest without end is not read to its end', async () => {
  const registry = await start({
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
  await expect(open(registry, { patience: 5000 }).open(blob)).rejects.toMatchObject({ code: 'MANIFEST_INVALID' })
})

test('tags that come in pages without end are given up', async () => {
  const registry = await start({
    interfere: (request, response) => {
      if (!request.url!.includes('/tags/')) return
      response.writeHead(200, { Link: '</v2/app/tags/list?last=a>; rel="next"' }).end('{"tags":["a"]}')
      return true
    },
  })
  await expect(open(registry).tags()).rejects.toMatchObject({ code: 'REGISTRY_INVALID' })
})

test('an upload whose connection breaks goes on where the registry stopped', async () => {
  let cut = 0
  const registry = await start({
    interfere: first(1, 'PUT /v2/app/blobs/uploads/', async (request, _, bad) => {
      const id = /uploads\/(\d+)/.exec(request.url!)![1]!
      for await (const chunk of request) {
        bad.uploads.set(id, Buffer.concat([bad.uploads.get(id)!, chunk as Buffer]))
        cut = bad.uploads.get(id)!.length
        // Leaving the loop ends the connection.
        if (cut > 1_000_000) break
      }
      return true
    }),
  })
  const opened: number[] = []
  const source = {
    open: async (from: number) => {
      opened.push(from)
      return flow(...slices(bytes.subarray(from)))
    },
  }
  expect(await open(registry).upload(layer, source)).toBe('uploaded')
  expect(opened).toEqual([0, cut])
  expect(registry.blobs.get(layer.digest)!.equals(bytes)).toBe(true)
})

test('an upload whose session is lost begins again', async () => {
  const registry = await start({
    interfere: first(1, 'PUT /v2/app/blobs/uploads/', (request, _, bad) => {
      bad.uploads.clear()
      request.socket.destroy()
      return true
    }),
  })
  expect(await open(registry).upload(layer, { open: async (from) => flow(bytes.subarray(from)) })).toBe('uploaded')
  expect(registry.blobs.get(layer.digest)!.equals(bytes)).toBe(true)
  expect(registry.countOf('POST')).toBe(2)
})

test('an upload whose token expires is sent again with a new one', async () => {
  const registry = await start({
    auth: 'bearer',
    interfere: first(1, 'PUT /v2/app/blobs/uploads/', (_, __, bad) => {
      bad.tokens.clear()
      return undefined
    }),
  })
  const client = open(registry, { credentials: ada })
  expect(await client.upload(layer, { open: async (from) => flow(...slices(bytes.subarray(from))) })).toBe('uploaded')
  expect(registry.blobs.has(layer.digest)).toBe(true)
})

test('an upload of which only the answer is lost is not repeated', async () => {
  const registry = await start({
    interfere: first(1, 'PUT /v2/app/blobs/uploads/', async (request, _, bad) => {
      for await (const _chunk of request);
      bad.addBlob(bytes)
      request.socket.destroy()
      return true
    }),
  })
  expect(await open(registry).upload(layer, { open: async () => flow(bytes) })).toBe('uploaded')
  expect(registry.countOf('PUT')).toBe(1)
})

const small = { mediaType: mediaTypes.layerGzip, digest: digestOf(Buffer.from('small')), size: 5 }
const putSmall = (registry: Registry) => registry.put(small, async () => flow(Buffer.from('small')))
const again = { open: async (from: number) => flow(...slices(bytes.subarray(from))) }

for (const [what, beginning] of [
  ['the beginning of an upload', 'POST /v2/app/blobs/uploads/'],
  ['an upload', 'PUT /v2/app/blobs/uploads/'],
  ['a manifest', 'PUT /v2/app/manifests/'],
] as const)
  for (const [status, header] of [
    [429, { 'Retry-After': '1' }],
    [503, {}],
  ] as const)
    test(`${what} that is answered by a burst of ${status} is sent again, not sooner than it may be`, async () => {
      const registry = await start({
        interfere: first(2, beginning, (_, response) => {
          response.writeHead(status, header).end('later')
          return true
        }),
      })
      const client = open(registry)
      const began = Date.now()
      expect(await client.upload(layer, again)).toBe('uploaded')
      await putSmall(client)
      const json = Buffer.from('{"schemaVersion":2}')
      const blob = { mediaType: mediaTypes.manifest, digest: digestOf(json), size: json.length }
      await client.put(blob, async () => flow(json))
      expect(Date.now() - began).toBeGreaterThanOrEqual(status === 429 ? 2000 : 0)
      expect(registry.blobs.get(layer.digest)!.equals(bytes)).toBe(true)
      expect(registry.manifests.get(blob.digest)!.bytes.equals(json)).toBe(true)
    })

test('a registry that keeps another manifest than was sent is not believed', async () => {
  const registry = await start({
    interfere: (request, response) => {
      if (request.method !== 'PUT' || !request.url!.includes('/manifests/')) return
      response.writeHead(201, { 'Docker-Content-Digest': layer.digest }).end()
      return true
    },
  })
  const json = Buffer.from('{"schemaVersion":2}')
  const blob = { mediaType: mediaTypes.manifest, digest: digestOf(json), size: json.length }
  await expect(open(registry).put(blob, async () => flow(json))).rejects.toMatchObject({
    code: 'REGISTRY_INVALID',
    message: expect.stringContaining(`keeps it as ${layer.digest}`),
  })
})

test('bytes that are not those of their digest are not sent, or not taken, and that is told', async () => {
  const registry = await start()
  const wrong = { ...small, digest: digestOf(Buffer.from('other')) }
  await expect(open(registry).put(wrong, async () => flow(Buffer.from('small')))).rejects.toMatchObject({
    code: 'BLOB_CORRUPT',
  })
  expect(registry.countOf('PUT')).toBe(0)
  const sent = open(registry).upload(wrong, { open: async () => flow(Buffer.from('small')) })
  await expect(sent).rejects.toMatchObject({
    code: 'REGISTRY_REFUSED',
    message: expect.stringContaining('DIGEST_INVALID: provided digest did not match'),
  })
  expect(registry.blobs.size).toBe(0)
})

test('an answer that is cut off while an upload begins is asked for again', async () => {
  const registry = await start({
    interfere: first(2, 'POST /v2/app/blobs/uploads/', (_, response) => {
      response.socket!.end('HTTP/1.1 202 Accepted\r\nLocation: /v2/app/blo')
      return true
    }),
  })
  await putSmall(open(registry))
  expect(registry.blobs.has(small.digest)).toBe(true)
})

test('an upload that is sent to another host goes there without the Authorization', async () => {
  const seen: unknown[] = []
  const storage = await start({
    interfere: async (request, response) => {
      seen.push(request.headers.authorization)
      for await (const _chunk of request);
      response.writeHead(201).end()
      return true
    },
  })
  for (const auth of ['basic', 'bearer'] as const) {
    const registry = await start({
      auth,
      interfere: (request, response) => {
        if (request.method !== 'POST' || request.headers.authorization === undefined) return
        response.writeHead(202, { Location: `http://${storage.host}/put-it-here?x=1` }).end()
        return true
      },
    })
    expect(await open(registry, { credentials: ada }).upload(layer, again)).toBe('uploaded')
  }
  expect(seen).toEqual([undefined, undefined])
})

test('a registry that never answers an upload, or hardly takes it, is given up', async () => {
  const silent = await start({ interfere: (request) => request.method === 'PUT' })
  const never = open(silent, { patience: 100, attempts: 2 }).upload(layer, again)
  await expect(never).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' })
  const slow = await start({
    interfere: (request) => {
      if (request.method !== 'PUT') return
      request.socket.pause()
      const timer = setInterval(() => {
        // A little is let in, so that the connection is never quite still.
        request.socket.resume()
        setImmediate(() => request.socket.pause())
      }, 30)
      request.socket.on('close', () => clearInterval(timer))
      return true
    },
  })
  const large = Buffer.alloc(64 << 20)
  const blob = { ...layer, digest: digestOf(large), size: large.length }
  const trickled = open(slow, { patience: 200, attempts: 1 }).upload(blob, { open: async () => flow(...slices(large)) })
  await expect(trickled).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' })
})

test('an answer whose head comes byte by byte is given up', async () => {
  const registry = await start({
    interfere: (request, response) => {
      if (!request.url!.includes('/blobs/')) return
      response.socket!.write('HTTP/1.1 200 OK\r\nX-Long: ')
      const timer = setInterval(() => response.socket!.write('x'), 20)
      response.socket!.on('close', () => clearInterval(timer))
      return true
    },
  })
  await expect(readLayer(open(registry, { patience: 100, attempts: 2 }))).rejects.toMatchObject({
    code: 'REGISTRY_UNREACHABLE',
    message: expect.stringContaining('did next to nothing'),
  })
})

test('a refusal without end is not read to its end', async () => {
  const registry = await start({
    interfere: (request, response) => {
      if (request.method !== 'PUT') return
      response.writeHead(400)
      const more = (): void => {
        if (!response.destroyed) response.write(Buffer.alloc(1 << 16, 'no '), () => setImmediate(more))
      }
      more()
      return true
    },
  })
  await expect(putSmall(open(registry, { patience: 5000 }))).rejects.toMatchObject({ code: 'REGISTRY_REFUSED' })
})

test('a link to the next page that is larger than any head may be is given up', async () => {
  const registry = await start({
    interfere: (request, response) => {
      if (!request.url!.includes('/tags/')) return
      response
        .writeHead(200, { Link: `</v2/app/tags/list?last=${'a'.repeat(100_000)}>; rel="next"` })
        .end('{"tags":[]}')
      return true
    },
  })
  await expect(open(registry).tags()).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' })
})

test('nobody listening is told at once', async () => {
  const registry = await start()
  registry.stop()
  await new Promise((resolve) => setTimeout(resolve, 20))
  const began = Date.now()
  await expect(open(registry, { retryDelay: 1000 }).resolve(parseReference('x/app:1'))).rejects.toMatchObject({
    code: 'REGISTRY_UNREACHABLE',
    message: expect.stringContaining('nobody is listening'),
  })
  expect(Date.now() - began).toBeLessThan(900)
})

test('credentials come from docker config, podman auth.json and helpers, in that order', async () => {
  const { findCredentials } = await import('./index.ts')
  const home = mkdtempSync(join(tmpdir(), 'tare-home-'))
  folders.push(home)
  const file = (path: string, value: unknown, mode = 0o600) => {
    mkdirSync(join(home, path, '..'), { recursive: true })
    writeFileSync(join(home, path), typeof value === 'string' ? value : JSON.stringify(value), { mode })
  }
  const auth = (text: string) => ({ auth: Buffer.from(text).toString('base64') })
  const environment = { HOME: home, PATH: `${join(home, 'bin')}:${process.env['PATH']}` }
  expect(await findCredentials('example.com', 'app', environment)).toBeUndefined()
  file('.config/containers/auth.json', {
    auths: { 'example.com/team': auth('team:t'), 'example.com': auth('podman:p:with:colons') },
  })
  expect(await findCredentials('example.com', 'team/app', environment)).toMatchObject({ user: 'team', password: 't' })
  expect(await findCredentials('example.com', 'app', environment)).toMatchObject({ password: 'p:with:colons' })
  file('.docker/config.json', {
    auths: { 'https://example.com/v1/': auth('docker:d'), 'https://index.docker.io/v1/': { identitytoken: 'i' } },
    credHelpers: { 'helped.example': 'tested' },
  })
  expect(await findCredentials('example.com', 'app', environment)).toMatchObject({ user: 'docker' })
  expect(await findCredentials('docker.io', 'library/alpine', environment)).toMatchObject({ identityToken: 'i' })
  await expect(findCredentials('helped.example', 'app', environment)).rejects.toMatchObject({
    code: 'CREDENTIALS_INVALID',
    message: expect.stringContaining('is not installed'),
  })
  const script = '#!/bin/sh\nread server\nprintf \'{"Username":"of %s","Secret":"s"}\' "$server"\n'
  file('bin/docker-credential-tested', script, 0o755)
  expect(await findCredentials('helped.example', 'app', environment)).toMatchObject({ user: 'of helped.example' })
  file('.docker/config.json', 'nonsense')
  await expect(findCredentials('example.com', 'app', environment)).rejects.toMatchObject({
    code: 'CREDENTIALS_INVALID',
  })
})

function slices(whole: Buffer): Buffer[] {
  return Array.from({ length: Math.ceil(whole.length / 65_536) }, (_, i) =>
    whole.subarray(i * 65_536, (i + 1) * 65_536),
  )
}

test('a registry that does not let images be removed is told apart', async () => {
  const registry = await start({
    interfere: (request, response) => {
      if (request.method !== 'DELETE') return
      response.writeHead(405).end('{"errors":[{"code":"UNSUPPORTED","message":"The operation is unsupported."}]}')
      return true
    },
  })
  await expect(open(registry).remove(digestOf(Buffer.from('x')))).rejects.toMatchObject({
    code: 'REGISTRY_REFUSED',
    message: expect.stringContaining('405'),
    remedy: expect.stringContaining('may allow it'),
  })
})
