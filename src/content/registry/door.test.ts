import { lookup } from 'node:dns/promises'
import { readFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { hostname } from 'node:os'
import { describe, expect, onTestFinished, test } from 'vitest'
import { BadRegistry, type BadRegistryOptions } from '../../../test/kit/bad-registry.ts'
import { makeCertificate } from '../../../test/kit/certificates.ts'
import { temporaryFolder } from '../../../test/kit/cli.ts'
import { hasProgram, unlessMissing } from '../../../test/kit/needs.ts'
import { openRegistry, type RegistryOptions } from './index.ts'

const options = { repository: 'app', retryDelay: 1, attempts: 5, idleTimeout: 10_000 }

async function start(more: BadRegistryOptions = {}): Promise<BadRegistry> {
  const registry = await BadRegistry.start({
    ...more,
    interfere: (request, response, self) => {
      const early = more.interfere?.(request, response, self)
      if (early !== undefined || !request.url!.includes('/tags/list')) return early
      if (more.auth !== undefined && request.headers.authorization === undefined) return
      response.end('{"tags":["1"]}')
      return true
    },
  })
  onTestFinished(() => registry.stop())
  return registry
}

async function tagsOf(host: string, more: Partial<RegistryOptions> = {}): Promise<readonly string[]> {
  const registry = openRegistry(host, { ...options, ...more })
  try {
    return await registry.tags()
  } finally {
    registry.close()
  }
}

/** A port of this machine that passes TLS on, and answers all else as it is told; which first bytes came is written down. */
async function secureOnly(to: string, answer: string): Promise<{ readonly host: string; readonly came: string[] }> {
  const came: string[] = []
  const [name, port] = to.split(':') as [string, string]
  const server = createServer((near) => {
    near.on('error', () => {})
    near.once('data', (bytes) => {
      came.push(bytes[0] === 0x16 ? 'TLS' : 'HTTP')
      if (bytes[0] !== 0x16) {
        if (answer === '') near.resetAndDestroy()
        else near.end(answer)
        return
      }
      near.pause()
      const far = connect(Number(port), name, () => {
        far.write(bytes)
        near.pipe(far).pipe(near)
      })
      far.on('error', () => near.destroy())
      near.on('close', () => far.destroy())
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
  })
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, came }
}

const page = (text: string) =>
  `HTTP/1.1 400 Bad Request\r\nContent-Length: ${text.length}\r\nConnection: close\r\n\r\n${text}`

describe.runIf(hasProgram('openssl', 'version'))('a registry of this machine that speaks TLS', () => {
  const certified = () => {
    const { cert, key } = makeCertificate(temporaryFolder(), 'here')
    return { cert, tls: { cert: readFileSync(cert), key: readFileSync(key) } }
  }

  test.each([
    ['as Go’s servers do', page('Client sent an HTTP request to an HTTPS server.\n')],
    [
      'as nginx does',
      page('<html><head><title>400 The plain HTTP request was sent to HTTPS port</title></head></html>'),
    ],
    ['with another page', page('<html>Bad Request</html>')],
    ['by hanging up', ''],
  ])('and refuses plain HTTP %s is asked once, by https', async (_, answer) => {
    const { cert, tls } = certified()
    const registry = await start({ tls })
    const { host, came } = await secureOnly(registry.host, answer)
    expect(await tagsOf(host, { environment: { SSL_CERT_FILE: cert } })).toEqual(['1'])
    expect(came).not.toContain('HTTP')
  })

  test.each([
    ['Client sent an HTTP request to an HTTPS server.', page('x')],
    ['a reset', ''],
  ])('with a certificate that nobody knows is refused for that, and not spoken to in clear (%s)', async (_, answer) => {
    const registry = await start({ tls: certified().tls })
    const { host } = await secureOnly(registry.host, answer)
    await expect(tagsOf(host)).rejects.toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
      message: expect.stringContaining('its certificate is not trusted'),
    })
    expect(registry.requests).toEqual([])
    expect(await tagsOf(host, { insecure: true })).toEqual(['1'])
  })
})

test('a registry of this machine that speaks HTTP is spoken to, with credentials where it asks for them', async () => {
  const registry = await start({ auth: 'basic' })
  const credentials = { source: 'the test', user: 'ada', password: 'secret' }
  expect(await tagsOf(registry.host, { credentials })).toEqual(['1'])
})

test('what is busy at the door is asked again, by the same scheme', async () => {
  let left = 2
  const registry = await start({
    interfere: (request, response) => {
      if (request.url !== '/v2/' || left-- <= 0) return
      response.writeHead(503).end()
      return true
    },
  })
  expect(await tagsOf(registry.host)).toEqual(['1'])
  expect(registry.countOf('GET /v2/')).toBeGreaterThanOrEqual(3)
})

/** A name of this machine besides localhost, that leads to it and nowhere else. */
async function anotherName(): Promise<string | undefined> {
  for (const name of ['registry.localhost', 'ip4-loopback', hostname(), 'ip6-loopback']) {
    const found = await lookup(name, { all: true }).catch(() => [])
    if (found.length > 0 && found.every(({ address }) => address === '127.0.0.1')) return name
  }
  return undefined
}

const name = await anotherName()

describe.runIf(unlessMissing(name !== undefined, 'no other name than localhost leads to 127.0.0.1'))(
  'a name that leads to this machine',
  () => {
    const named = (registry: BadRegistry) => `${name}:${registry.host.split(':')[1]}`

    test('is spoken to in plain HTTP, by its own name', async () => {
      let asked: string | undefined
      const registry = await start({
        interfere: (request) => {
          asked = request.headers.host
          return undefined
        },
      })
      expect(await tagsOf(named(registry))).toEqual(['1'])
      expect(asked).toBe(named(registry))
    })

    test('gets what is kept for it', async () => {
      const registry = await start({ auth: 'basic' })
      const auth = Buffer.from('ada:secret').toString('base64')
      for (const key of [named(registry), `http://${named(registry)}`]) {
        const DOCKER_AUTH_CONFIG = JSON.stringify({ auths: { [key]: { auth } } })
        expect(await tagsOf(named(registry), { environment: { HOME: temporaryFolder(), DOCKER_AUTH_CONFIG } })).toEqual(
          ['1'],
        )
      }
      const DOCKER_AUTH_CONFIG = JSON.stringify({ auths: { [name!]: { auth } } })
      const found = tagsOf(named(registry), { environment: { HOME: temporaryFolder(), DOCKER_AUTH_CONFIG } })
      await expect(found).rejects.toMatchObject({ code: 'REGISTRY_DENIED' })
    })

    test('is asked through the proxy where there is one, which knows better where it leads', async () => {
      const registry = await start()
      const found = tagsOf(named(registry), { environment: { HTTP_PROXY: 'http://127.0.0.1:9' }, attempts: 1 })
      await expect(found).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' })
      expect(registry.requests).toEqual([])
    })
  },
)

test('a name that leads elsewhere, or nowhere, is not spoken to in clear', async () => {
  await expect(tagsOf('registry.invalid:5000', { attempts: 1 })).rejects.toMatchObject({
    code: 'REGISTRY_UNREACHABLE',
    message: expect.stringContaining('no such host'),
  })
  // This machine, but no address of 127.0.0.0/8.
  const registry = await start()
  await expect(tagsOf(`0.0.0.0:${registry.host.split(':')[1]}`, { attempts: 1 })).rejects.toMatchObject({
    code: 'REGISTRY_UNREACHABLE',
  })
  expect(registry.requests).toEqual([])
})
