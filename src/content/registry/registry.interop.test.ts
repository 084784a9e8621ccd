import { afterEach, describe, expect, test } from 'vitest'
import { hasRegistry, type RunningRegistry, startRegistry } from '../../../test/kit/docker-registry.ts'
import { keeps } from '../../../test/kit/keeps.ts'
import { mediaTypes, parseReference } from '../../oci/index.ts'
import { collect, flow, sha256 } from '../../support/index.ts'
import { targetSuite } from '../suite.ts'
import { openRegistry } from './index.ts'

const running: RunningRegistry[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((registry) => registry.stop()))
})

async function start(more?: string): Promise<string> {
  const registry = await startRegistry(more)
  running.push(registry)
  return registry.host
}

describe.runIf(hasRegistry)('against distribution 2.8', () => {
  targetSuite('a registry', async () => openRegistry(await start(), { repository: 'suite/main', retryDelay: 10 }), {
    test: keeps,
  })

  test('a large blob goes up from a flow, and comes back', async () => {
    const host = await start()
    const registry = openRegistry(host, { repository: 'big' })
    const bytes = Buffer.alloc(5 << 20, 'tare')
    const blob = { mediaType: mediaTypes.layer, digest: sha256(bytes), size: bytes.length }
    await registry.put(blob, async () => flow(bytes.subarray(0, 1 << 20), bytes.subarray(1 << 20)))
    expect((await collect(await registry.open(blob), 1 << 24)).equals(bytes)).toBe(true)
  })

  test('a blob of another repository here is mounted, not sent', async () => {
    const host = await start()
    const bytes = Buffer.from('a layer')
    const blob = { mediaType: mediaTypes.layer, digest: sha256(bytes), size: bytes.length }
    await openRegistry(host, { repository: 'one' }).put(blob, async () => flow(bytes))
    const two = openRegistry(host, { repository: 'two' })
    const open = async () => {
      throw new Error('nobody should ask for the bytes')
    }
    expect(await two.upload(blob, { open }, ['one'])).toBe('mounted')
    expect(await two.upload(blob, { open }, ['one'])).toBe('existing')
    expect(await two.has(blob)).toBe(true)
  })

  test('tags are listed, and a manifest can be removed', async () => {
    const host = await start()
    const registry = openRegistry(host, { repository: 'listed' })
    const config = Buffer.from('{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}')
    const configBlob = { mediaType: mediaTypes.config, digest: sha256(config), size: config.length }
    await registry.put(configBlob, async () => flow(config))
    const json = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.manifest, config: configBlob, layers: [] }),
    )
    const blob = { mediaType: mediaTypes.manifest, digest: sha256(json), size: json.length }
    await registry.put(blob, async () => flow(json))
    for (const tag of ['b', 'a']) await registry.tag(parseReference(`${host}/listed:${tag}`), blob)
    expect([...(await registry.tags())].sort()).toEqual(['a', 'b'])
    await registry.remove(blob)
    expect(await registry.resolve(parseReference(`${host}/listed:a`))).toBeUndefined()
  })
})
