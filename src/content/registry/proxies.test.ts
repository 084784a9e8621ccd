import { readFileSync } from 'node:fs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { BadRegistry, digestOf } from '../../../test/kit/bad-registry.ts'
import { makeCertificate } from '../../../test/kit/certificates.ts'
import { temporaryFolder } from '../../../test/kit/cli.ts'
import { hasProgram } from '../../../test/kit/needs.ts'
import { startProxy, startSocks } from '../../../test/kit/proxies.ts'
import { startStranger } from '../../../test/kit/stranger.ts'
import { mediaTypes } from '../../oci/index.ts'
import { collect } from '../../support/index.ts'
import { openRegistry, type RegistryOptions } from './index.ts'

const bytes = Buffer.alloc(400_000, 'through a proxy ')
const layer = { mediaType: mediaTypes.layerGzip, digest: digestOf(bytes), size: bytes.length }
const options = { repository: 'app', retryDelay: 2, attempts: 2, idleTimeout: 2_000 }

describe.runIf(hasProgram('openssl', 'version'))('a proxy', () => {
  /** A registry and a certificate that is believed, for it and for proxies. */
  async function setScene(secure: boolean) {
    const folder = temporaryFolder()
    const files = makeCertificate(folder, 'here', undefined, 'IP:127.0.0.1,DNS:registry.test')
    const tls = { cert: readFileSync(files.cert), key: readFileSync(files.key) }
    const registry = await BadRegistry.start(secure ? { tls } : {})
    onTestFinished(() => registry.stop())
    registry.addBlob(bytes)
    const read = async (environment: Record<string, string>, more: Partial<RegistryOptions> = {}) => {
      const all = { SSL_CERT_FILE: files.cert, ...environment }
      const opened = openRegistry('registry.test', { ...options, insecure: !secure, environment: all, ...more })
      onTestFinished(() => opened.close())
      return collect(await opened.open(layer), 1 << 20)
    }
    return { registry, tls, read }
  }

  for (const secure of [true, false])
    for (const kind of ['http', 'https', 'socks5', 'socks5h'])
      for (const user of [undefined, 'ada:pass word'])
        test(`by ${kind}${user === undefined ? '' : ' with a password'} leads to a registry that speaks ${secure ? 'https' : 'http'}`, async () => {
          const { registry, tls, read } = await setScene(secure)
          const to = registry.host
          const proxy = kind.startsWith('socks')
            ? await startSocks({ to, user })
            : await startProxy({ to, user, ...(kind === 'https' ? { tls } : {}) })
          const address = `${kind}://${user === undefined ? '' : 'ada:pass%20word@'}${proxy.host}`
          const variables = secure ? { HTTPS_PROXY: address } : { HTTP_PROXY: address }
          expect((await read(variables)).equals(bytes)).toBe(true)
          const last = proxy.asked.at(-1)
          if (kind.startsWith('socks')) expect(last).toBe(`SOCKS registry.test:${secure ? 443 : 80}`)
          else if (secure) expect(last).toBe('CONNECT registry.test:443')
          else expect(last).toBe(`GET http://registry.test/v2/app/blobs/${layer.digest}`)
        })

  const refusing = [
    { why: 'answers 403', secure: true, status: 403, kind: 'http' },
    { why: 'answers 502', secure: true, status: 502, kind: 'http' },
    { why: 'requires a user name and a password', secure: true, status: 407, kind: 'http' },
    { why: 'requires a user name and a password', secure: false, status: 407, kind: 'http' },
    { why: 'answers 503', secure: false, status: 503, kind: 'http' },
  ]
  for (const { why, secure, status, kind } of refusing)
    test(`that ${why} for ${secure ? 'https' : 'http'} is named with its variable`, async () => {
      const { registry, read } = await setScene(secure)
      const proxy = await startProxy({ to: registry.host, status })
      const variable = secure ? 'HTTPS_PROXY' : 'HTTP_PROXY'
      const found = read({ [variable]: `${kind}://ada:hunter2@${proxy.host}` })
      const error = await found.catch((thrown: Error) => thrown)
      expect((error as Error).message).toContain(`${proxy.host} (${variable})`)
      if (secure || status === 407) expect((error as Error).message).toContain(why)
      expect(JSON.stringify(error) + (error as Error).message).not.toContain('hunter2')
    })

  test.each([
    ['socks5', 'requires a user name and a password'],
    ['socks5://ada:wrong@', 'rejects the user name and password'],
  ])('by %s that wants somebody else says so', async (scheme, why) => {
    const { registry, read } = await setScene(true)
    const proxy = await startSocks({ to: registry.host, user: 'ada:right' })
    const found = read({ HTTPS_PROXY: scheme.includes('@') ? `${scheme}${proxy.host}` : `socks5://ada@${proxy.host}` })
    await expect(found).rejects.toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
      message: expect.stringMatching(new RegExp(scheme.includes('@') ? why : 'HTTPS_PROXY')),
    })
  })

  test('by SOCKS that cannot reach the registry says why', async () => {
    const { registry, read } = await setScene(true)
    const proxy = await startSocks({ to: registry.host, reply: 5 })
    await expect(read({ HTTPS_PROXY: `socks5h://${proxy.host}` })).rejects.toMatchObject({
      message: expect.stringContaining(
        `${proxy.host} (HTTPS_PROXY) cannot reach registry.test:443: connection refused`,
      ),
      remedy: expect.stringContaining('HTTPS_PROXY'),
    })
  })

  test('at which nobody listens, or that is no proxy, is named', async () => {
    const { registry, read } = await setScene(true)
    const nobody = read({ HTTPS_PROXY: 'http://127.0.0.1:9' })
    await expect(nobody).rejects.toMatchObject({
      message: expect.stringContaining('127.0.0.1:9 (HTTPS_PROXY) cannot be reached: connection refused'),
    })
    for (const kind of ['https', 'socks5']) {
      const proxy = await startProxy({ to: registry.host })
      const found = read({ HTTPS_PROXY: `${kind}://${proxy.host}` })
      await expect(found).rejects.toMatchObject({
        code: 'REGISTRY_UNREACHABLE',
        message: expect.stringContaining(`${proxy.host} (HTTPS_PROXY)`),
      })
    }
  })

  test('that asks for a password in the registry’s place gets none', async () => {
    const { registry, read } = await setScene(true)
    const stranger = await startStranger(() => 'Basic realm="x"')
    const headers = { 'WWW-Authenticate': `Bearer realm="${stranger.origin}/token",service="x"` }
    const proxy = await startProxy({ to: registry.host, status: 401, headers })
    const credentials = { source: 'the test', user: 'ada', password: 'secret' }
    await expect(read({ HTTPS_PROXY: `http://${proxy.host}` }, { credentials })).rejects.toMatchObject({
      message: expect.stringContaining('answers 401 to CONNECT registry.test:443'),
    })
    expect(stranger.heard).toEqual([])
  })

  test('that speaks TLS with a certificate nobody knows is not told a password', async () => {
    const { registry, read } = await setScene(true)
    const other = makeCertificate(temporaryFolder(), 'other')
    const tls = { cert: readFileSync(other.cert), key: readFileSync(other.key) }
    const proxy = await startProxy({ to: registry.host, tls })
    await expect(read({ HTTPS_PROXY: `https://ada:hunter2@${proxy.host}` })).rejects.toMatchObject({
      message: expect.stringContaining('its certificate is not trusted'),
    })
    expect(proxy.asked).toEqual([])
  })
})
