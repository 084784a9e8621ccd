import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { BadRegistry } from '../../../test/kit/bad-registry.ts'
import { temporaryFolder } from '../../../test/kit/cli.ts'
import { openTare } from '../library.ts'

async function open(auth: 'basic' | 'bearer') {
  const registry = await BadRegistry.start({ auth })
  onTestFinished(() => registry.stop())
  const home = temporaryFolder()
  const tare = await openTare({ home: join(home, 'store'), environment: { HOME: home } })
  const name = `${registry.host}/app:1`
  const credentials = { [registry.host]: { user: 'ada', password: 'secret' } }
  await tare.build({ context: { kind: 'empty' }, dockerfile: { text: 'FROM scratch\nLABEL a=b\n' }, tags: [name] })
  return { registry, home, tare, name, credentials }
}

for (const auth of ['basic', 'bearer'] as const)
  test(`every verb takes the login of a call with ${auth}, and it is stored nowhere`, async () => {
    const { registry, home, tare, name, credentials } = await open(auth)
    await expect(tare.registry.push({ name })).rejects.toMatchObject({ code: 'REGISTRY_DENIED' })
    const { digest } = await tare.registry.push({ name, credentials })
    await tare.images.remove({ names: [name] })
    expect(await tare.registry.pull({ name, credentials })).toMatchObject({ digest })
    expect(await tare.registry.digest({ name, credentials })).toBe(digest)
    const copied = await tare.registry.copy({ from: name, to: `${registry.host}/copy:1`, credentials })
    expect(copied.digest).toBe(digest)
    const index = { name: `${registry.host}/app:all`, images: [name], credentials }
    await tare.index.create(index)
    expect(await tare.registry.manifest({ name, credentials })).toContain('manifest')
    const dockerfile = { text: `FROM ${registry.host}/copy:1\nLABEL c=d\n` }
    const build = { context: { kind: 'empty' }, dockerfile } as const
    await expect(tare.build(build)).rejects.toMatchObject({ code: 'BASE_UNKNOWN' })
    expect((await tare.build({ ...build, credentials })).digest).toMatch(/^sha256:/)
    // One call's login is not the next one's.
    await expect(tare.registry.digest({ name })).rejects.toMatchObject({ code: 'REGISTRY_DENIED' })
    expect(existsSync(join(home, '.docker'))).toBe(false)
  })

test('a wrong login of a call is told as that, and one for another registry is not sent', async () => {
  const { registry, tare, name } = await open('basic')
  const wrong = { user: 'ada', password: 'wrong' }
  await expect(tare.registry.push({ name, credentials: { [registry.host]: wrong } })).rejects.toMatchObject({
    code: 'REGISTRY_DENIED',
    message: expect.stringContaining('this call'),
  })
  await expect(
    tare.registry.push({ name, credentials: { 'other.example': { user: 'ada', password: 'secret' } } }),
  ).rejects.toMatchObject({ code: 'REGISTRY_DENIED' })
})
