import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { BadRegistry, Interference } from '../../../test/kit/bad-registry.ts'
import { startBad } from '../../../test/kit/bad-registry-client.ts'
import { impatientTare } from '../../../test/kit/build-bench.ts'
import { entryOf, placeImage, placeIndex, temporaryFolder } from '../../../test/kit/registry-images.ts'
import { mediaTypes } from '../../oci/index.ts'
import { sha256, type TareEvent } from '../../support/index.ts'

const { dockerList, dockerManifest } = mediaTypes
const open = async () => impatientTare({ home: temporaryFolder(), environment: {} })

/** Refuses manifests of these types. */
function refusing(
  types: RegExp,
  status = 400,
  body = '{"errors":[{"code":"MANIFEST_INVALID","message":"manifest invalid"}]}',
): Interference {
  return (request, response) => {
    if (request.method !== 'PUT' || !types.test(String(request.headers['content-type']))) return
    if (!request.url!.includes('/manifests/')) return
    request.resume().on('end', () => response.writeHead(status, { 'Content-Type': 'application/json' }).end(body))
    return true
  }
}

const oci = /vnd\.oci\.image\.(?:manifest|index)/
const dockersOnly = () => startBad({ interfere: refusing(oci) })

/** What the registry has under the tag, which must be Docker's. */
function dockersAt(registry: BadRegistry, tag: string): Record<string, unknown> & { readonly digest: string } {
  const { type, bytes } = registry.manifests.get(tag)!
  const json = JSON.parse(bytes.toString('utf8'))
  expect([dockerManifest, dockerList]).toContain(type)
  expect(json.mediaType).toBe(type)
  expect(json.annotations).toBeUndefined()
  return { ...json, digest: sha256(bytes) }
}

function listen() {
  const warnings: string[] = []
  return { warnings, report: (event: TareEvent) => event.type === 'warning' && void warnings.push(event.message) }
}

async function built(name: string, platforms: readonly string[] = []) {
  const tare = await open()
  const path = temporaryFolder()
  writeFileSync(join(path, 'Dockerfile'), 'FROM scratch\nCOPY f /\n')
  writeFileSync(join(path, 'f'), 'contents')
  await tare.build({ context: { kind: 'directory', path }, tags: [name], platforms })
  return tare
}

describe.each([
  ['MANIFEST_INVALID', 400, undefined],
  ['UNSUPPORTED', 405, '{"errors":[{"code":"UNSUPPORTED","message":"The operation is unsupported."}]}'],
  ['UNSUPPORTED', 400, '{"errors":[{"code":"UNSUPPORTED"}]}'],
  ['no word', 415, ''],
  ['a page', 415, '<html>Unsupported Media Type</html>'],
])('a registry that answers OCI manifests with %s and %i gets Docker’s', (_, status, body) => {
  const start = () => startBad({ interfere: refusing(oci, status, body) })

  test.each([[[]], [['linux/amd64', 'linux/arm64']]])('of what was built for %j', async (platforms) => {
    const registry = await start()
    const name = `${registry.host}/app:1`
    const tare = await built(name, platforms)
    const { warnings, report } = listen()
    const result = await tare.registry.push({ name, report })
    const there = dockersAt(registry, '1')
    expect(result).toMatchObject({ digest: there.digest, mediaType: there['mediaType'] })
    expect(result.layers[0]).toMatchObject({ how: 'uploaded' })
    expect(warnings).toEqual([expect.stringContaining(`${registry.host} rejects OCI manifests`)])
    // It is known from then on.
    const before = registry.countOf('PUT ')
    expect(await tare.registry.push({ name, report })).toMatchObject({ digest: there.digest })
    expect(registry.countOf('PUT ') - before).toBe(1)
    expect(warnings).toHaveLength(1)
    expect(await (await open()).registry.pull({ name, platform: 'linux/amd64' })).toMatchObject({
      digest: there.digest,
    })
  })
})

test('so does one that takes OCI manifests, but no index of them', async () => {
  const registry = await startBad({ interfere: refusing(/vnd\.oci\.image\.index/) })
  const name = `${registry.host}/app:1`
  const tare = await built(name, ['linux/amd64', 'linux/arm64'])
  const result = await tare.registry.push({ name })
  const list = dockersAt(registry, '1')
  expect(result.digest).toBe(list.digest)
  expect((list['manifests'] as { mediaType: string }[]).map(({ mediaType }) => mediaType)).toEqual([
    dockerManifest,
    dockerManifest,
  ])
})

