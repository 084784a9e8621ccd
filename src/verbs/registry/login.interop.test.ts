import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { hasRegistry, startRegistry } from '../../../test/kit/docker-registry.ts'
import { openTare } from '../library.ts'

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'tare-login-'))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return made
}

async function open() {
  const home = folder()
  const file = join(home, '.docker', 'config.json')
  const environment = { HOME: home, PATH: `${join(home, 'bin')}:${process.env['PATH']}` }
  const tare = await openTare({ home: join(home, 'store'), environment })
  const write = (value: unknown) => {
    mkdirSync(join(home, '.docker'), { recursive: true })
    writeFileSync(file, JSON.stringify(value))
  }
  return { tare, home, file, write, read: () => JSON.parse(readFileSync(file, 'utf8')) }
}

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
