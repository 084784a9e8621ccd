import { describe, expect, test } from 'vitest'
import type { Interference } from '../../../test/kit/bad-registry.ts'
import { ada, bytes, first, layer, openBad, startBad } from '../../../test/kit/bad-registry-client.ts'
import { tinyImage } from '../../../test/kit/tiny-image.ts'
import { flow } from '../../support/index.ts'

const { manifest } = tinyImage()
const upload = { open: async (from: number) => flow(bytes.subarray(from)) }

/** Does as it is told, and says it with another status. */
const saying =
  (method: string, status: number): Interference =>
  (request, response) => {
    if (request.method !== method) return
    const writeHead = response.writeHead.bind(response)
    response.writeHead = ((code: number, headers?: Record<string, string>) =>
      writeHead(code < 300 ? status : code, headers)) as typeof response.writeHead
    return undefined
  }

for (const status of [200, 201, 202, 204])
  test(`a registry that takes uploads and manifests with ${status} is understood`, async () => {
    for (const method of ['POST', 'PATCH', 'PUT']) {
      const registry = await startBad({ interfere: saying(method, status) })
      const client = openBad(registry)
      expect(await client.upload(layer, upload)).toBe('uploaded')
      await client.put(manifest.descriptor, manifest.open)
      expect(registry.blobs.get(layer.digest)?.equals(bytes)).toBe(true)
      expect(registry.manifests.has(manifest.descriptor.digest)).toBe(true)
    }
  })

for (const status of [300, 304, 400, 409, 418])
  test(`${status} for an upload is a refusal`, async () => {
    const registry = await startBad({
      interfere: (request, response) => {
        if (request.method !== 'PUT') return
        request.resume()
        response.writeHead(status).end()
        return true
      },
    })
    await expect(openBad(registry).upload(layer, upload)).rejects.toMatchObject({ code: 'REGISTRY_REFUSED' })
    expect(registry.blobs.size).toBe(0)
  })

for (const status of [200, 202, 204])
  test(`HEAD answered with ${status} says that a blob is there`, async () => {
    const registry = await startBad({
      interfere: (request, response) => {
        if (request.method !== 'HEAD') return
        response.writeHead(status).end()
        return true
      },
    })
    expect(await openBad(registry).has(layer)).toBe(true)
    expect(await openBad(registry).upload(layer, upload)).toBe('existing')
  })

describe.each([307, 308])('a gateway that answers %i', (status) => {
  /** Sends everything below /v2/app on to /v2/real, here or at another registry. */
  const gateway =
    (methods: RegExp, there = ''): Interference =>
    (request, response) => {
      if (!request.url!.startsWith('/v2/app/') || !methods.test(request.method!)) return
      request.resume()
      response.writeHead(status, { Location: `${there}${request.url!.replace('/app/', '/real/')}` }).end()
      return true
    }

  for (const methods of [/POST/, /PUT/, /PATCH/, /./])
    test(`is followed with the body (${methods.source})`, async () => {
      const registry = await startBad({ auth: 'basic', interfere: gateway(methods) })
      const client = openBad(registry, { credentials: ada })
      expect(await client.upload(layer, upload)).toBe('uploaded')
      await client.put(manifest.descriptor, manifest.open)
      expect(registry.blobs.get(layer.digest)?.equals(bytes)).toBe(true)
      expect(registry.manifests.get(manifest.descriptor.digest)?.bytes.equals(manifest.bytes)).toBe(true)
    })

  test('is followed with bytes that are still being made', async () => {
    const registry = await startBad({ interfere: gateway(/PATCH|PUT/) })
    const ahead = await openBad(registry).uploadAhead()
    for (let at = 0; at < bytes.length; at += 1 << 20) await ahead.write(bytes.subarray(at, at + (1 << 20)))
    await ahead.finish(layer, upload)
    expect(registry.blobs.get(layer.digest)?.equals(bytes)).toBe(true)
  })

  test('is followed to another host without the credentials', async () => {
    const shown: unknown[] = []
    const other = await startBad({
      interfere: (request) => {
        shown.push(request.headers.authorization)
        return undefined
      },
    })
    const registry = await startBad({ auth: 'basic', interfere: gateway(/POST|PUT/, `http://${other.host}`) })
    const client = openBad(registry, { credentials: ada })
    await client.upload(layer, upload)
    await client.put(manifest.descriptor, manifest.open)
    expect(other.blobs.get(layer.digest)?.equals(bytes)).toBe(true)
    expect(other.manifests.has(manifest.descriptor.digest)).toBe(true)
    expect(shown.filter((value) => value !== undefined)).toEqual([])
  })

  test('in a circle is given up', async () => {
    const registry = await startBad({
      interfere: (request, response) => {
        if (request.method !== 'PUT') return
        request.resume()
        response.writeHead(status, { Location: request.url! }).end()
        return true
      },
    })
    const client = openBad(registry, { attempts: 1 })
    await expect(client.upload(layer, upload)).rejects.toMatchObject({ code: 'REGISTRY_REFUSED' })
    await expect(client.put(manifest.descriptor, manifest.open)).rejects.toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
    })
  })

  test('to bytes that are there only once is an error, and nothing is half there', async () => {
    const registry = await startBad({ interfere: gateway(/PUT/) })
    const once = { ...upload, once: true }
    await expect(openBad(registry).upload(layer, once)).rejects.toMatchObject({ code: 'REGISTRY_REFUSED' })
    expect(registry.blobs.size).toBe(0)
  })
})

test('301 to a PUT is no way to send the body on', async () => {
  const registry = await startBad({
    interfere: first(9, 'PUT', (request, response) => {
      request.resume()
      response.writeHead(301, { Location: '/v2/elsewhere/' }).end()
      return true
    }),
  })
  await expect(openBad(registry).put(manifest.descriptor, manifest.open)).rejects.toMatchObject({
    code: 'REGISTRY_REFUSED',
  })
})
