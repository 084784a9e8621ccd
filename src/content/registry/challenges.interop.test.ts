import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ada, bytes, layer } from '../../../test/kit/bad-registry-client.ts'
import { temporaryFolder } from '../../../test/kit/cli.ts'
import { hasRegistry, startRegistry } from '../../../test/kit/docker-registry.ts'
import { hasProgram } from '../../../test/kit/needs.ts'
import { startTokenServer } from '../../../test/kit/token-server.ts'
import { collect, flow } from '../../support/index.ts'
import { openRegistry, type Registry } from './index.ts'

// The challenge at /v2/ need not be that of a repository: what the repository asks for counts.

const read = (registry: Registry) => registry.open(layer).then((flow) => collect(flow, 1 << 24))
describe.runIf(hasRegistry)('distribution 2.8', () => {
  const openThere = (host: string, credentials?: typeof ada) => {
    const registry = openRegistry(host, { repository: 'app', retryDelay: 2, ...(credentials ? { credentials } : {}) })
    onTestFinished(() => registry.close())
    return registry
  }
  const sent = { open: async (from: number) => flow(bytes.subarray(from)) }

  test.runIf(hasProgram('openssl', 'version'))('with tokens lets in whom its token server knows', async () => {
    const tokens = await startTokenServer(temporaryFolder(), (user) => (user === 'ada' ? ['pull', 'push'] : []))
    const registry = await startRegistry(tokens.auth)
    onTestFinished(async () => {
      tokens.stop()
      await registry.stop()
    })
    expect(await openThere(registry.host, ada).upload(layer, sent)).toBe('uploaded')
    expect((await read(openThere(registry.host, ada))).equals(bytes)).toBe(true)
    await expect(read(openThere(registry.host))).rejects.toMatchObject({ code: 'REGISTRY_DENIED' })
    const stranger = { ...ada, password: 'wrong' }
    await expect(read(openThere(registry.host, stranger))).rejects.toMatchObject({ code: 'REGISTRY_DENIED' })
  })

  test('with a password file lets in whom it names', async () => {
    const file = join(temporaryFolder(), 'htpasswd')
    // `htpasswd -nbB ada secret`
    writeFileSync(file, 'ada:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n')
    const registry = await startRegistry(`auth: {htpasswd: {realm: here, path: ${file}}}`)
    onTestFinished(() => registry.stop())
    expect(await openThere(registry.host, ada).upload(layer, sent)).toBe('uploaded')
    expect((await read(openThere(registry.host, ada))).equals(bytes)).toBe(true)
    for (const credentials of [undefined, { ...ada, password: 'wrong' }])
      await expect(read(openThere(registry.host, credentials))).rejects.toMatchObject({ code: 'REGISTRY_DENIED' })
  })

  test('open to all lets everybody in, also who shows a password', async () => {
    const registry = await startRegistry()
    onTestFinished(() => registry.stop())
    expect(await openThere(registry.host, ada).upload(layer, sent)).toBe('uploaded')
    expect((await read(openThere(registry.host))).equals(bytes)).toBe(true)
  })
})
