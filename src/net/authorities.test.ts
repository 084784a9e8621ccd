import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { makeCertificate } from '../../test/kit/certificates.ts'
import { temporaryFolder } from '../../test/kit/cli.ts'
import { hasProgram } from '../../test/kit/needs.ts'
import { collect } from '../support/index.ts'
import { allAuthorities, namedAuthorities } from './authorities.ts'
import { fetchUrl } from './index.ts'

const debian = '/etc/ssl/certs/ca-certificates.crt'

describe.runIf(hasProgram('openssl', 'version'))('an authority', () => {
  let folder = ''
  /** PEM files of two authorities; the server's certificate is of `ours`. */
  let ours = ''
  let others = ''
  let address = ''

  beforeEach(async () => {
    folder = temporaryFolder()
    const authority = makeCertificate(folder, 'ours')
    ours = authority.cert
    others = makeCertificate(folder, 'others').cert
    const { cert, key } = makeCertificate(folder, 'server', authority)
    const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (_, response) => {
      response.end('believed')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  })

  const put = (path: string, from: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), readFileSync(from))
    return join(folder, path)
  }

  const fetched = async (environment: Record<string, string>) => {
    const options = { environment: { HOME: folder, ...environment }, retryDelay: 1 }
    const take = async (bytes: AsyncIterable<Uint8Array>) => String(await collect(bytes, 100))
    return (await fetchUrl(new URL(`https://${address}/`), options, take)).taken
  }

  test('that nobody knows is not believed, whoever else is', async () => {
    for (const environment of [
      {},
      { SSL_CERT_FILE: others },
      { NODE_EXTRA_CA_CERTS: others },
      { SSL_CERT_FILE: '/nowhere' },
    ])
      await expect(fetched(environment as Record<string, string>)).rejects.toMatchObject({
        code: 'DOWNLOAD_FAILED',
        message: expect.stringContaining('its certificate is not trusted'),
      })
  })

  test('counts wherever it is named, and none hides another', async () => {
    const inFolder = dirname(put('trusted/ours.pem', ours))
    const other = dirname(put('others/others.pem', others))
    for (const environment of [
      { SSL_CERT_FILE: ours },
      { SSL_CERT_DIR: inFolder },
      { NODE_EXTRA_CA_CERTS: ours },
      { SSL_CERT_FILE: others, NODE_EXTRA_CA_CERTS: ours },
      { SSL_CERT_FILE: others, SSL_CERT_DIR: `${other}:${inFolder}` },
      { SSL_CERT_FILE: ours, SSL_CERT_DIR: other, NODE_EXTRA_CA_CERTS: others },
      { SSL_CERT_FILE: '/nowhere', NODE_EXTRA_CA_CERTS: ours },
    ])
      expect(await fetched(environment as Record<string, string>)).toBe('believed')
  })

  test('of certs.d counts besides those that variables name, for its host alone', async () => {
    put(`.config/containers/certs.d/${address}/ca.crt`, ours)
    expect(await fetched({ SSL_CERT_FILE: others })).toBe('believed')
    put('.config/docker/certs.d/other.example/ca.crt', ours)
  })

  test('of another host’s certs.d does not count', async () => {
    put('.config/containers/certs.d/127.0.0.1:1/ca.crt', ours)
    await expect(fetched({})).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' })
  })

  test('of the system’s bundle counts, of the first that has any', () => {
    const [one, two] = [readFileSync(ours, 'utf8').trim(), readFileSync(others, 'utf8').trim()]
    writeFileSync(join(folder, 'blank.crt'), '# none\n')
    const at = (...names: string[]) => names.map((name) => join(folder, name))
    const bundled = (...names: string[]) => allAuthorities([], at(...names)).filter((text) => [one, two].includes(text))
    expect(bundled('none.crt', 'blank.crt', 'ours.crt', 'others.crt')).toEqual([one])
    expect(bundled('others.crt', 'ours.crt')).toEqual([two])
    expect(bundled('none.crt', 'blank.crt')).toEqual([])
  })

  test.runIf(existsSync(debian))('of this system’s bundle counts without a word', () => {
    const pem = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g
    const trusted = new Set(allAuthorities([]).map((text) => text.replace(/\s/g, '')))
    const bundled = readFileSync(debian, 'utf8').match(pem) ?? []
    expect(bundled.length).toBeGreaterThan(0)
    expect(bundled.filter((text) => !trusted.has(text.replace(/\s/g, '')))).toEqual([])
  })

  test('is listed once, beside those of Node and of the system', () => {
    const pem = readFileSync(ours, 'utf8')
    const all = allAuthorities([pem, `${pem}\n`])
    expect(all.length).toBeGreaterThan(100)
    expect(all.filter((text) => text.trim() === pem.trim())).toHaveLength(1)
    const bundle = join(folder, 'bundle.pem')
    writeFileSync(bundle, `# ours\n${pem}\nother text\n${readFileSync(others, 'utf8')}`)
    expect(namedAuthorities({ SSL_CERT_FILE: bundle })).toHaveLength(2)
  })
})
