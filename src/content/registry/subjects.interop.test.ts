import { describe, expect, onTestFinished, test } from 'vitest'
import { hasRegistry, startRegistry } from '../../../test/kit/docker-registry.ts'
import { type Descriptor, goJson, mediaTypes } from '../../oci/index.ts'
import { flow, sha256 } from '../../support/index.ts'
import { openRegistry, type Registry } from './index.ts'

const { manifest } = mediaTypes
const empty = { mediaType: 'application/vnd.oci.empty.v1+json', digest: sha256('{}'), size: 2 }
const image = goJson({ schemaVersion: 2, mediaType: manifest, config: empty, layers: [] })
const subject = { mediaType: manifest, digest: sha256(image), size: image.length }
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

describe.runIf(hasRegistry)('with distribution 2.8, which has no referrers API', () => {
  test('the list is kept as what refers to an image comes and goes', async () => {
    const registry = await startRegistry()
    onTestFinished(() => registry.stop())
    const app = openRegistry(registry.host, { repository: 'app', retryDelay: 10 })
    await app.put(empty, async () => flow(Buffer.from('{}')))
    const [one, two] = [await put(app, artifact('a/b')), await put(app, artifact('c/d'))]
    expect(await app.referrers(subject.digest)).toMatchObject([{ digest: one.digest }, { digest: two.digest }])
    expect(await app.referrers(subject.digest, 'c/d')).toMatchObject([{ digest: two.digest }])
    await app.remove(one)
    expect(await app.referrers(subject.digest)).toMatchObject([{ digest: two.digest }])
  })
})
