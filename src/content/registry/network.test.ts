import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer as createHttp, request } from 'node:http'
import { createServer as createHttps } from 'node:https'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { BadRegistry, digestOf } from '../../../test/kit/bad-registry.ts'
import { hasProgram } from '../../../test/kit/needs.ts'
import { mediaTypes } from '../../oci/index.ts'
import { collect, flow } from '../../support/index.ts'
import { openRegistry } from './index.ts'

async function start(): Promise<BadRegistry> {
  const registry = await BadRegistry.start()
  onTestFinished(() => registry.stop())
  return registry
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
  })
  return (server.address() as AddressInfo).port
}

const bytes = Buffer.from(Array.from({ length: 1_300_000 }, (_, i) => (i * 2_654_435_761) >>> 24))
const layer = { mediaType: mediaTypes.layerGzip, digest: digestOf(bytes), size: bytes.length }
const options = { repository: 'app', retryDelay: 2, attempts: 3 }

/** A way to the registry on which each connection is cut after a while; `bytesLeft` says how long each lives. */
async function cutting(registry: BadRegistry, bytesLeft: () => number): Promise<number> {
  const [host, port] = registry.host.split(':') as [string, string]
  return listen(
    createServer((near) => {
      const far = connect(Number(port), host)
      let left = bytesLeft()
      const end = () => {
        near.destroy()
        far.destroy()
      }
      const pass = (from: typeof near, to: typeof near) =>
        from.on('data', (chunk) => {
          if (left < 0) return
          left -= chunk.length
          if (left >= 0) to.write(chunk)
          else to.write(chunk.subarray(0, chunk.length + left), () => setTimeout(end, 2))
        })
      pass(near, far)
      pass(far, near)
      for (const socket of [near, far]) socket.on('error', end).on('close', end)
    }),
  )
}

/** The same numbers each time: a failure can be looked at again. */
function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32
    return state / 2 ** 32
  }
}

test('a network that cuts at any byte delays a pull, and never changes what comes out', async () => {
  const registry = await start()
  registry.addBlob(bytes)
  const random = numbers(1)
  const port = await cutting(registry, () => Math.floor(random() * 900_000))
  let whole = 0
  for (let i = 0; i < 40; i++) {
    const client = openRegistry(`127.0.0.1:${port}`, options)
    const read = client.open(layer).then((flow) => collect(flow, 1 << 24))
    const found = await read.catch((error: { code?: string }) => error.code)
    if (Buffer.isBuffer(found)) {
      expect(found.equals(bytes)).toBe(true)
      whole += 1
    } else expect(found).toBe('REGISTRY_UNREACHABLE')
    client.close()
  }
  expect(whole).toBeGreaterThan(20)
})

test('a network that cuts at any byte delays a push, and what arrives is whole', async () => {
  const random = numbers(2)
  let whole = 0
  for (let i = 0; i < 30; i++) {
    const registry = await start()
    const port = await cutting(registry, () => Math.floor(random() * 1_600_000))
    const client = openRegistry(`127.0.0.1:${port}`, options)
    const slices = (from: number) =>
      Array.from({ length: Math.ceil((bytes.length - from) / 50_000) }, (_, n) =>
        bytes.subarray(from + n * 50_000, Math.min(from + (n + 1) * 50_000, bytes.length)),
      )
    const sent = client.upload(layer, { open: async (from) => flow(...slices(from)) })
    const outcome = await sent.catch((error: { code?: string }) => error.code)
    if (outcome === 'uploaded' || outcome === 'existing') whole += 1
    else expect(outcome).toBe('REGISTRY_UNREACHABLE')
    const kept = registry.blobs.get(layer.digest)
    if (outcome === 'uploaded') expect(kept?.equals(bytes)).toBe(true)
    client.close()
  }
  expect(whole).toBeGreaterThan(15)
})

