import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer as serveHttp } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { engineThat } from '../../../../test/kit/buildkit-front.ts'
import { type CertificateFiles, makeCertificate } from '../../../../test/kit/certificates.ts'
import { temporaryFolder, writeFiles } from '../../../../test/kit/cli.ts'
import { freePort } from '../../../../test/kit/free-port.ts'
import { relayTo } from '../../../../test/kit/relay.ts'
import { standIn } from '../../../../test/kit/stand-in.ts'
import { type EngineReport, examineEngine, findBuilders } from './index.ts'

// Every kind of address leads to an engine, and what is none is told.

const works = { software: 'buildkitd v0.99.0', workers: ['w'], platforms: ['linux/amd64'] }

async function ask(address: string, environment: Record<string, string> = {}): Promise<EngineReport> {
  const choice = findBuilders(address, { DOCKER_CONFIG: '/nowhere', ...environment })
  if (choice.kind !== 'engine') throw new Error(`${address} is not an engine`)
  return examineEngine(choice.address)
}

/** The socket of a BuildKit that speaks HTTP/2 at once. */
function engine(): Promise<string> {
  return engineThat(async () => {})
}

test('tcp:// is a BuildKit on a port', async () => {
  const { address } = await relayTo(await engine(), 'port')
  expect(await ask(address)).toMatchObject(works)
  expect(await ask(address.replace('127.0.0.1', 'localhost'))).toMatchObject(works)
})

test.each([
  ['ssh://me@far:2222', 'ssh', '-T -o BatchMode=yes -l me -p 2222 -- far buildctl dial-stdio'],
  ['ssh://far/run/b.sock', 'ssh', '-T -o BatchMode=yes -- far buildctl --addr=unix:///run/b.sock dial-stdio'],
  ['docker-container://b-0', 'docker', 'exec -i b-0 buildctl dial-stdio'],
  ['podman-container://b-0', 'podman', 'exec -i b-0 buildctl dial-stdio'],
  ['nerdctl-container://b-0', 'nerdctl', 'exec -i b-0 buildctl dial-stdio'],
  ['kube-pod://b-0', 'kubectl', 'exec -i b-0 -- buildctl dial-stdio'],
  [
    'kube-pod://b-0?container=c&context=u@h&namespace=ci',
    'kubectl',
    '--context=u@h --namespace=ci exec --container=c -i b-0 -- buildctl dial-stdio',
  ],
])('%s is a BuildKit behind %s', async (address, program, args) => {
  standIn(program, args.split(' '), (await engine()).slice('unix://'.length))
  expect(await ask(address)).toMatchObject(works)
})

test('a program that is not what it should be says why', async () => {
  standIn('kubectl', ['other'], '/nowhere')
  await expect(ask('kube-pod://b-0')).rejects.toMatchObject({
    code: 'ENGINE_UNREACHABLE',
    message: expect.stringContaining('kubectl ended with exit code 9: called with exec -i b-0'),
  })
})

test('a program that is not installed is told', async () => {
  const before = process.env['PATH']
  process.env['PATH'] = temporaryFolder()
  onTestFinished(() => {
    process.env['PATH'] = before
  })
  await expect(ask('nerdctl-container://b')).rejects.toMatchObject({
    code: 'ENGINE_UNREACHABLE',
    message: expect.stringContaining('nerdctl is not installed'),
  })
})

