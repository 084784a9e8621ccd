import { createPublicKey, verify } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { engineThat } from '../../../test/kit/buildkit-front.ts'
import { temporaryFolder, writeFiles } from '../../../test/kit/cli.ts'
import { filesync } from '../../buildkit/index.ts'
import { openTare, type TareEvent } from '../../index.ts'
import type { GrpcClient } from '../../net/grpc/index.ts'
import { sha256 } from '../../support/index.ts'

// What an engine gets of the user's logins, and what it does not.

const layer = Buffer.alloc(1024)
const config = Buffer.from(
  JSON.stringify({
    ...{ os: 'linux', architecture: 'amd64', config: {} },
    rootfs: { type: 'layers', diff_ids: [sha256(layer)] },
  }),
)
const blobOf = (mediaType: string, bytes: Buffer) => ({ mediaType, digest: sha256(bytes), size: bytes.length })
const manifest = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: blobOf('application/vnd.oci.image.config.v1+json', config),
    layers: [blobOf('application/vnd.oci.image.layer.v1.tar', layer)],
  }),
)

/** A registry with one image that only those may read who have `Authorization: WANTED`; `/token` tells what it was asked. */
async function privateRegistry(scheme: 'Basic' | 'Bearer') {
  const asked: string[] = []
  const basic = `Basic ${Buffer.from('ada:secret').toString('base64')}`
  const server = createServer((request, response) => {
    const url = new URL(request.url!, 'http://x')
    const { authorization } = request.headers
    if (url.pathname === '/token') {
      asked.push(`${authorization === basic} ${url.searchParams.getAll('scope').join(' ')}`)
      return response.end(JSON.stringify({ token: 'given', expires_in: 600 }))
    }
    const { port } = server.address() as AddressInfo
    const challenge =
      scheme === 'Basic' ? 'Basic realm="x"' : `Bearer realm="http://127.0.0.1:${port}/token",service="s"`
    if (authorization !== (scheme === 'Basic' ? basic : 'Bearer given'))
      return response.writeHead(401, { 'www-authenticate': challenge }).end()
    const isConfig = url.pathname.includes('/blobs/')
    const bytes = isConfig ? config : manifest
    const type = isConfig ? 'application/octet-stream' : 'application/vnd.oci.image.manifest.v1+json'
    return response.writeHead(200, { 'content-type': type, 'docker-content-digest': sha256(bytes) }).end(bytes)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

/** Builds on an engine that asks for logins, from a base of the registry, as a user who has a login for every host here. */
async function build(registry: string, ask: (session: GrpcClient) => Promise<void>): Promise<readonly TareEvent[]> {
  const folder = temporaryFolder()
  const auth = Buffer.from('ada:secret').toString('base64')
  const auths = Object.fromEntries(
    [registry, 'other.example', 'https://index.docker.io/v1/'].map((name) => [name, { auth }]),
  )
  writeFiles(folder, { 'config.json': JSON.stringify({ auths }) })
  const events: TareEvent[] = []
  const tare = await openTare({ home: join(folder, 'home'), environment: { DOCKER_CONFIG: folder } })
  let failure: unknown
  const builder = await engineThat(async (session) => {
    try {
      await ask(session)
    } catch (error) {
      failure = error
    }
  })
  const dockerfile = { text: `FROM ${registry}/a/b:1\nWORKDIR /x\n` }
  const context = { kind: 'directory' as const, path: writeFiles(join(folder, 'context'), {}) }
  await expect(tare.build({ context, dockerfile, builder, report: (event) => events.push(event) })).rejects.toThrow()
  if (failure !== undefined) throw failure
  return events
}

const { method } = filesync.Auth
const salt = Buffer.alloc(32, 1)
const refusal = (call: Promise<unknown>) =>
  call.then(
    () => 'allowed',
    ({ code }: { code: number }) => code,
  )

test('a token is fetched here, for what the build reads, whatever the engine asks for', async () => {
  const { host, asked } = await privateRegistry('Bearer')
  const realm = 'http://127.0.0.1:1/elsewhere'
  const scopes = ['repository:a/b:pull,push,delete', 'repository:other/one:pull', 'registry:catalog:*']
  const events = await build(host, async (session) => {
    asked.length = 0
    expect(await session.unary(method.fetchToken, { host, realm, service: 'x', scopes })).toMatchObject({
      token: 'given',
    })
    expect(asked).toEqual(['true repository:a/b:pull'])
    expect(await refusal(session.unary(method.fetchToken, { host, realm, scopes: ['repository:c/d:pull'] }))).toBe(2)
    expect(asked).toHaveLength(1)
    expect(await session.unary(method.credentials, { host })).toMatchObject({ username: '', secret: '' })
  })
  expect(events.filter((event) => event.type === 'warning' && event.rule === 'EngineLogin')).toEqual([])
})

test('an engine can tell that a token it has is ours', async () => {
  const { host } = await privateRegistry('Bearer')
  await build(host, async (session) => {
    const { publicKey } = await session.unary(method.getTokenAuthority, { host, salt })
    const payload = Buffer.alloc(32, 2)
    const { signed } = await session.unary(method.verifyTokenAuthority, { host, salt, payload })
    const key = createPublicKey({
      key: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), publicKey]),
      ...{ format: 'der', type: 'spki' },
    })
    expect(Buffer.from(signed.subarray(64))).toEqual(payload)
    expect(verify(null, payload, key, signed.subarray(0, 64))).toBe(true)
    const other = await session.unary(method.getTokenAuthority, { host, salt: Buffer.alloc(32, 3) })
    expect(other.publicKey).not.toEqual(publicKey)
  })
})

test('hosts that the build does not name get nothing, though the user has logins for them', async () => {
  const { host } = await privateRegistry('Bearer')
  await build(host, async (session) => {
    for (const other of ['other.example', 'registry-1.docker.io']) {
      expect(await refusal(session.unary(method.getTokenAuthority, { host: other, salt }))).toBe(14)
      expect(await session.unary(method.credentials, { host: other })).toMatchObject({ username: '', secret: '' })
    }
  })
})

test('a password is given away only where there are no tokens, and that is told', async () => {
  const { host } = await privateRegistry('Basic')
  const events = await build(host, async (session) => {
    expect(await refusal(session.unary(method.getTokenAuthority, { host, salt }))).toBe(14)
    expect(await session.unary(method.credentials, { host })).toMatchObject({ username: 'ada', secret: 'secret' })
  })
  const told = events.flatMap((event) =>
    event.type === 'warning' && event.rule === 'EngineLogin' ? [event.message] : [],
  )
  expect(told).toEqual([`the engine gets the password for ${host}, because that registry does not use tokens`])
})
