import { describe, expect, onTestFinished, test } from 'vitest'
import { hasRegistry, startRegistry } from '../../../test/kit/docker-registry.ts'
import { goJson, mediaTypes, parseReference } from '../../oci/index.ts'
import { flow, sha256 } from '../../support/index.ts'
import { openRegistry } from './index.ts'

const empty = { mediaType: 'application/vnd.oci.empty.v1+json', digest: sha256('{}'), size: 2 }
const subject = { mediaType: mediaTypes.manifest, digest: sha256('the image'), size: 9 }
const artifact = (artifactType: string, n = 0) => ({
  ...{ schemaVersion: 2, mediaType: mediaTypes.manifest, artifactType, config: empty, layers: [empty], subject },
  annotations: { n: String(n) },
})
const sbom = 'application/x.sbom'

const open = (host: string) => openRegistry(host, { repository: 'app', retryDelay: 10 })

describe.runIf(hasRegistry)('with distribution 2.8, which has no referrers API', () => {
  test('the tag of the digest is read', async () => {
    const registry = await startRegistry()
    onTestFinished(() => registry.stop())
    const app = open(registry.host)
    await app.put(empty, async () => flow(Buffer.from('{}')))
    const put = async (mediaType: string, value: unknown) => {
      const bytes = Buffer.from(goJson(value))
      const blob = { mediaType, digest: sha256(bytes), size: bytes.length }
      await app.put(blob, async () => flow(bytes))
      return blob
    }
    const blob = await put(mediaTypes.manifest, artifact(sbom))
    const manifests = [{ ...blob, artifactType: sbom }]
    const index = await put(mediaTypes.index, { schemaVersion: 2, mediaType: mediaTypes.index, manifests })
    await app.tag(parseReference(`${registry.host}/app:${subject.digest.replace(':', '-')}`), index)
    expect(await app.referrers(subject.digest, sbom)).toEqual([{ ...blob, artifactType: sbom }])
    expect(await app.referrers(sha256('other'))).toEqual([])
  })
})
