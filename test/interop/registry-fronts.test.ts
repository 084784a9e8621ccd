import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type CertificateFiles, makeCertificate } from '../kit/certificates.ts'
import { noise, openBench, temporaryFolder } from '../kit/cli.ts'
import { hasRegistry, startRegistry } from '../kit/docker-registry.ts'
import { hasNginx, hasSquid, hasTinyproxy, startNginx, startSquid, startTinyproxy } from '../kit/front.ts'
import { hasProgram } from '../kit/needs.ts'

// distribution 2.8 behind what it is behind in the field: nginx, squid, tinyproxy, a credential helper.

const hasOpenssl = hasProgram('openssl', 'version')

async function registryOn(more = '', http = ''): Promise<string> {
  const registry = await startRegistry(more, http)
  onTestFinished(() => registry.stop())
  return registry.host
}

/** A command line whose logins and certificates are its own, and an image with a layer of half a megabyte. */
function openClient(env: Record<string, string> = {}) {
  const bench = openBench({ Dockerfile: 'FROM scratch\nCOPY f /\n', f: noise(500_000) })
  const all = { HOME: bench.folder, DOCKER_CONFIG: join(bench.folder, 'docker'), ...env }
  const tare = (argv: readonly string[], more: { input?: string; env?: Record<string, string> } = {}) =>
    bench.tare(argv, { ...more, env: { ...all, ...more.env } })
  const succeed = async (...argv: string[]) => {
    const { code, err } = await tare(argv)
    expect([code, err], argv.join(' ')).toEqual([0, ''])
  }
  /** There and back: with nothing in the store but what comes from the registry. */
  const roundTrip = async (name: string, pulled = name) => {
    await succeed('build', '-q', '-t', name, bench.context)
    await succeed('push', '-q', name)
    await succeed('rmi', name)
    await succeed('pull', '-q', pulled)
    await succeed('registry', 'ls', pulled.replace(/:[^:/]*$/, ''))
  }
  return { ...bench, tare, succeed, roundTrip }
}

function certified(): CertificateFiles {
  return makeCertificate(temporaryFolder(), 'front')
}

const tlsOf = ({ cert, key }: CertificateFiles) => `ssl_certificate ${cert}; ssl_certificate_key ${key};`

describe.runIf(hasRegistry && hasNginx && hasOpenssl)('nginx in front of a registry', () => {
  test('with TLS and Basic, and a credential helper that is a program', async () => {
    const to = await registryOn()
    const files = certified()
    const { port } = await startNginx((port, folder) => {
      // ada:secret, as `openssl passwd -apr1` has it
      writeFileSync(join(folder, 'users'), 'ada:{PLAIN}secret\n')
      return `server {
        listen 127.0.0.1:${port} ssl; ${tlsOf(files)}
        auth_basic "registry"; auth_basic_user_file ${folder}/users;
        location / { proxy_pass http://${to}; }
      }`
    })
    const host = `127.0.0.1:${port}`
    const client = openClient({ SSL_CERT_FILE: files.cert })
    const denied = await client.tare(['pull', `${host}/team/app:1`])
    expect(denied).toMatchObject({ code: 1, err: expect.stringContaining('tare login') })
    const login = await client.tare(['login', '-u', 'ada', '--password-stdin', host], { input: 'secret' })
    expect(login).toMatchObject({ code: 0 })
    await client.roundTrip(`${host}/team/app:1`)
    // The same from a helper that keeps its secrets in a file.
    const bin = temporaryFolder()
    const helper = `#!/bin/sh\ncase $1 in\nstore) cat > ${bin}/kept;;\nget) cat >/dev/null; cat ${bin}/kept;;\nerase) cat >/dev/null; rm ${bin}/kept;;\nesac\n`
    writeFileSync(join(bin, 'docker-credential-file'), helper, { mode: 0o755 })
    writeFileSync(join(client.folder, 'docker/config.json'), JSON.stringify({ credHelpers: { [host]: 'file' } }))
    const env = { PATH: `${bin}:${process.env['PATH']}` }
    const kept = await client.tare(['login', '-u', 'ada', '--password-stdin', host], { input: 'secret', env })
    expect([kept.code, kept.err]).toEqual([0, ''])
    expect(readFileSync(join(client.folder, 'docker/config.json'), 'utf8')).not.toContain('auths')
    expect(await client.tare(['pull', `${host}/team/app:1`], { env })).toMatchObject({ code: 0 })
    expect(await client.tare(['logout', host], { env })).toMatchObject({ code: 0 })
    expect(await client.tare(['pull', `${host}/team/app:1`], { env })).toMatchObject({ code: 1 })
  })

  test('with a path prefix: repositories are called otherwise outside', async () => {
    const to = await registryOn('', 'relativeurls: true')
    const files = certified()
    const { port } = await startNginx(
      (port) => `server {
        listen 127.0.0.1:${port} ssl; ${tlsOf(files)}
        location = /v2/ { proxy_pass http://${to}; }
        location ~ ^/v2/outside/(.*)$ { proxy_pass http://${to}/v2/inside/$1$is_args$args; proxy_redirect /v2/inside/ /v2/outside/; }
        location / { return 404; }
      }`,
    )
    const host = `127.0.0.1:${port}`
    await openClient({ SSL_CERT_FILE: files.cert }).roundTrip(`${host}/outside/app:1`)
    await openClient().succeed('pull', '-q', `${to}/inside/app:1`)
  })

  test('that sends blobs elsewhere with 307 does not send the password along', async () => {
    const to = await registryOn()
    const storage = await startNginx(
      (port) =>
        `server { listen 127.0.0.2:${port}; listen 127.0.0.1:${port}; location / { proxy_pass http://${to}; } }`,
    )
    const files = certified()
    const front = await startNginx((port, folder) => {
      writeFileSync(join(folder, 'users'), 'ada:{PLAIN}secret\n')
      return `server {
        listen 127.0.0.1:${port} ssl; ${tlsOf(files)}
        auth_basic "registry"; auth_basic_user_file ${folder}/users;
        location ~ ^/v2/.*/blobs/sha256: {
          if ($request_method = GET) { return 307 http://127.0.0.2:${storage.port}$request_uri; }
          proxy_pass http://${to};
        }
        location / { proxy_pass http://${to}; }
      }`
    })
    const client = openClient({ SSL_CERT_FILE: files.cert })
    const host = `127.0.0.1:${front.port}`
    await client.tare(['login', '-u', 'ada', '--password-stdin', host], { input: 'secret' })
    await client.roundTrip(`${host}/app:1`)
    expect(storage.log()).toContain('GET /v2/app/blobs/sha256:')
    expect(storage.log()).not.toMatch(/auth=(?!-)/)
    expect(front.log()).toContain('auth=Basic ')
  })

  for (const status of [307, 308])
    test(`that sends pushes elsewhere with ${status} is followed`, async () => {
      const to = await registryOn('', 'relativeurls: true')
      const files = certified()
      const { port } = await startNginx(
        (port) => `server {
          listen 127.0.0.1:${port} ssl; ${tlsOf(files)}
          location ~ ^/v2/moved/(.*)$ { return ${status} /v2/here/$1$is_args$args; }
          location / { proxy_pass http://${to}; }
        }`,
      )
      await openClient({ SSL_CERT_FILE: files.cert }).roundTrip(`127.0.0.1:${port}/moved/app:1`)
      await openClient().succeed('pull', '-q', `${to}/here/app:1`)
    })
})

