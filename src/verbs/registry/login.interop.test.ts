import { describe, expect, onTestFinished, test } from 'vitest'
import { hasRegistry, startRegistry } from '../../../test/kit/docker-registry.ts'
import { openLoginHome as open } from '../../../test/kit/login-home.ts'

describe.runIf(hasRegistry)('against distribution 2.8', () => {
  test('an index is copied, mounted in the same registry and sent to another; then read and removed', async () => {
    const [one, two] = [await startRegistry(), await startRegistry()]
    onTestFinished(async () => {
      await Promise.all([one.stop(), two.stop()])
    })
    const { tare } = await open()
    const platforms = ['linux/amd64', 'linux/arm64']
    const from = `${one.host}/app:1`
    const dockerfile = { text: 'FROM scratch\nCOPY <<f /\nx\nf\n' }
    await tare.build({ context: { kind: 'empty' }, dockerfile, tags: [from], platforms })
    const { digest } = await tare.registry.push({ name: from })
    for (const to of [`${one.host}/deep/er:2`, `${two.host}/app:3`]) {
      expect(await tare.registry.copy({ from, to })).toMatchObject({ fullName: to, digest })
      expect(await tare.registry.digest({ name: to })).toBe(digest)
      expect(JSON.parse(await tare.registry.manifest({ name: to })).manifests).toHaveLength(2)
      expect(JSON.parse(await tare.registry.config({ name: to }))).toMatchObject({ os: 'linux' })
    }
    expect(await tare.registry.tags({ name: `${two.host}/app` })).toEqual(['3'])
    expect(await tare.registry.remove({ name: `${two.host}/app:3` })).toBe(digest)
    await expect(tare.registry.digest({ name: `${two.host}/app:3` })).rejects.toMatchObject({
      code: 'IMAGE_UNKNOWN',
    })
  })
})
