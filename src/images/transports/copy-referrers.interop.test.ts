import { describe, expect, onTestFinished, test } from 'vitest'
import { hasRegistry, startRegistry } from '../../../test/kit/docker-registry.ts'
import { temporaryFolder } from '../../../test/kit/registry-images.ts'
import { signed } from '../../../test/kit/signed-images.ts'
import { openTare } from '../../verbs/library.ts'

const open = () => openTare({ home: temporaryFolder(), environment: {} })
describe.runIf(hasRegistry)('with distribution 2.8, which has no referrers API', () => {
  test('the lists are kept under its tags', async () => {
    const { from, sbom, signature, amd } = await signed({ api: true })
    const target = await startRegistry()
    onTestFinished(() => target.stop())
    const tare = await open()
    const to = `${target.host}/copied:1`
    await tare.registry.copy({ from, to, referrers: true })
    expect(await tare.registry.referrers({ name: to })).toMatchObject([
      { digest: sbom.digest, artifactType: 'application/x.sbom' },
    ])
    const name = `${target.host}/copied@${amd.digest}`
    expect(await tare.registry.referrers({ name })).toMatchObject([{ digest: signature.digest }])
  })
})
