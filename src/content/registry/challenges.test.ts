import type { IncomingMessage, ServerResponse } from 'node:http'
import { describe, expect, test } from 'vitest'
import { ada, bytes, layer, openBad, startBad } from '../../../test/kit/bad-registry-client.ts'
import { collect, flow } from '../../support/index.ts'
import type { Registry } from './index.ts'

// The challenge at /v2/ need not be that of a repository: what the repository asks for counts.

const read = (registry: Registry) => registry.open(layer).then((flow) => collect(flow, 1 << 24))
const basic = `Basic ${Buffer.from('ada:secret').toString('base64')}`

type Answer = (request: IncomingMessage, response: ServerResponse) => void
const asking =
  (challenge: string, status = 401): Answer =>
  (_, response) =>
    void response.writeHead(status, { 'WWW-Authenticate': challenge }).end()

/** A registry whose repositories want a token that `/token2` gives, and a token server that is wrong. */
async function start(door: (host: string) => Answer) {
  const registry = await startBad({
    interfere: (request, response, { host }) => {
      const { pathname } = new URL(request.url!, 'http://x')
      if (pathname === '/v2/') door(host)(request, response)
      else if (pathname === '/token') response.end('{"token":"of-the-door"}')
      else if (pathname === '/token2' && request.headers.authorization === basic) response.end('{"token":"right"}')
      else if (pathname === '/token2') response.writeHead(401).end()
      else if (request.headers.authorization === 'Bearer right') return
      else asking(`Bearer realm="http://${host}/token2",service="rooms"`)(request, response)
      return true
    },
  })
  registry.addBlob(bytes)
  return registry
}

const doors: Record<string, (host: string) => Answer> = {
  'is open': () => (_, response) => void response.end('{}'),
  'wants Basic': () => asking('Basic realm="door"'),
  'has another token server': (host) => asking(`Bearer realm="http://${host}/token",service="door"`),
  'has another service': (host) => asking(`Bearer realm="http://${host}/token2",service="door"`),
  'wants what nobody knows': () => asking('Negotiate'),
  'answers 401 without a word': () => (_, response) => void response.writeHead(401).end(),
  'answers 400': () => (_, response) => void response.writeHead(400).end(),
  'answers 403': () => (_, response) => void response.writeHead(403).end('<html>no</html>'),
  'answers 404': () => (_, response) => void response.writeHead(404).end(),
  'answers 405': () => (_, response) => void response.writeHead(405).end(),
  'leads to a page for people': () => (_, response) => void response.writeHead(302, { Location: '/token' }).end(),
}

describe.each(Object.entries(doors))('where the door %s', (_, door) => {
  test('a repository gets what it asks for', async () => {
    const registry = await start(door)
    const client = openBad(registry, { credentials: ada })
    expect((await read(client)).equals(bytes)).toBe(true)
    expect(await client.upload({ ...layer }, { open: async () => flow(bytes) })).toBe('existing')
  })

  test('nobody is still nobody', async () => {
    const registry = await start(door)
    await expect(read(openBad(registry))).rejects.toMatchObject({ code: 'REGISTRY_DENIED' })
  })
})

test('a repository that names a scope of its own is asked for that, too', async () => {
  const scopes: string[][] = []
  const registry = await startBad({
    interfere: (request, response, { host }) => {
      const url = new URL(request.url!, 'http://x')
      if (url.pathname === '/v2/') return
      if (url.pathname === '/token') {
        scopes.push(url.searchParams.getAll('scope'))
        const whole = url.searchParams.getAll('scope').includes('repository:really/app:pull')
        response.end(JSON.stringify({ token: whole ? 'right' : 'wrong' }))
      } else if (request.headers.authorization === 'Bearer right') return
      else
        asking(`Bearer realm="http://${host}/token",service="x",scope="repository:really/app:pull"`)(request, response)
      return true
    },
  })
  registry.addBlob(bytes)
  expect((await read(openBad(registry, { credentials: ada }))).equals(bytes)).toBe(true)
  expect(scopes.at(-1)).toEqual(['repository:app:pull', 'repository:really/app:pull'])
})

test('a registry that asks for something else each time is given up', async () => {
  let count = 0
  const registry = await startBad({
    interfere: (request, response, { host }) => {
      if (request.url!.startsWith('/token')) response.end('{"token":"x"}')
      else asking(`Bearer realm="http://${host}/token",service="${++count}"`)(request, response)
      return true
    },
  })
  await expect(read(openBad(registry, { credentials: ada }))).rejects.toMatchObject({ code: 'REGISTRY_DENIED' })
  expect(registry.requests.length).toBeLessThan(20)
})
