import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { makeCertificate } from '../../../test/kit/certificates.ts'
import { temporaryFolder } from '../../../test/kit/cli.ts'
import { hasProgram } from '../../../test/kit/needs.ts'
import { mediaTypes } from '../../oci/index.ts'
import { collect, sha256 } from '../../support/index.ts'
import { openRegistry } from './index.ts'

const bytes = Buffer.from('a layer behind a gateway')
const blob = { mediaType: mediaTypes.layer, digest: sha256(bytes), size: bytes.length }

describe.runIf(hasProgram('openssl', 'version'))('what hosts.toml has for one host alone', () => {
  let folder = ''
  let authority: ReturnType<typeof makeCertificate>
  let server: ReturnType<typeof makeCertificate>

  beforeEach(() => {
    folder = temporaryFolder()
    authority = makeCertificate(folder, 'authority')
    server = makeCertificate(folder, 'server', authority)
    makeCertificate(folder, 'me', authority)
  })

  const serve = async (
    answer: (request: IncomingMessage, response: ServerResponse) => void,
    options: ServerOptions = {},
  ) => {
    const identity = { cert: readFileSync(server.cert), key: readFileSync(server.key) }
    const listening = createServer({ ...identity, ...options }, answer)
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      listening.closeAllConnections()
      listening.close()
    })
    return `127.0.0.1:${(listening.address() as AddressInfo).port}`
  }

  /** A mirror that wants a certificate and a header, and sends blobs on to a storage of the same authority. */
  const gateway = async () => {
    const atStorage: unknown[] = []
    const storage = await serve((request, response) => {
      atStorage.push(request.headers['x-key'])
      response.end(bytes)
    })
    const strict = { requestCert: true, rejectUnauthorized: true, ca: readFileSync(authority.cert) }
    const host = await serve((request, response) => {
      const isLetIn = request.headers['x-key'] === 'a secret'
      const location = `https://${storage}/blob`
      response.writeHead(!isLetIn ? 403 : request.url!.includes('/blobs/') ? 307 : 200, { location }).end()
    }, strict)
    return { host, atStorage }
  }

  const read = async (said: string, mirror: string, name = 'a.test') => {
    const at = join(folder, '.config/containerd/certs.d', name)
    mkdirSync(at, { recursive: true })
    for (const file of ['authority.crt', 'me.crt', 'me.key'])
      writeFileSync(join(at, file), readFileSync(join(folder, file)))
    writeFileSync(join(at, 'both.pem'), `${readFileSync(join(at, 'me.crt'))}${readFileSync(join(at, 'me.key'))}`)
    writeFileSync(join(at, 'hosts.toml'), said.replaceAll('HOST', mirror).replaceAll('AT', at))
    const warnings: string[] = []
    const options = { environment: { HOME: folder }, attempts: 1, warn: (text: string) => warnings.push(text) }
    const registry = openRegistry(name, { repository: 'app', namedBy: 'tag', ...options })
    onTestFinished(() => registry.close())
    return String(await collect(await registry.open(blob), 1000))
  }

  test.each([
    '[host."https://HOST"]\nca = "authority.crt"\nclient = [["me.crt", "me.key"]]\n[host."https://HOST".header]\nX-Key = "a secret"',
    '[host."https://HOST"]\nca = ["AT/authority.crt"]\nclient = "both.pem"\nheader = {x-key = ["a secret"]}',
    '[host."https://HOST"]\nca = "authority.crt"\nclient = ["both.pem"]\nheader = {x-key = "a secret"}',
    '[host."https://HOST/v2"]\nskip_verify = true\nclient = [["AT/me.crt", "AT/me.key"]]\nheader = {x-key = "a secret"}',
    'server = "https://HOST"\nca = "authority.crt"\nclient = "both.pem"\n[header]\nx-key = "a secret"',
  ])('is used for it, and is shown to nobody it leads on to: %j', async (said) => {
    const { host, atStorage } = await gateway()
    expect(await read(said, host)).toBe(String(bytes))
    expect(atStorage).toEqual([undefined])
  })

  test('is used for the registry itself where that is where its name says', async () => {
    const { host } = await gateway()
    const said = 'ca = "authority.crt"\nclient = "both.pem"\n[header]\nx-key = "a secret"'
    expect(await read(said, '', host)).toBe(String(bytes))
  })

  test.each([
    ['client = "both.pem"', 'its certificate is not trusted'],
    ['ca = "authority.crt"', 'requires a client certificate'],
    ['ca = "authority.crt"\nclient = "both.pem"', '403'],
    ['ca = "none.pem"', 'none.pem'],
    ['ca = "me.key"\nclient = "authority.crt"', 'no certificate and its key'],
  ])('is needed there: with %j, the error tells what the mirror said', async (said, why) => {
    const { host } = await gateway()
    const reading = read(`server = "https://127.0.0.1:9"\n[host."https://HOST"]\n${said}`, host)
    await expect(reading).rejects.toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
      message: expect.stringContaining(why),
    })
  })
})