describe('over TLS', () => {
  let folder: string
  let authority: CertificateFiles
  let server: CertificateFiles
  let me: CertificateFiles
  let other: CertificateFiles
  let ofOther: CertificateFiles

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'tare-tls-'))
    authority = makeCertificate(folder, 'authority')
    other = makeCertificate(folder, 'other')
    server = makeCertificate(folder, 'server', authority)
    me = makeCertificate(folder, 'me', authority)
    ofOther = makeCertificate(folder, 'of-other', other)
  })

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const text = (file: string) => readFileSync(file)
  const serve = async ({ cert, key } = server, more: object = {}) =>
    relayTo(await engine(), { cert: text(cert), key: text(key), ALPNProtocols: ['h2'], ...more })
  const wantsClient = () => ({ ca: text(authority.cert), requestCert: true, rejectUnauthorized: true })

  test('a server whose CA is named is trusted', async () => {
    const { address } = await serve()
    expect(await ask(`${address}?ca=${authority.cert}`)).toMatchObject(works)
    expect(await ask(`${address.replace('127.0.0.1', 'localhost')}?ca=${authority.cert}`)).toMatchObject(works)
  })

  test('a server without ALPN is asked as well', async () => {
    const { address } = await serve(server, { ALPNProtocols: undefined })
    expect(await ask(`${address}?ca=${authority.cert}`)).toMatchObject(works)
  })

  test('client and server know one another', async () => {
    const { address } = await serve(server, wantsClient())
    const asked = `${address}?ca=${authority.cert}`
    expect(await ask(`${asked}&cert=${me.cert}&key=${me.key}`)).toMatchObject(works)
    const certificates = writeFiles(temporaryFolder(), {
      'ca.pem': text(authority.cert),
      'cert.pem': text(me.cert),
      'key.pem': text(me.key),
    })
    expect(await ask(address, { DOCKER_CERT_PATH: certificates })).toMatchObject(works)
    // This server hangs up on others without a word.
    await expect(ask(asked)).rejects.toMatchObject({ code: expect.stringMatching(/^ENGINE_/) })
  })

  test.each([
    ['no client certificate', () => '', 'requires a client certificate'],
    [
      'a client certificate of another CA',
      () => `&cert=${ofOther.cert}&key=${ofOther.key}`,
      'does not accept the client certificate',
    ],
  ])('%s is told', async (_, more, why) => {
    const port = await freePort()
    const files = ['-cert', server.cert, '-key', server.key, '-CAfile', authority.cert]
    const openssl = spawn(
      'openssl',
      ['s_server', '-accept', String(port), ...files, '-Verify', '1', '-verify_return_error', '-quiet'],
      { stdio: 'ignore' },
    )
    onTestFinished(() => void openssl.kill())
    const asked = () =>
      ask(`tls://127.0.0.1:${port}?ca=${authority.cert}${more()}`).catch((error: Error) => error.message)
    await expect.poll(asked).toContain(why)
  })

  test.each([
    ['of another CA', () => server, () => `ca=${other.cert}`, 'not trusted', '?ca=FILE'],
    ['of a CA that nobody has named', () => server, () => '', 'not trusted', '?ca=FILE'],
    [
      'for another name',
      () => makeCertificate(folder, 'elsewhere', authority, 'DNS:builder.example'),
      () => `ca=${authority.cert}`,
      'for another name',
      'servername',
    ],
    [
      'that has expired',
      () => makeCertificate(folder, 'expired', authority, 'IP:127.0.0.1', -1),
      () => `ca=${authority.cert}`,
      'CERT_HAS_EXPIRED',
      'clocks',
    ],
  ])('a certificate %s is told', async (_, certificate, query, why, remedy) => {
    const { address } = await serve(certificate())
    await expect(ask(`${address}?${query()}`)).rejects.toMatchObject({
      code: 'ENGINE_UNREACHABLE',
      message: expect.stringContaining(why),
      remedy: expect.stringContaining(remedy),
    })
  })

  test('servername is the name in the certificate', async () => {
    const { address } = await serve(makeCertificate(folder, 'named', authority, 'DNS:builder.example'))
    const named = `${address}?ca=${authority.cert}&servername=`
    expect(await ask(`${named}builder.example`)).toMatchObject(works)
    await expect(ask(`${named}other.example`)).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' })
  })

  test('files that are not usable are told', async () => {
    const { address } = await serve()
    for (const query of [
      'ca=/nowhere.pem',
      `ca=${authority.key}`,
      `cert=${me.cert}&key=${other.key}`,
      `cert=${me.key}&key=${me.key}`,
    ])
      await expect(ask(`${address}?${query}`), query).rejects.toMatchObject({
        code: expect.stringMatching(/^CERTIFICATES_INVALID$|^ENGINE_UNREACHABLE$/),
      })
  })

  test('a port without TLS, and TLS without tls://, are told', async () => {
    const plain = await relayTo(await engine(), 'port')
    await expect(ask(`${plain.address.replace('tcp', 'tls')}?ca=${authority.cert}`)).rejects.toMatchObject({
      code: 'ENGINE_UNREACHABLE',
      message: expect.stringContaining('does not speak TLS'),
    })
    const { address } = await serve()
    await expect(ask(address.replace('tls', 'tcp'))).rejects.toMatchObject({ code: 'ENGINE_INVALID' })
  })
})

describe('what is no BuildKit is told', () => {
  async function portOf(server: Server): Promise<string> {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    return `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  test('a web server is no engine', async () => {
    const address = await portOf(serveHttp((_, response) => response.end('hello')))
    await expect(ask(address)).rejects.toMatchObject({ code: 'ENGINE_INVALID' })
  })

  test('a server that is silent is given up', async () => {
    await expect(ask(await portOf(createServer(() => {})))).rejects.toMatchObject({
      code: 'ENGINE_INVALID',
      message: expect.stringContaining('within 5 s'),
    })
  })

  test('a server that hangs up is no engine', async () => {
    await expect(ask(await portOf(createServer((socket) => socket.destroy())))).rejects.toMatchObject({
      code: 'ENGINE_INVALID',
    })
  })

  test('a server of ssh is no engine', async () => {
    const address = await portOf(createServer((socket) => void socket.write('SSH-2.0-OpenSSH_9.2\r\n')))
    await expect(ask(address)).rejects.toMatchObject({ code: 'ENGINE_INVALID' })
  })

  test('a port where nothing listens is named', async () => {
    await expect(ask(`tcp://127.0.0.1:${await freePort()}`)).rejects.toMatchObject({
      code: 'ENGINE_UNREACHABLE',
      message: expect.stringContaining('nothing listens there'),
    })
  })

  test('a file and a folder are no sockets', async () => {
    const folder = writeFiles(temporaryFolder(), { file: 'text' })
    for (const path of [folder, join(folder, 'file')])
      await expect(ask(`unix://${path}`)).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' })
  })

  test('a program that answers with something else, or with nothing, is no engine', async () => {
    const folder = writeFiles(temporaryFolder(), {
      podman: { content: '#!/bin/sh\necho hello\nexec sleep 60\n', mode: 0o755 },
      nerdctl: { content: '#!/bin/sh\nexec sleep 60\n', mode: 0o755 },
    })
    const before = process.env['PATH']
    process.env['PATH'] = `${folder}:${before}`
    onTestFinished(() => {
      process.env['PATH'] = before
    })
    const refused = (program: string) =>
      expect(ask(`${program}-container://b`), program).rejects.toMatchObject({ code: 'ENGINE_INVALID' })
    await Promise.all(['podman', 'nerdctl'].map(refused))
  })
})
