import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ada, bytes, layer, openBad, startBad } from '../../../test/kit/bad-registry-client.ts'
import { temporaryFolder } from '../../../test/kit/cli.ts'
import { collect } from '../../support/index.ts'
import type { Registry } from './index.ts'

function readLayer(registry: Registry, blob = layer): Promise<Buffer> {
  return registry.open(blob).then((flow) => collect(flow, 1 << 24))
}

test('a token that expires in the middle is fetched anew', async () => {
  const registry = await startBad({ auth: 'bearer' })
  registry.addBlob(bytes)
  const client = openBad(registry, { credentials: ada })
  await readLayer(client)
  registry.tokens.clear()
  expect((await readLayer(client)).equals(bytes)).toBe(true)
  expect(registry.countOf('GET /token')).toBe(2)
})

test('an identity token is exchanged for tokens', async () => {
  const registry = await startBad({ auth: 'bearer' })
  registry.addBlob(bytes)
  const credentials = { source: 'the test', identityToken: 'identity' }
  expect((await readLayer(openBad(registry, { credentials }))).equals(bytes)).toBe(true)
  expect(registry.countOf('POST /token')).toBe(1)
})

test('a token server that knows only POST gets one', async () => {
  const registry = await startBad({
    auth: 'bearer',
    interfere: (request, response) => {
      if (!(request.method === 'GET' && request.url!.startsWith('/token'))) return
      response.writeHead(405).end()
      return true
    },
  })
  registry.addBlob(bytes)
  expect((await readLayer(openBad(registry, { credentials: ada }))).equals(bytes)).toBe(true)
})

test('a wrong password is reported with its source, but without the secret', async () => {
  const registry = await startBad({ auth: 'bearer' })
  const credentials = { source: '/home/ada/.docker/config.json', user: 'ada', password: 'hunter2' }
  const error = (await readLayer(openBad(registry, { credentials })).catch((thrown: unknown) => thrown)) as Error
  expect(error).toMatchObject({ code: 'REGISTRY_DENIED' })
  expect(error.message).toContain('incorrect username or password')
  expect(error.message).toContain('/home/ada/.docker/config.json')
  expect(JSON.stringify(error) + error.message).not.toContain('hunter2')
})

test('credentials come from docker config, podman auth.json and helpers, in that order', async () => {
  const { findCredentials } = await import('./index.ts')
  const home = temporaryFolder()
  const file = (path: string, value: unknown, mode = 0o600) => {
    mkdirSync(join(home, path, '..'), { recursive: true })
    writeFileSync(join(home, path), typeof value === 'string' ? value : JSON.stringify(value), { mode })
  }
  const auth = (text: string) => ({ auth: Buffer.from(text).toString('base64') })
  const environment = { HOME: home, PATH: `${join(home, 'bin')}:${process.env['PATH']}` }
  expect(await findCredentials('example.com', 'app', environment)).toBeUndefined()
  file('.config/containers/auth.json', {
    auths: { 'example.com/team': auth('team:t'), 'example.com': auth('podman:p:with:colons') },
  })
  expect(await findCredentials('example.com', 'team/app', environment)).toMatchObject({ user: 'team', password: 't' })
  expect(await findCredentials('example.com', 'app', environment)).toMatchObject({ password: 'p:with:colons' })
  file('.docker/config.json', {
    auths: { 'https://example.com/v1/': auth('docker:d'), 'https://index.docker.io/v1/': { identitytoken: 'i' } },
    credHelpers: { 'helped.example': 'tested' },
  })
  expect(await findCredentials('example.com', 'app', environment)).toMatchObject({ user: 'docker' })
  expect(await findCredentials('docker.io', 'library/alpine', environment)).toMatchObject({ identityToken: 'i' })
  for (const PATH of [environment.PATH, import.meta.filename])
    await expect(findCredentials('helped.example', 'app', { ...environment, PATH })).rejects.toMatchObject({
      code: 'CREDENTIALS_INVALID',
      message: expect.stringContaining('is not installed'),
    })
  const script = '#!/bin/sh\nread server\nprintf \'{"Username":"of %s","Secret":"s"}\' "$server"\n'
  file('bin/docker-credential-tested', script, 0o755)
  expect(await findCredentials('helped.example', 'app', environment)).toMatchObject({ user: 'of helped.example' })
  file('.docker/config.json', 'nonsense')
  await expect(findCredentials('example.com', 'app', environment)).rejects.toMatchObject({
    code: 'CREDENTIALS_INVALID',
  })
})

test.each(['{"token":"a\\r\\nX-Key: b"}', '{"token":"a b"}', '{"token":"\u00fc"}', '{"token":5}', '["a"]', 'null'])(
  'a token that cannot be one is the token server’s fault, not the network’s: %s',
  async (text) => {
    const registry = await startBad({
      auth: 'bearer',
      interfere: (request, response) => {
        if (!request.url!.startsWith('/token')) return
        response.end(text)
        return true
      },
    })
    registry.addBlob(bytes)
    await expect(readLayer(openBad(registry, { credentials: ada }))).rejects.toMatchObject({
      code: 'REGISTRY_INVALID',
      message: expect.stringContaining('answers without a token'),
    })
  },
)
