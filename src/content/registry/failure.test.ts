import { expect, onTestFinished, test } from 'vitest'
import { BadRegistry, type BadRegistryOptions, digestOf } from '../../../test/kit/bad-registry.ts'
import { mediaTypes, parseReference } from '../../oci/index.ts'
import { collect, flow, type TareError } from '../../support/index.ts'
import { openRegistry, type Registry } from './index.ts'

async function start(options: BadRegistryOptions = {}): Promise<BadRegistry> {
  const registry = await BadRegistry.start(options)
  onTestFinished(() => registry.stop())
  return registry
}

const bytes = Buffer.from('a small layer')
const layer = { mediaType: mediaTypes.layerGzip, digest: digestOf(bytes), size: bytes.length }
const ada = { source: '/home/ada/config.json', user: 'ada', password: 'secret' }
const options = { repository: 'team/app', retryDelay: 2, attempts: 2, idleTimeout: 10_000 }

async function failureOf(what: Promise<unknown>): Promise<TareError> {
  const error = await what.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(Error)
  expect(JSON.stringify(error) + (error as Error).message).not.toContain('secret')
  return error as TareError
}

const read = (registry: Registry) => registry.open(layer).then((flow) => collect(flow, 1000))
const pushed = (registry: Registry) => registry.put(layer, async () => flow(bytes))

/** A token that names rights, as distribution's token servers make them. */
function jwt(...access: readonly object[]): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'none' })}.${part({ access })}.${part({})}`
}

/** A registry whose token server gives this token, and which takes none for what changes something. */
const granting = (token: string): BadRegistryOptions => ({
  auth: 'bearer',
  interfere: (request, response) => {
    if (request.url!.startsWith('/token')) response.end(JSON.stringify({ token }))
    else if (request.headers.authorization === `Bearer ${token}` && request.url !== '/v2/')
      response.writeHead(403).end('{"errors":[{"code":"DENIED","message":"requested access is denied"}]}')
    else return
    return true
  },
})

test('a refused push tells what was asked for, what the token grants, by whose credentials, and what the registry says', async () => {
  const access = { type: 'repository', name: 'team/app', actions: ['pull'] }
  const registry = await start(granting(jwt(access, { type: 'repository', name: 'other', actions: ['push'] })))
  const error = await failureOf(pushed(openRegistry(registry.host, { ...options, credentials: ada })))
  expect(error.code).toBe('REGISTRY_DENIED')
  expect(error.message).toBe(
    `cannot upload to team/app: ${registry.host} answers 403: DENIED: requested access is denied ` +
      '(repository team/app, asked for pull,push, granted pull, credentials from /home/ada/config.json)',
  )
  expect(error.remedy).toContain('are valid, but not allowed to push to team/app')
})

test('rights in another order are the same; a token without any grants nothing', async () => {
  const all = await start(granting(jwt({ type: 'repository', name: 'team/app', actions: ['push', 'pull'] })))
  const error = await failureOf(pushed(openRegistry(all.host, { ...options, credentials: ada })))
  expect(error.message).not.toContain('granted')
  expect(error.remedy).toContain('may have expired')
  const none = await start(granting(jwt()))
  const other = await failureOf(read(openRegistry(none.host, options)))
  expect(other.message).toContain('asked for pull, granted nothing, without credentials')
  expect(other.remedy).toContain(`tare login ${none.host}`)
})

test('the refusal of a question without words is told in words all the same', async () => {
  const registry = await start({ auth: 'basic' })
  const name = parseReference(`${registry.host}/team/app:1`)
  const error = await failureOf(openRegistry(registry.host, options).resolve(name))
  expect(error.message).toContain('answers 401: UNAUTHORIZED: authentication required')
})

test('a token server elsewhere is told apart from its registry, to which one logs in', async () => {
  const tokens = await start({
    interfere: (_, response) => {
      response.writeHead(401).end('{"details":"incorrect username or password"}')
      return true
    },
  })
  const registry = await start({
    interfere: (_, response) => {
      response.writeHead(401, { 'WWW-Authenticate': `Bearer realm="http://${tokens.host}/t",service="s"` }).end()
      return true
    },
  })
  const error = await failureOf(read(openRegistry(registry.host, { ...options, credentials: ada })))
  expect(error.message).toContain(
    `${tokens.host} (${registry.host} sends us there for its tokens) answers 401: incorrect username or password`,
  )
  expect(error.remedy).toContain(`tare login ${registry.host}`)
  tokens.stop()
  const gone = await failureOf(read(openRegistry(registry.host, { ...options, credentials: ada })))
  expect(gone).toMatchObject({ code: 'REGISTRY_UNREACHABLE', message: expect.stringContaining(tokens.host) })
})

test('storage behind a registry that refuses, or is not there, is told by its own name', async () => {
  const storage = await start({
    interfere: (_, response) => {
      response.writeHead(403).end('Request has expired')
      return true
    },
  })
  const registry = await start({
    interfere: (request, response) => {
      if (!request.url!.includes('/blobs/')) return
      response.writeHead(307, { Location: `http://${storage.host}/bytes` }).end()
      return true
    },
  })
  const error = await failureOf(read(openRegistry(registry.host, options)))
  expect(error.message).toContain(
    `${storage.host} (${registry.host} sends us there for its storage) answers 403: Request has expired`,
  )
  expect(error.remedy).not.toContain('tare login')
  storage.stop()
  const gone = await failureOf(read(openRegistry(registry.host, options)))
  expect(gone).toMatchObject({
    code: 'REGISTRY_UNREACHABLE',
    message: expect.stringContaining(
      `${storage.host} (${registry.host} sends us there for its storage): connection refused`,
    ),
  })
})

test('a registry that lets anybody in at the front and asks behind gets what it asks for', async () => {
  const registry = await start({
    auth: 'bearer',
    interfere: (request, response) => {
      if (request.url !== '/v2/') return
      response.end('{}')
      return true
    },
  })
  const client = openRegistry(registry.host, { ...options, credentials: ada })
  await pushed(client)
  expect((await read(client)).equals(bytes)).toBe(true)
  expect(registry.countOf('GET /token')).toBe(2)
})

test.each([
  [
    404,
    '{"errors":[{"code":"NAME_UNKNOWN","message":"repository name not known"}]}',
    'REGISTRY_NOT_FOUND',
    'NAME_UNKNOWN',
  ],
  [400, '{"message":"no such thing"}', 'REGISTRY_REFUSED', 'answers 400: no such thing'],
  [500, '<html><h1>Oops</h1></html>', 'REGISTRY_FAILED', 'answers 500 (repository team/app, asked for pull, without'],
  [418, 'I am a\u001b[31m teapot', 'REGISTRY_REFUSED', 'answers 418: I am a [31m teapot'],
  [405, '{"errors":[{"code":"UNSUPPORTED","message":"m","detail":{"x":1}}]}', 'REGISTRY_REFUSED', 'UNSUPPORTED: m ('],
] as const)('status %i with %j is %s', async (status, body, code, message) => {
  const registry = await start({
    interfere: (request, response) => {
      if (request.url === '/v2/') return
      response.writeHead(status).end(body)
      return true
    },
  })
  const client = openRegistry(registry.host, options)
  const error = await failureOf(status === 404 ? client.remove(layer) : read(client))
  expect(error).toMatchObject({ code, message: expect.stringContaining(message) })
})