// 0.0.0.0 is this machine, and yet no address that goes without a proxy.
const throughProxy = (host: string) => host.replace('127.0.0.1', '0.0.0.0')

for (const [program, isThere, start, refuse] of [
  ['squid', hasSquid, startSquid, 'http_access deny CONNECT\nacl CONNECT method CONNECT'],
  ['tinyproxy', hasTinyproxy, startTinyproxy, 'ConnectPort 1'],
] as const)
  describe.runIf(hasRegistry && hasOpenssl && isThere)(`${program} on the way to a registry`, () => {
    test('carries https by CONNECT', async () => {
      const files = certified()
      const to = await registryOn('', `tls: {certificate: ${files.cert}, key: ${files.key}}`)
      const proxy = await start()
      const env = { SSL_CERT_FILE: files.cert, HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` }
      await openClient(env).roundTrip(`${throughProxy(to)}/app:1`)
      expect(proxy.log()).toContain(`CONNECT ${throughProxy(to)}`)
    })

    test('carries plain HTTP without CONNECT, and not what NO_PROXY names', async () => {
      const to = throughProxy(await registryOn())
      const proxy = await start()
      const env = { TARE_INSECURE_REGISTRIES: to, HTTP_PROXY: `http://127.0.0.1:${proxy.port}` }
      await openClient({ ...env, NO_PROXY: '0.0.0.0/8' }).roundTrip(`${to}/app:1`)
      expect(proxy.log()).not.toContain('/v2/')
      await openClient(env).roundTrip(`${to}/app:1`)
      expect(proxy.log()).toContain('/v2/')
      expect(proxy.log()).not.toContain('CONNECT 0.0.0.0')
    })

    test('that refuses CONNECT is named with its variable', async () => {
      const files = certified()
      const to = throughProxy(await registryOn('', `tls: {certificate: ${files.cert}, key: ${files.key}}`))
      const proxy = await start(program === 'squid' ? refuse.split('\n').reverse().join('\n') : refuse)
      const env = { SSL_CERT_FILE: files.cert, HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` }
      const { code, err } = await openClient(env).tare(['pull', `${to}/app:1`])
      expect(code).toBe(1)
      expect(err).toContain(`the proxy 127.0.0.1:${proxy.port} (HTTPS_PROXY) answers 403 to CONNECT ${to}`)
    })
  })
