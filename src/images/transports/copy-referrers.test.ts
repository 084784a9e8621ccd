import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { startBad } from '../../../test/kit/bad-registry-client.ts'
import { temporaryFolder } from '../../../test/kit/registry-images.ts'
import { signed, tagOf } from '../../../test/kit/signed-images.ts'
import type { TareEvent } from '../../support/index.ts'
import { openTare } from '../../verbs/library.ts'

const open = () => openTare({ home: temporaryFolder(), environment: {} })
const sorted = (digests: readonly string[]) => [...digests].sort()
const placesOf = () => [`oci:${join(temporaryFolder(), 'l')}`, `oci-archive:${join(temporaryFolder(), 'a.tar')}`]

describe.each([true, false])('with the referrers API: %s', (api) => {
  test('signatures and SBOMs come along, of an index and of its images, and go on from layouts', async () => {
    const { from, index, all, sbom, ofSbom } = await signed({ api })
    const tare = await open()
    for (const transport of placesOf()) {
      const result = await tare.registry.copy({ from, to: `${transport}:1`, referrers: true })
      expect(result.digest).toBe(index.digest)
      expect(sorted(result.referrers)).toEqual(sorted(all))
      const target = await startBad()
      const to = `${target.host}/copied:1`
      // The image is found without a name as well: what speaks of it is none.
      const back = await tare.registry.copy({ from: transport, to, referrers: true, preserveDigests: true })
      expect(sorted(back.referrers)).toEqual(sorted(all))
      expect(await tare.registry.referrers({ name: to })).toMatchObject([{ digest: sbom.digest }])
      const [ofIt] = await tare.registry.referrers({ name: `${target.host}/copied@${sbom.digest}` })
      expect(ofIt).toMatchObject({ digest: ofSbom.digest })
    }
  })

  test('of one platform, only what speaks of that comes along', async () => {
    const { from, signature } = await signed({ api })
    const target = await startBad()
    const to = `${target.host}/copied:1`
    const result = await (await open()).registry.copy({ from, to, platforms: ['linux/amd64'], referrers: true })
    expect(result.referrers).toEqual([signature.digest])
  })

  test('without being asked for, nothing comes along', async () => {
    const { from, all } = await signed({ api })
    const target = await startBad()
    expect((await (await open()).registry.copy({ from, to: `${target.host}/copied:1` })).referrers).toEqual([])
    for (const digest of all) expect(target.manifests.has(digest)).toBe(false)
  })
})

test('cosign’s tags come along with all, to a registry and to a layout, and from there', async () => {
  const { from, arm, cosign, all } = await signed({ api: true })
  const tare = await open()
  const tag = tagOf(arm.digest, 'sig')
  for (const referrers of [false, true]) {
    const target = await startBad()
    const result = await tare.registry.copy({ from, to: `${target.host}/copied:1`, allPlatforms: true, referrers })
    expect(sorted(result.referrers)).toEqual(sorted([cosign.digest, ...(referrers ? all : [])]))
    expect(target.manifests.has(tag)).toBe(true)
  }
  for (const transport of placesOf()) {
    await tare.registry.copy({ from, to: `${transport}:1`, allPlatforms: true, referrers: true })
    const target = await startBad()
    await tare.registry.copy({ from: transport, to: `${target.host}/copied:1`, allPlatforms: true, referrers: true })
    expect(target.manifests.has(tag)).toBe(true)
  }
  const only = await startBad()
  await tare.registry.copy({ from, to: `${only.host}/copied:1`, referrers: true })
  expect(only.manifests.has(tag)).toBe(false)
})

test('a listed referrer that no longer exists is reported, and the others are copied', async () => {
  const { registry, from, signature, sbom } = await signed({ api: false })
  registry.manifests.delete(signature.digest)
  const warnings: string[] = []
  const report = (event: TareEvent) => event.type === 'warning' && void warnings.push(event.message)
  const target = await startBad()
  const result = await (await open()).registry.copy({ from, to: `${target.host}/copied:1`, referrers: true, report })
  expect(result.referrers).toContain(sbom.digest)
  expect(warnings).toEqual([expect.stringContaining(`${signature.digest}, which refers to`)])
})

test.each([
  [{ to: 'store:x:1' }, 'cannot be copied into the store'],
  [{ to: 'docker-archive:x.tar' }, 'cannot be copied into a docker archive'],
  [{ from: 'store:x:1' }, 'cannot be copied from the store'],
  [{ format: 'docker' }, 'which --format changes'],
] as const)('what cannot have them is told before anything is moved: %j', async (options, message) => {
  const work = (await open()).registry.copy({ from: 'r.test/a:1', to: 'r.test/b:1', ...options, referrers: true })
  await expect(work).rejects.toMatchObject({ code: 'OPTION_INVALID', message: expect.stringContaining(message) })
})
