import { expect, test } from 'vitest'
import { type BadRegistry, type BadRegistryOptions, digestOf } from '../../../test/kit/bad-registry.ts'
import { openBad, startBad } from '../../../test/kit/bad-registry-client.ts'
import { type Descriptor, goJson, mediaTypes, parseReference } from '../../oci/index.ts'
import { flow, sha256 } from '../../support/index.ts'
import type { Registry } from './index.ts'

const { index, manifest } = mediaTypes
const empty = { mediaType: 'application/vnd.oci.empty.v1+json', digest: sha256('{}'), size: 2 }
const image = goJson({ schemaVersion: 2, mediaType: manifest, config: empty, layers: [] })
const subject = { mediaType: manifest, digest: sha256(image), size: image.length }
const tag = subject.digest.replace(':', '-')

const artifact = (artifactType: string | undefined, more: object = {}) => ({
  ...{ schemaVersion: 2, mediaType: manifest, artifactType, config: empty, layers: [empty], subject },
  ...more,
})

async function put(registry: Registry, value: { readonly mediaType: string }): Promise<Descriptor> {
  const bytes = Buffer.from(goJson(value))
  const blob = { mediaType: value.mediaType, digest: sha256(bytes), size: bytes.length }
  await registry.put(blob, async () => flow(bytes))
  return blob
}

function listOf(registry: BadRegistry): readonly Descriptor[] {
  const found = registry.manifests.get(tag)
  if (found === undefined) return []
  expect(found.type).toBe(index)
  return JSON.parse(found.bytes.toString('utf8')).manifests
}

/** Without the API; what is removed is gone. */
function start(options: BadRegistryOptions = {}): Promise<BadRegistry> {
  return startBad({
    interfere: (request, response, registry) => {
      const removed = request.method === 'DELETE' ? /\/manifests\/(.+)$/.exec(request.url!)?.[1] : undefined
      if (removed === undefined) return
      registry.manifests.delete(removed)
      response.writeHead(202).end()
      return true
    },
    ...options,
  })
}

test('what is put with a subject stands in the list under its tag, with its type and annotations', async () => {
  const registry = await start()
  const app = openBad(registry)
  const sbom = await put(app, artifact('application/x.sbom', { annotations: { who: 'me' } }))
  const old = await put(app, artifact(undefined))
  const many = await put(app, {
    ...{ schemaVersion: 2, mediaType: index, manifests: [], subject },
    artifactType: 'x/y',
  } as never)
  const list = [
    { ...sbom, artifactType: 'application/x.sbom', annotations: { who: 'me' } },
    { ...old, artifactType: empty.mediaType },
    { ...many, artifactType: 'x/y' },
  ]
  expect(listOf(registry)).toEqual(list)
  expect(await app.referrers(subject.digest)).toEqual(list)
  // Once is enough, also under a name.
  await put(app, artifact(undefined))
  await app.tag(parseReference(`${registry.host}/app:old`), old)
  expect(listOf(registry)).toEqual(list)
})

test('one that is there already, and in no list, comes into it', async () => {
  const registry = await start()
  const known = registry.addManifest(manifest, JSON.parse(goJson(artifact('a/b'))))
  await put(openBad(registry), artifact('a/b'))
  expect(listOf(registry)).toMatchObject([{ digest: known.digest }])
})

test('what others have in the list stays, with members that nobody here knows', async () => {
  const registry = await start()
  const theirs = { ...empty, artifactType: 'a/b', urls: ['https://example.com'] }
  registry.addManifest(index, { schemaVersion: 2, note: 'theirs', manifests: [theirs] }, tag)
  const own = await put(openBad(registry), artifact('c/d'))
  expect(listOf(registry)).toMatchObject([theirs, { digest: own.digest }])
  expect(JSON.parse(registry.manifests.get(tag)!.bytes.toString('utf8'))).toMatchObject({ note: 'theirs' })
})

test('two that write the list at the same time are both in it', async () => {
  let puts = 0
  const theirs = { ...empty, artifactType: 'theirs' }
  const registry = await start({
    interfere: (request, response, there) => {
      if (request.method !== 'PUT' || !request.url!.endsWith(tag) || puts++ > 0) return
      // Right after ours, the other puts a list that does not know of it.
      response.on('finish', () => there.addManifest(index, { schemaVersion: 2, manifests: [theirs] }, tag))
      return undefined
    },
  })
  const own = await put(openBad(registry), artifact('c/d'))
  expect(listOf(registry)).toMatchObject([theirs, { digest: own.digest }])
  expect(puts).toBe(2)
})

test('eight that write the list at the same time are all in it', async () => {
  const registry = await start({
    interfere: async (request) => {
      if (request.url!.endsWith(tag)) await new Promise((resolve) => setTimeout(resolve, 15))
      return undefined
    },
  })
  const all = Array.from({ length: 8 }, (_, i) => put(openBad(registry), artifact(`c/${i}`)))
  const digests = (await Promise.all(all)).map(({ digest }) => digest)
  expect(
    listOf(registry)
      .map(({ digest }) => digest)
      .sort(),
  ).toEqual(digests.sort())
})

