import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { hasRegistry, startRegistry } from '../../../test/kit/docker-registry.ts'
import { hasProgram } from '../../../test/kit/needs.ts'
import { mediaTypes } from '../../oci/index.ts'
import { collect, flow, sha256 } from '../../support/index.ts'
import { openRegistry } from './index.ts'

const bytes = Buffer.from('shown to friends only')
const blob = { mediaType: mediaTypes.layer, digest: sha256(bytes), size: bytes.length }

describe.runIf(hasRegistry && hasProgram('openssl', 'version'))('a registry that asks who connects', () => {
  let made = ''
  beforeAll(() => {
    made = mkdtempSync(join(tmpdir(), 'tare-certs-'))
    const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: made, stdio: 'ignore' })
    const key = ['-newkey', 'rsa:2048', '-nodes', '-days', '1']
    openssl('req', '-x509', ...key, '-keyout', 'ca.pem', '-out', 'ca.crt', '-subj', '/CN=our authority')
    writeFileSync(join(made, 'san'), 'subjectAltName=IP:127.0.0.1')
    for (const name of ['server', 'client']) {
      openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`)
      const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.pem', '-CAcreateserial', '-days', '1', '-extfile', 'san']
      openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.cert`, ...signed)
    }
    return () => rmSync(made, { recursive: true, force: true })
  })

  async function start() {
    const path = (name: string) => JSON.stringify(join(made, name))
    const tls = `tls: {certificate: ${path('server.cert')}, key: ${path('server.key')}, clientcas: [${path('ca.crt')}]}`
    const registry = await startRegistry('', tls)
    onTestFinished(() => registry.stop())
    const home = mkdtempSync(join(tmpdir(), 'tare-certs-home-'))
    onTestFinished(() => rmSync(home, { recursive: true, force: true }))
    return { host: registry.host, home }
  }

  /** Puts files of ours into the registry's folder of certs.d, under other names. */
  function put(folder: string, files: Readonly<Record<string, string>>): void {
    mkdirSync(folder, { recursive: true })
    for (const [name, source] of Object.entries(files)) copyFileSync(join(made, source), join(folder, name))
  }

  const open = (host: string, environment: Readonly<Record<string, string>>) =>
    openRegistry(host, { repository: 'app', attempts: 1, environment })

  for (const place of ['.config/containers/certs.d', '.config/docker/certs.d'])
    test(`lets in whom the certificate in ~/${place} shows`, async () => {
      const { host, home } = await start()
      put(join(home, place, host), { 'authority.crt': 'ca.crt', 'me.cert': 'client.cert', 'me.key': 'client.key' })
      const registry = open(host, { HOME: home })
      await registry.put(blob, async () => flow(bytes))
      expect((await collect(await registry.open(blob), 1000)).equals(bytes)).toBe(true)
      registry.close()
    })

  test('is told of by name where nothing can be shown, or is not believed', async () => {
    const { host, home } = await start()
    put(join(home, '.config/containers/certs.d', host), { 'authority.crt': 'ca.crt' })
    await expect(open(host, { HOME: home }).has(blob)).rejects.toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
      message: expect.stringContaining('requires a client certificate'),
      remedy: expect.stringContaining(join('certs.d', host)),
    })
    await expect(open(host, { HOME: join(home, 'none') }).has(blob)).rejects.toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
      message: expect.stringContaining('its certificate is not trusted'),
      remedy: expect.stringContaining('SSL_CERT_FILE'),
    })
  })

  test('is believed by the authorities in SSL_CERT_DIR, whatever else lies there', async () => {
    const { host, home } = await start()
    put(join(home, '.config/docker/certs.d', host), { 'me.cert': 'client.cert', 'me.key': 'client.key' })
    const folder = join(home, 'authorities')
    put(folder, { 'ours.pem': 'ca.crt' })
    symlinkSync('ours.pem', join(folder, '0123abcd.0'))
    symlinkSync('nowhere', join(folder, 'dangling.0'))
    writeFileSync(join(folder, 'README'), 'no certificate')
    mkdirSync(join(folder, 'java'))
    const environment = { HOME: home, SSL_CERT_DIR: `${join(home, 'none')}:${folder}` }
    expect(await open(host, environment).has(blob)).toBe(false)
  })

  for (const [what, files, message] of [
    ['a certificate without its key', { 'me.cert': 'client.cert' }, 'me.cert has no me.key beside it'],
    ['a key without its certificate', { 'me.key': 'client.key' }, 'me.key has no matching certificate'],
    ['another’s key', { 'me.cert': 'client.cert', 'me.key': 'server.key' }, 'me.key are no certificate and its key'],
    ['an authority that is none', { 'a.crt': 'san' }, 'a.crt has no certificate'],
  ] as const)
    test(`${what} is an error that names the file`, async () => {
      const home = mkdtempSync(join(tmpdir(), 'tare-certs-home-'))
      onTestFinished(() => rmSync(home, { recursive: true, force: true }))
      put(join(home, '.config/docker/certs.d/registry.example'), files)
      await expect(open('registry.example', { HOME: home }).has(blob)).rejects.toMatchObject({
        code: 'CERTIFICATES_INVALID',
        message: expect.stringContaining(message),
      })
    })
})