test.each(['an image', 'an index'])(
  '%s that is copied from a registry, a layout or the store gets another digest, and that is said',
  async (what) => {
    const [source, registry] = [await startBad(), await dockersOnly()]
    const image = placeImage(source, {}, '1')
    const root = what === 'an image' ? image : placeIndex(source, [entryOf(image, 'linux/amd64')], '1')
    const from = `${source.host}/app:1`
    const layout = `oci:${join(temporaryFolder(), 'l')}:1`
    const tare = await open()
    await tare.registry.copy({ from, to: layout })
    await tare.registry.pull({ name: from, allPlatforms: true })
    for (const [i, place] of [from, layout, `store:${from}`].entries()) {
      const { warnings, report } = listen()
      const to = `${registry.host}/app:${i}`
      const result = await tare.registry.copy({ from: place, to, report })
      expect(result).toMatchObject({ digest: dockersAt(registry, String(i)).digest, previousDigest: root.digest })
      expect(warnings).toHaveLength(1)
      await expect(tare.registry.copy({ from: place, to, preserveDigests: true })).rejects.toMatchObject({
        code: 'MANIFEST_REFUSED',
        remedy: expect.stringContaining('--format docker'),
      })
    }
  },
)

test('a pulled image that is pushed elsewhere keeps its compressed layers, and says which digest it had', async () => {
  const [source, registry] = [await startBad(), await dockersOnly()]
  const image = placeImage(source, {}, '1')
  const tare = await open()
  await tare.registry.pull({ name: `${source.host}/app:1` })
  const name = `${registry.host}/app:1`
  await tare.images.tag(`${source.host}/app:1`, name)
  const result = await tare.registry.push({ name })
  expect(result).toMatchObject({ previousDigest: image.digest, digest: dockersAt(registry, '1').digest })
  const [layer] = JSON.parse(source.manifests.get('1')!.bytes.toString('utf8')).layers
  expect(dockersAt(registry, '1')['layers']).toEqual([{ ...layer, mediaType: mediaTypes.dockerLayerGzip }])
})

const empty = { mediaType: 'application/vnd.oci.empty.v1+json', digest: sha256('{}'), size: 2 }

test.each([
  ['annotations', { manifest: { annotations: { a: 'b' } } }, {}],
  ['a subject', { manifest: { subject: empty } }, {}],
  ['layers in zstd', { layerType: mediaTypes.layerZstd }, {}],
  ['attestations', {}, { platform: { os: 'unknown', architecture: 'unknown' } }],
  ['annotations', {}, { annotations: { a: 'b' } }],
])('what would get lost is not written by itself: %s', async (what, options, more) => {
  const [source, registry] = [await startBad(), await dockersOnly()]
  const image = placeImage(source, options)
  const entries = [
    entryOf(image, 'linux/amd64'),
    ...(Object.keys(more).length > 0 ? [{ ...entryOf(image), ...more }] : []),
  ]
  placeIndex(source, entries, 'index')
  const tare = await open()
  const refusal = {
    code: 'MANIFEST_REFUSED',
    message: expect.stringContaining('MANIFEST_INVALID'),
    remedy: expect.stringMatching(new RegExp(`has ${what}\\. Try --format docker`)),
  }
  const from = `${source.host}/app:index`
  const to = `${registry.host}/app:1`
  await expect(tare.registry.copy({ from, to })).rejects.toMatchObject(refusal)
  if (!('layerType' in options)) {
    await tare.registry.pull({ name: from, allPlatforms: true })
    await tare.images.tag(from, to)
    await expect(tare.registry.push({ name: to })).rejects.toMatchObject(refusal)
  }
  expect(registry.manifests.size).toBe(0)
})

test('zstd that is asked for is not exchanged for gzip', async () => {
  const registry = await dockersOnly()
  const name = `${registry.host}/app:1`
  const tare = await built(name)
  await expect(tare.registry.push({ name, compression: 'zstd' })).rejects.toMatchObject({
    code: 'MANIFEST_REFUSED',
    remedy: expect.stringContaining('--format docker'),
  })
  expect(registry.manifests.size).toBe(0)
})

test.each([
  ['both kinds', refusing(/vnd\.(?:oci|docker)/), 'MANIFEST_REFUSED', 2],
  ['for another reason', refusing(oci, 400, '{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}'), 'REGISTRY_REFUSED', 1],
  ['without a reason', refusing(oci, 400, ''), 'REGISTRY_REFUSED', 1],
  ['because it may not', refusing(oci, 403), 'REGISTRY_DENIED', 1],
  ['because it has a problem', refusing(oci, 500), 'REGISTRY_FAILED', undefined],
] as const)('a registry that refuses %s stays an error', async (_, interfere, code, puts) => {
  const registry = await startBad({ interfere })
  const name = `${registry.host}/app:1`
  const tare = await built(name)
  await expect(tare.registry.push({ name, signal: AbortSignal.timeout(20_000) })).rejects.toMatchObject({ code })
  if (puts !== undefined) expect(registry.countOf('PUT /v2/app/manifests/')).toBe(puts)
  expect(registry.manifests.size).toBe(0)
})

test('the format that is asked for is the only one that is tried', async () => {
  const registry = await dockersOnly()
  const name = `${registry.host}/app:1`
  const tare = await built(name)
  await expect(tare.registry.push({ name, format: 'oci' })).rejects.toMatchObject({ code: 'MANIFEST_REFUSED' })
  expect(registry.countOf('PUT /v2/app/manifests/')).toBe(1)
})
