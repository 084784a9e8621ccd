import { expect, onTestFinished, test } from 'vitest'
import { BadRegistry, type BadRegistryOptions } from '../../../test/kit/bad-registry.ts'
import { mediaTypes } from '../../oci/index.ts'
import { sha256 } from '../../support/index.ts'
import { openRegistry } from './index.ts'

async function start(options: BadRegistryOptions = {}): Promise<BadRegistry> {
  const registry = await BadRegistry.start(options)
  onTestFinished(() => registry.stop())
  return registry
}

const empty = { mediaType: 'application/vnd.oci.empty.v1+json', digest: sha256('{}'), size: 2 }
const subject = { mediaType: mediaTypes.manifest, digest: sha256('the image'), size: 9 }
const artifact = (artifactType: string, n = 0) => ({
  ...{ schemaVersion: 2, mediaType: mediaTypes.manifest, artifactType, config: empty, layers: [empty], subject },
  annotations: { n: String(n) },
})
const [signature, sbom] = ['application/x.signature', 'application/x.sbom']

const open = (host: string) => openRegistry(host, { repository: 'app', retryDelay: 10 })

for (const filters of [true, false])
  test(`a registry that ${filters ? 'filters' : 'does not filter'} gives all pages of its referrers`, async () => {
    const registry = await start({ referrers: { page: 2, filters } })
    for (let n = 0; n < 5; n++) registry.addManifest(mediaTypes.manifest, artifact(n === 3 ? sbom : signature, n))
    registry.addManifest(mediaTypes.manifest, { ...artifact(sbom), subject: empty })
    const app = open(registry.host)
    expect((await app.referrers(subject.digest)).map(({ annotations }) => annotations!['n'])).toEqual([
      ...['0', '1', '2', '3', '4'],
    ])
    expect(await app.referrers(subject.digest, sbom)).toMatchObject([{ artifactType: sbom, annotations: { n: '3' } }])
    expect(await app.referrers(sha256('nobody speaks of it'))).toEqual([])
    expect(registry.countOf('GET /v2/app/manifests/')).toBe(0)
  })

for (const status of [400, 404, 405, 501])
  test(`a registry that answers ${status} is asked for the tag of the digest`, async () => {
    const registry = await start({
      interfere: (request, response) => {
        if (!request.url!.includes('/referrers/')) return
        response.writeHead(status).end('{}')
        return true
      },
    })
    const one = { mediaType: mediaTypes.manifest, ...registry.addManifest(mediaTypes.manifest, artifact(sbom)) }
    const two = { ...one, digest: sha256('two'), artifactType: signature }
    const manifests = [{ ...one, artifactType: sbom }, two]
    registry.addManifest(mediaTypes.index, { schemaVersion: 2, manifests }, subject.digest.replace(':', '-'))
    expect(await open(registry.host).referrers(subject.digest)).toHaveLength(2)
    expect(await open(registry.host).referrers(subject.digest, signature)).toMatchObject([{ digest: two.digest }])
    expect(await open(registry.host).referrers(sha256('other'))).toEqual([])
  })

for (const type of ['Application/vnd.OCI.Image.Index.v1+JSON; charset=utf-8', 'application/json', 'text/plain'])
  test(`a list is one by whatever name (${type})`, async () => {
    const manifests = [{ ...subject, artifactType: sbom }]
    const registry = await start({
      interfere: (request, response) => {
        if (!request.url!.includes('/referrers/')) return
        response.writeHead(200, { 'Content-Type': type }).end(JSON.stringify({ schemaVersion: 2, manifests }))
        return true
      },
    })
    expect(await open(registry.host).referrers(subject.digest)).toMatchObject(manifests)
  })

test('a page for people is no list, and the tag is asked for', async () => {
  for (const [type, text] of [
    ['text/html', '<html>'],
    ['application/json', '{"errors":[]}'],
    ['application/json', 'null'],
    ['text/plain', 'welcome'],
  ] as const) {
    const registry = await start({
      interfere: (request, response) => {
        if (!request.url!.includes('/referrers/')) return
        response.writeHead(200, { 'Content-Type': type }).end(text)
        return true
      },
    })
    const manifests = [{ ...subject, artifactType: sbom }]
    registry.addManifest(mediaTypes.index, { schemaVersion: 2, manifests }, subject.digest.replace(':', '-'))
    expect(await open(registry.host).referrers(subject.digest)).toMatchObject(manifests)
  }
})

test('a list that goes round in a circle, or loses a page, is an error and not what came so far', async () => {
  for (const [next, answer] of [
    ['', undefined],
    ['?page=2', [404, 'text/html']],
    ['?page=2', [200, 'text/html']],
  ] as const) {
    const registry = await start({
      interfere: (request, response) => {
        if (!request.url!.includes('/referrers/')) return
        const [path] = request.url!.split('?')
        if (answer !== undefined && request.url!.includes('?'))
          response.writeHead(answer[0], { 'Content-Type': answer[1] }).end('<html>')
        else
          response
            .writeHead(200, { 'Content-Type': mediaTypes.index, Link: `<${path}${next}>; rel="next"` })
            .end(JSON.stringify({ schemaVersion: 2, manifests: [subject] }))
        return true
      },
    })
    await expect(open(registry.host).referrers(subject.digest)).rejects.toMatchObject({ code: 'REGISTRY_INVALID' })
    expect(registry.requests.length).toBeLessThan(5)
  }
})

test('what somebody else keeps under that tag is no list of referrers', async () => {
  const registry = await start()
  registry.addManifest(mediaTypes.manifest, artifact(signature), subject.digest.replace(':', '-'))
  expect(await open(registry.host).referrers(subject.digest)).toEqual([])
})

test('a registry that has a problem is not one without referrers', async () => {
  const registry = await start({
    interfere: (request, response) => {
      if (!request.url!.includes('/referrers/')) return
      response.writeHead(500).end()
      return true
    },
  })
  await expect(open(registry.host).referrers(subject.digest)).rejects.toMatchObject({ code: 'REGISTRY_FAILED' })
})