test('plain HTTP goes through HTTP_PROXY, but not to the hosts of NO_PROXY', async () => {
  const registry = await start()
  registry.addBlob(bytes)
  const seen: string[] = []
  const proxy = createHttp((asked, answer) => {
    seen.push(`${asked.method} ${asked.url} ${asked.headers['proxy-authorization']}`)
    const url = new URL(asked.url!)
    const far = request({
      host: '127.0.0.1',
      port: registry.host.split(':')[1],
      path: url.pathname,
      method: asked.method,
    })
    far.on('response', (response) => {
      answer.writeHead(response.statusCode!, response.headers)
      response.pipe(answer)
    })
    far.end()
  })
  const port = await listen(proxy)
  const environment = { HTTP_PROXY: `http://ada:pass@127.0.0.1:${port}`, HTTPS_PROXY: `http://127.0.0.1:${port}` }
  const client = openRegistry('registry.invalid', { ...options, environment, insecure: true })
  expect((await collect(await client.open(layer), 1 << 24)).equals(bytes)).toBe(true)
  const authorization = `Basic ${Buffer.from('ada:pass').toString('base64')}`
  expect(seen).toContain(`GET http://registry.invalid/v2/app/blobs/${layer.digest} ${authorization}`)
  const before = seen.length
  const direct = openRegistry('registry.invalid', {
    ...options,
    environment: { ...environment, NO_PROXY: 'example.com,.invalid' },
    insecure: true,
  })
  await expect(direct.has(layer)).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' })
  expect(seen).toHaveLength(before)
})

describe.runIf(hasProgram('openssl', 'version'))('with a certificate of one’s own', () => {
  const name = 'registry.test'

  async function startSecure() {
    const folder = mkdtempSync(join(tmpdir(), 'tare-tls-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
    const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name},IP:127.0.0.1`]
    const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-keyout', key, '-out', cert]
    execFileSync('openssl', [...args, ...subject], { stdio: 'ignore' })
    const server = createHttps({ key: readFileSync(key), cert: readFileSync(cert) }, (asked, answer) => {
      answer.writeHead(200, { 'Content-Length': bytes.length })
      answer.end(asked.method === 'HEAD' || asked.url === '/v2/' ? undefined : bytes)
    })
    return { port: await listen(server), cert }
  }

  test('it is refused, taken when SSL_CERT_FILE names it, and not looked at when insecure', async () => {
    const { port, cert } = await startSecure()
    const host = `127.0.0.1:${port}`
    await expect(openRegistry(host, { ...options, attempts: 1 }).has(layer)).rejects.toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
      message: expect.stringContaining('its certificate is not trusted'),
    })
    expect(await openRegistry(host, { ...options, environment: { SSL_CERT_FILE: cert } }).has(layer)).toBe(true)
    expect(await openRegistry(host, { ...options, insecure: true }).has(layer)).toBe(true)
  })

  test('HTTPS goes through HTTPS_PROXY by CONNECT', async () => {
    const { port, cert } = await startSecure()
    const asked: string[] = []
    const proxy = createHttp().on('connect', (question, near) => {
      asked.push(question.url!)
      const far = connect(port, '127.0.0.1', () => {
        near.write('HTTP/1.1 200 OK\r\n\r\n')
        near.pipe(far).pipe(near)
      })
      for (const socket of [near, far]) socket.on('error', () => far.destroy())
    })
    const environment = { HTTPS_PROXY: `http://127.0.0.1:${await listen(proxy)}`, SSL_CERT_FILE: cert }
    const client = openRegistry(name, { ...options, environment })
    expect((await collect(await client.open(layer), 1 << 24)).equals(bytes)).toBe(true)
    expect(new Set(asked)).toEqual(new Set([`${name}:443`]))
    const refusing = createHttp().on('connect', (_, near) => near.end('HTTP/1.1 403 Forbidden\r\n\r\n'))
    const refused = { HTTPS_PROXY: `http://127.0.0.1:${await listen(refusing)}` }
    await expect(openRegistry(name, { ...options, environment: refused }).has(layer)).rejects.toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
      message: expect.stringContaining('answers 403 to CONNECT'),
    })
  })
})
