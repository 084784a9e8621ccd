import { describe, expect, test } from 'vitest'
import type { BadRegistry, Interference } from '../../../test/kit/bad-registry.ts'
import { ada, bytes, layer, openBad, startBad } from '../../../test/kit/bad-registry-client.ts'
import { startStranger } from '../../../test/kit/stranger.ts'
import { tinyImage } from '../../../test/kit/tiny-image.ts'
import { mediaTypes, parseReference } from '../../oci/index.ts'
import { flow } from '../../support/index.ts'

// What only saves work is no condition.

const { manifest } = tinyImage()
const upload = { open: async (from: number) => flow(bytes.subarray(from)) }

/** Refuses what begins so with a status. */
const refuses =
  (beginning: RegExp, status: number): Interference =>
  (request, response) => {
    if (!beginning.test(`${request.method} ${request.url}`)) return
    request.resume()
    response.writeHead(status).end()
    return true
  }

function withManifest(registry: BadRegistry): BadRegistry {
  registry.manifests.set('1', { type: mediaTypes.manifest, bytes: manifest.bytes })
  return registry
}

describe('HEAD of a manifest', () => {
  for (const status of [204, 400, 403, 404, 405, 406, 429, 500, 501, 503])
    test(`answered with ${status} leaves it to GET`, async () => {
      const registry = withManifest(await startBad({ interfere: refuses(/^HEAD .*\/manifests\//, status) }))
      const found = await openBad(registry).resolve(parseReference(`${registry.host}/app:1`))
      expect(found).toEqual(manifest.descriptor)
      expect(registry.countOf('HEAD')).toBe(1)
    })

  test('cut off by the other side leaves it to GET', async () => {
    const registry = withManifest(
      await startBad({
        interfere: (request) => {
          if (request.method !== 'HEAD') return
          request.socket.destroy()
          return true
        },
      }),
    )
    expect(await openBad(registry).resolve(parseReference(`${registry.host}/app:1`))).toEqual(manifest.descriptor)
  })

  test('answered with 401 by the registry is final, and told with its reason', async () => {
    const registry = withManifest(await startBad({ auth: 'basic' }))
    const found = openBad(registry).resolve(parseReference(`${registry.host}/app:1`))
    await expect(found).rejects.toMatchObject({
      code: 'REGISTRY_DENIED',
      message: expect.stringContaining('authentication required'),
    })
  })

  test('answered with 401 by somebody else leaves it to GET', async () => {
    const stranger = await startStranger(() => 'Basic realm="x"')
    const registry = withManifest(
      await startBad({
        interfere: (request, response) => {
          if (request.method !== 'HEAD') return
          response.writeHead(307, { Location: `${stranger.origin}${request.url}` }).end()
          return true
        },
      }),
    )
    expect(await openBad(registry).resolve(parseReference(`${registry.host}/app:1`))).toEqual(manifest.descriptor)
  })

  test('and GET refused as well is the error of GET; there where neither has it, nothing', async () => {
    const denied = await startBad({ interfere: refuses(/\/manifests\//, 403) })
    await expect(openBad(denied).resolve(parseReference(`${denied.host}/app:1`))).rejects.toMatchObject({
      code: 'REGISTRY_DENIED',
    })
    const none = await startBad()
    expect(await openBad(none).resolve(parseReference(`${none.host}/app:1`))).toBeUndefined()
  })
})

describe('at a push', () => {
  for (const status of [400, 403, 405, 501])
    test(`questions for what is there that are refused with ${status} are passed over`, async () => {
      const registry = await startBad({ interfere: refuses(/^HEAD/, status) })
      const client = openBad(registry)
      expect(await client.upload(layer, upload)).toBe('uploaded')
      await client.put(manifest.descriptor, manifest.open)
      expect(registry.blobs.get(layer.digest)?.equals(bytes)).toBe(true)
      expect(registry.manifests.has(manifest.descriptor.digest)).toBe(true)
    })

  test('a refused PUT is an error all the same', async () => {
    const registry = await startBad({ interfere: refuses(/^(HEAD|PUT) .*\/manifests\//, 403) })
    await expect(openBad(registry).put(manifest.descriptor, manifest.open)).rejects.toMatchObject({
      code: 'REGISTRY_DENIED',
    })
  })

  for (const status of [400, 401, 403, 404, 405, 500])
    test(`a mount that is refused with ${status} becomes an upload`, async () => {
      const registry = await startBad({ interfere: refuses(/^POST .*mount=/, status) })
      expect(await openBad(registry).upload(layer, upload, ['other'])).toBe('uploaded')
      expect(registry.countOf('POST /v2/app/blobs/uploads/?mount=')).toBe(1)
    })

  for (const status of [400, 401, 403])
    test(`a token for a mount that is refused with ${status} does not keep the blob from being uploaded`, async () => {
      const registry = await startBad({
        auth: 'bearer',
        interfere: (request, response) => {
          if (!request.url!.startsWith('/token') || !/repository%3Aother/.test(request.url!)) return
          response.writeHead(status).end('{"errors":[{"code":"DENIED"}]}')
          return true
        },
      })
      const client = openBad(registry, { credentials: ada })
      expect(await client.upload(layer, upload, ['other', 'another'])).toBe('uploaded')
    })

  test('a token for the repository itself that is refused is an error', async () => {
    const registry = await startBad({
      auth: 'bearer',
      interfere: (request, response) => {
        if (!request.url!.startsWith('/token')) return
        response.writeHead(403).end('{"errors":[{"code":"DENIED"}]}')
        return true
      },
    })
    const pushed = openBad(registry, { credentials: ada }).upload(layer, upload, ['other'])
    await expect(pushed).rejects.toMatchObject({ code: 'REGISTRY_DENIED' })
  })
})