test.each([
  [2, true],
  [9, false],
])('a list is put again where the registry does not find its entries yet: %i times', async (refusals, expected) => {
  let puts = 0
  const registry = await start({
    interfere: (request, response) => {
      if (request.method !== 'PUT' || !request.url!.endsWith(tag) || puts++ >= refusals) return
      const body = '{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown to registry"}]}'
      request.resume().on('end', () => response.writeHead(400, { 'Content-Type': 'application/json' }).end(body))
      return true
    },
  })
  const putting = put(openBad(registry), artifact('c/d'))
  if (expected) await putting
  else await expect(putting).rejects.toMatchObject({ message: expect.stringContaining('MANIFEST_BLOB_UNKNOWN') })
  expect(listOf(registry)).toHaveLength(expected ? 1 : 0)
  expect(puts).toBe(expected ? 3 : 4)
})

test('a registry that has the API, or says that it knows the subject, keeps its own list', async () => {
  const withApi = await startBad({ referrers: { page: 10, filters: true } })
  await put(openBad(withApi), artifact('a/b'))
  const saying = await startBad({
    interfere: (request, response) => {
      if (request.method === 'PUT') response.setHeader('OCI-Subject', subject.digest)
      return undefined
    },
  })
  await put(openBad(saying), artifact('a/b'))
  for (const registry of [withApi, saying]) expect(registry.manifests.has(tag)).toBe(false)
  expect(saying.countOf('GET /v2/app/referrers/')).toBe(0)
})

test('what has no subject, or one that is none, comes into no list', async () => {
  const registry = await start()
  await put(openBad(registry), artifact('a/b', { subject: undefined }))
  await put(openBad(registry), artifact('a/b', { subject: null }))
  await put(openBad(registry), artifact('a/b', { subject: { digest: 'x' } }))
  expect(registry.countOf('GET /v2/app/referrers/')).toBe(0)
  expect([...registry.manifests.keys()].filter((name) => name.startsWith('sha256-'))).toEqual([])
})

test('a registry that takes the tag for the digest shows nobody the subject as what refers to it', async () => {
  const registry = await start({
    interfere: (request, response) => {
      if (request.method !== 'GET' || !request.url!.endsWith(tag)) return
      response.writeHead(200, { 'Content-Type': index }).end(image)
      return true
    },
  })
  expect(await openBad(registry).referrers(subject.digest)).toEqual([])
  // What it will not show is put all the same.
  await put(openBad(registry), artifact('a/b'))
  expect(listOf(registry)).toHaveLength(1)
})

test('a tag that holds something else is not written over', async () => {
  const registry = await start()
  registry.addManifest(manifest, artifact('a/b', { subject: undefined }), tag)
  const before = registry.manifests.get(tag)
  await expect(put(openBad(registry), artifact('c/d'))).rejects.toMatchObject({ code: 'REGISTRY_INVALID' })
  expect(registry.manifests.get(tag)).toBe(before)
})

test('what is removed leaves the list, which others stay in', async () => {
  const registry = await start()
  const app = openBad(registry)
  const [one, two] = [await put(app, artifact('a/b')), await put(app, artifact('c/d'))]
  await app.remove(one)
  expect(listOf(registry)).toMatchObject([{ digest: two.digest }])
  await app.remove(two)
  expect(listOf(registry)).toEqual([])
  expect(await app.referrers(subject.digest)).toEqual([])
})

const answers = [
  [202, ''],
  [405, '{"errors":[{"code":"UNSUPPORTED","message":"The operation is unsupported."}]}'],
  [400, '{"errors":[{"code":"DIGEST_INVALID"}]}'],
  [404, '{"errors":[{"code":"MANIFEST_UNKNOWN"}]}'],
] as const

test.each(answers)('a tag is removed alone where the registry does that: %i', async (status, body) => {
  const registry = await startBad({
    interfere: (request, response) => {
      if (request.method === 'DELETE') response.writeHead(status).end(body)
      return request.method === 'DELETE'
    },
  })
  const work = openBad(registry).removeTag('v1')
  if (status === 202) await work
  else
    await expect(work).rejects.toMatchObject({
      code: 'REGISTRY_REFUSED',
      remedy: expect.stringContaining('--tag-only'),
    })
  expect(registry.requests.filter((one) => one.startsWith('DELETE'))).toEqual(['DELETE /v2/app/manifests/v1'])
})

test.each([
  ['DELETE', 405, answers[1][1], 'REGISTRY_STORAGE_DELETE_ENABLED'],
  ['DELETE', 405, '<html>Not Allowed</html>', 'its own web site or API'],
  ['PUT', 405, '', 'It may be a mirror, or temporarily read-only'],
  ['GET', 405, answers[1][1], undefined],
] as const)(
  'a %s that is answered with %i names a setting only where there is one',
  async (method, status, body, remedy) => {
    const registry = await startBad({
      interfere: (request, response) => {
        if (request.method === method && request.url !== '/v2/') response.writeHead(status).end(body)
        return request.method === method && request.url !== '/v2/'
      },
    })
    const app = openBad(registry)
    const blob = { mediaType: manifest, digest: digestOf(Buffer.from(image)), size: image.length }
    registry.addManifest(manifest, JSON.parse(image))
    const work = { DELETE: () => app.remove(blob), PUT: () => put(app, artifact('x/y')), GET: () => app.tags() }[method]
    const error = await work().catch((caught: unknown) => caught as { code: string; remedy?: string })
    expect(error).toMatchObject({ code: 'REGISTRY_REFUSED' })
    expect((error as { remedy?: string }).remedy ?? '').toContain(remedy ?? '')
    if (remedy === undefined) expect((error as { remedy?: string }).remedy).toBeUndefined()
  },
)
