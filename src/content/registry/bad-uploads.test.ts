import { expect, test } from 'vitest'
import { digestOf } from '../../../test/kit/bad-registry.ts'
import { ada, bytes, first, layer, openBad, startBad } from '../../../test/kit/bad-registry-client.ts'
import { mediaTypes } from '../../oci/index.ts'
import { collect, flow } from '../../support/index.ts'
import type { Registry } from './index.ts'

test('an upload whose connection breaks goes on where the registry stopped', async () => {
  let cut = 0
  const registry = await startBad({
    interfere: first(1, 'PUT /v2/app/blobs/uploads/', async (request, _, bad) => {
      const id = /uploads\/(\d+)/.exec(request.url!)![1]!
      const { socket } = request
      for await (const chunk of request) {
        bad.uploads.set(id, Buffer.concat([bad.uploads.get(id)!, chunk as Buffer]))
        cut = bad.uploads.get(id)!.length
        if (cut > 1_000_000) break
      }
      socket.destroy()
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
  expect(await openBad(registry).upload(layer, source)).toBe('uploaded')
  expect(opened).toEqual([0, cut])
  expect(registry.blobs.get(layer.digest)!.equals(bytes)).toBe(true)
})

test('an upload of which all bytes arrived, and which the registry did not complete, is completed', async () => {
  const registry = await startBad({
    interfere: first(1, 'PUT /v2/app/blobs/uploads/', async (request, _, bad) => {
      const id = /uploads\/(\d+)/.exec(request.url!)![1]!
      const { socket } = request
      bad.uploads.set(id, await collect(request, bytes.length))
      socket.destroy()
      return true
    }),
  })
  expect(await openBad(registry).upload(layer, again)).toBe('uploaded')
  expect(registry.blobs.get(layer.digest)!.equals(bytes)).toBe(true)
  expect(registry.countOf('PUT')).toBe(2)
})

test('a registry that never makes a blob of what it was sent is given up, also over a network that breaks', async () => {
  let cuts = 0
  const registry = await startBad({
    interfere: async (request, response, bad) => {
      if (request.method !== 'PUT' && request.method !== 'PATCH') return
      const id = /uploads\/(\d+)/.exec(request.url!)![1]!
      const { socket } = request
      // Half of it, and no more.
      if (request.headers['content-range'] === undefined && !bad.uploads.get(id)!.length) {
        cuts++
        for await (const chunk of request) {
          bad.uploads.set(id, Buffer.concat([bad.uploads.get(id)!, chunk as Buffer]))
          if (bad.uploads.get(id)!.length > bytes.length / 2) break
        }
        socket.destroy()
        return true
      }
      if (request.method === 'PATCH') return
      response.writeHead(400).end('{"errors":[{"code":"DIGEST_INVALID"}]}')
      return true
    },
  })
  await expect(openBad(registry).upload(layer, again)).rejects.toMatchObject({ code: 'REGISTRY_REFUSED' })
  expect(cuts).toBe(20)
})

test('an upload whose session is lost begins again', async () => {
  const registry = await startBad({
    interfere: first(1, 'PUT /v2/app/blobs/uploads/', (request, _, bad) => {
      bad.uploads.clear()
      request.socket.destroy()
      return true
    }),
  })
  expect(await openBad(registry).upload(layer, { open: async (from) => flow(bytes.subarray(from)) })).toBe('uploaded')
  expect(registry.blobs.get(layer.digest)!.equals(bytes)).toBe(true)
  expect(registry.countOf('POST')).toBe(2)
})

test('an upload whose token expires is sent again with a new one', async () => {
  const registry = await startBad({
    auth: 'bearer',
    interfere: first(1, 'PUT /v2/app/blobs/uploads/', (_, __, bad) => {
      bad.tokens.clear()
      return undefined
    }),
  })
  const client = openBad(registry, { credentials: ada })
  expect(await client.upload(layer, { open: async (from) => flow(...slices(bytes.subarray(from))) })).toBe('uploaded')
  expect(registry.blobs.has(layer.digest)).toBe(true)
})

test('an upload of which only the answer is lost is not repeated', async () => {
  const registry = await startBad({
    interfere: first(1, 'PUT /v2/app/blobs/uploads/', async (request, _, bad) => {
      for await (const _chunk of request);
      bad.addBlob(bytes)
      request.socket.destroy()
      return true
    }),
  })
  expect(await openBad(registry).upload(layer, { open: async () => flow(bytes) })).toBe('uploaded')
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
      const registry = await startBad({
        interfere: first(2, beginning, (_, response) => {
          response.writeHead(status, header).end('later')
          return true
        }),
      })
      const client = openBad(registry)
      const began = performance.now()
      expect(await client.upload(layer, again)).toBe('uploaded')
      await putSmall(client)
      const json = Buffer.from('{"schemaVersion":2}')
      const blob = { mediaType: mediaTypes.manifest, digest: digestOf(json), size: json.length }
      await client.put(blob, async () => flow(json))
      // A timer may be early by a millisecond.
      expect(performance.now() - began).toBeGreaterThan(status === 429 ? 1980 : 0)
      expect(registry.blobs.get(layer.digest)!.equals(bytes)).toBe(true)
      expect(registry.manifests.get(blob.digest)!.bytes.equals(json)).toBe(true)
    })

test('a registry that keeps another manifest than was sent is not believed', async () => {
  const registry = await startBad({
    interfere: (request, response) => {
      if (request.method !== 'PUT' || !request.url!.includes('/manifests/')) return
      response.writeHead(201, { 'Docker-Content-Digest': layer.digest }).end()
      return true
    },
  })
  const json = Buffer.from('{"schemaVersion":2}')
  const blob = { mediaType: mediaTypes.manifest, digest: digestOf(json), size: json.length }
  await expect(openBad(registry).put(blob, async () => flow(json))).rejects.toMatchObject({
    code: 'REGISTRY_INVALID',
    message: expect.stringContaining(`stored it as ${layer.digest}`),
  })
})

test('bytes that do not match their digest are not sent, or not accepted, and this is reported', async () => {
  const registry = await startBad()
  const wrong = { ...small, digest: digestOf(Buffer.from('other')) }
  await expect(openBad(registry).put(wrong, async () => flow(Buffer.from('small')))).rejects.toMatchObject({
    code: 'BLOB_CORRUPT',
  })
  expect(registry.countOf('PUT')).toBe(0)
  const sent = openBad(registry).upload(wrong, { open: async () => flow(Buffer.from('small')) })
  await expect(sent).rejects.toMatchObject({
    code: 'REGISTRY_REFUSED',
    message: expect.stringContaining('DIGEST_INVALID: provided digest did not match'),
  })
  expect(registry.blobs.size).toBe(0)
})

test('an answer that is cut off while an upload begins is asked for again', async () => {
  const registry = await startBad({
    interfere: first(2, 'POST /v2/app/blobs/uploads/', (_, response) => {
      response.socket!.end('HTTP/1.1 202 Accepted\r\nLocation: /v2/app/blo')
      return true
    }),
  })
  await putSmall(openBad(registry))
  expect(registry.blobs.has(small.digest)).toBe(true)
})

test('an upload that is sent to another host goes there without the Authorization', async () => {
  const seen: unknown[] = []
  const storage = await startBad({
    interfere: async (request, response) => {
      seen.push(request.headers.authorization)
      for await (const _chunk of request);
      response.writeHead(201).end()
      return true
    },
  })
  for (const auth of ['basic', 'bearer'] as const) {
    const registry = await startBad({
      auth,
      interfere: (request, response) => {
        if (request.method !== 'POST' || request.headers.authorization === undefined) return
        response.writeHead(202, { Location: `http://${storage.host}/put-it-here?x=1` }).end()
        return true
      },
    })
    expect(await openBad(registry, { credentials: ada }).upload(layer, again)).toBe('uploaded')
  }
  expect(seen).toEqual([undefined, undefined])
})

test('a registry that does not respond to an upload, or hardly reads it, is abandoned', async () => {
  const silent = await startBad({ interfere: (request) => request.method === 'PUT' })
  const never = openBad(silent, { idleTimeout: 100, attempts: 2 }).upload(layer, again)
  await expect(never).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' })
  const slow = await startBad({
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
  const trickled = openBad(slow, { idleTimeout: 200, attempts: 1 }).upload(blob, {
    open: async () => flow(...slices(large)),
  })
  await expect(trickled).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' })
})

test('a refusal without end is not read to its end', async () => {
  const registry = await startBad({
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
  await expect(putSmall(openBad(registry, { idleTimeout: 5000 }))).rejects.toMatchObject({ code: 'REGISTRY_REFUSED' })
})

function slices(whole: Buffer): Buffer[] {
  return Array.from({ length: Math.ceil(whole.length / 65_536) }, (_, i) =>
    whole.subarray(i * 65_536, (i + 1) * 65_536),
  )
}
