import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Tare } from '../src/api/index.ts'
import { mediaTypes } from '../src/oci/index.ts'
import { BadRegistry, type BadRegistryOptions } from './kit/bad-registry.ts'
import { impatientTare } from './kit/build-bench.ts'
import { makeCertificate } from './kit/certificates.ts'
import { temporaryFolder } from './kit/cli.ts'
import { hasProgram } from './kit/needs.ts'
import { type Stranger, startStranger } from './kit/stranger.ts'
import { tinyImage } from './kit/tiny-image.ts'

// Whoever answers in a registry's place may ask for a password, and gets none: the registry's is the registry's alone.

const image = tinyImage()
const secret = Buffer.from('ada:secret').toString('base64')

interface Scene {
  readonly registry: BadRegistry
  readonly tare: Tare
  readonly stranger: Stranger
  /** `127.0.0.1:PORT/app:1`, an image that is there. */
  readonly name: string
}

/** What leads to the stranger. */
type Way = (request: IncomingMessage, response: ServerResponse, stranger: Stranger) => boolean

const redirected =
  (method: RegExp, path: RegExp): Way =>
  (request, response, { origin }) => {
    if (!method.test(request.method!) || !path.test(request.url!)) return false
    request.resume()
    response.writeHead(307, { Location: `${origin}${request.url}` }).end()
    return true
  }

/** An upload that begins, and goes on elsewhere. */
const uploadElsewhere: Way = (request, response, { origin }) => {
  if (request.method !== 'POST' || !request.url!.includes('/uploads/')) return false
  response.writeHead(202, { Location: `${origin}/upload/1?state=x` }).end()
  return true
}

/** A list whose next page is elsewhere. */
const pageElsewhere =
  (path: RegExp, type: string, page: object): Way =>
  (request, response, { origin }) => {
    if (!path.test(request.url!)) return false
    response.writeHead(200, { 'Content-Type': type, Link: `<${origin}${request.url}&last=x>; rel="next"` })
    response.end(JSON.stringify(page))
    return true
  }

const door = redirected(/GET/, /^\/v2\/$/)
const manifests = redirected(/GET|HEAD/, /\/manifests\//)
const blobs = redirected(/GET/, /\/blobs\/sha256/)

const context = { kind: 'empty' } as const
const built = ({ tare, registry }: Scene) =>
  tare.build({ context, dockerfile: { text: 'FROM scratch\nCOPY <<f /\nx\nf\n' }, tags: [`${registry.host}/mine:1`] })

const verbs: Record<string, { do: (scene: Scene) => Promise<unknown>; ways: Record<string, Way> }> = {
  pull: { do: ({ tare, name }) => tare.registry.pull({ name }), ways: { door, manifests, blobs } },
  'pull of all tags': {
    do: ({ tare, registry }) => tare.registry.pullAll({ name: `${registry.host}/app` }),
    ways: { tags: redirected(/GET/, /\/tags\/list/) },
  },
  push: {
    do: async (scene) => {
      await built(scene)
      await scene.tare.registry.push({ name: `${scene.registry.host}/mine:1` })
    },
    ways: {
      door,
      'the question for a blob': redirected(/HEAD/, /\/blobs\//),
      'the beginning of an upload': redirected(/POST/, /\/uploads\//),
      'the place of an upload': uploadElsewhere,
      'the end of an upload': redirected(/PUT|PATCH/, /\/uploads\//),
      'the manifest': redirected(/PUT/, /\/manifests\//),
    },
  },
  'copy from there': {
    do: ({ tare, name }) => tare.registry.copy({ from: name, to: `oci:${temporaryFolder()}/layout` }),
    ways: { manifests, blobs },
  },
  'copy to there': {
    do: async (scene) => {
      await built(scene)
      await scene.tare.registry.copy({
        from: `store:${scene.registry.host}/mine:1`,
        to: `${scene.registry.host}/copy:1`,
      })
    },
    ways: { 'the place of an upload': uploadElsewhere, 'the manifest': redirected(/PUT/, /\/manifests\//) },
  },
  'registry ls': {
    do: ({ tare, registry }) => tare.registry.tags({ name: `${registry.host}/app` }),
    ways: {
      tags: redirected(/GET/, /\/tags\/list/),
      'the next page': pageElsewhere(/\/tags\/list/, 'application/json', { tags: ['1'] }),
    },
  },
  'index create': {
    do: ({ tare, registry, name }) => tare.index.create({ name: `${registry.host}/app:all`, images: [name] }),
    ways: { manifests, 'the index': redirected(/PUT/, /\/manifests\//) },
  },
  'registry referrers': {
    do: ({ tare, name }) => tare.registry.referrers({ name }),
    ways: {
      referrers: redirected(/GET/, /\/referrers\//),
      'the next page': pageElsewhere(/\/referrers\//, mediaTypes.index, {
        ...{ schemaVersion: 2, mediaType: mediaTypes.index, manifests: [] },
      }),
    },
  },
  'registry rm': {
    do: ({ tare, name }) => tare.registry.remove({ name }),
    ways: { manifests, 'the removal': redirected(/DELETE/, /\/manifests\//) },
  },
  FROM: {
    do: ({ tare, name }) => tare.build({ context, dockerfile: { text: `FROM ${name}\nWORKDIR /new\n` } }),
    ways: { manifests, blobs },
  },
  'ADD of a file': {
    do: ({ tare, registry }) =>
      tare.build({ context, dockerfile: { text: `FROM scratch\nADD http://${registry.host}/file /\n` } }),
    ways: { 'the file': redirected(/GET/, /^\/file/) },
  },
  login: {
    do: ({ tare, registry }) => tare.registry.login({ registry: registry.host, user: 'ada', password: 'secret' }),
    ways: { door },
  },
}

/** What the stranger asks for: at its own place, or where the registry's own tokens are. */
const challenges: Record<string, (origin: string, registry: BadRegistry) => string> = {
  'a password': () => 'Basic realm="registry"',
  'a token of its own': (origin) => `Bearer realm="${origin}/token",service="x"`,
  'a token of the registry': (_, registry) => `Bearer realm="http://${registry.host}/token",service="x"`,
}

async function setScene(way: Way, ask: keyof typeof challenges, auth: BadRegistryOptions['auth'], samePort = false) {
  let stranger: Stranger | undefined
  const shown: (string | undefined)[] = []
  const registry: BadRegistry = await BadRegistry.start({
    auth,
    interfere: (request, response) => {
      shown.push(request.headers.authorization)
      return way(request, response, stranger!)
    },
  })
  onTestFinished(() => registry.stop())
  const port = Number(registry.host.split(':')[1])
  stranger = await startStranger(
    (origin) => challenges[ask]!(origin, registry),
    samePort ? { host: '127.0.0.2', port } : {},
  )
  for (const { bytes } of image.blobs) registry.addBlob(bytes)
  registry.addManifest(mediaTypes.manifest, JSON.parse(image.manifest.bytes.toString()), '1')
  const home = temporaryFolder()
  mkdirSync(join(home, '.docker'))
  writeFileSync(join(home, '.docker/config.json'), JSON.stringify({ auths: { [registry.host]: { auth: secret } } }))
  const tare = impatientTare({ home: join(home, 'store'), environment: { HOME: home } })
  return { scene: { registry, tare, stranger, name: `${registry.host}/app:1` }, shown }
}

for (const [verb, { do: act, ways }] of Object.entries(verbs))
  describe(verb, () => {
    for (const [place, way] of Object.entries(ways))
      for (const [ask, auth] of Object.keys(challenges).flatMap((ask) =>
        ([undefined, 'basic', 'bearer'] as const).map((auth) => [ask, auth] as const),
      ))
        test(`${place} that leads to a stranger, who asks for ${ask}, gives nothing away (${auth ?? 'open'} registry)`, async () => {
          const { scene, shown } = await setScene(way, ask, auth)
          await act(scene).catch(() => {})
          const heard = scene.stranger.heard.join('\n')
          // It was asked, and learnt nothing.
          expect(heard).not.toBe('')
          expect(heard).not.toMatch(/authorization|secret|\bada\b|token-\d|of-a-stranger/i)
          expect(heard).not.toContain(secret)
          // The registry itself gets what it asks for, and is not shown a password because of somebody else.
          if (auth === undefined) expect(shown.filter((value) => value !== undefined)).toEqual([])
          else if (place !== 'door' && verb !== 'ADD of a file')
            expect(shown.some((value) => value?.startsWith(auth === 'basic' ? 'Basic' : 'Bearer'))).toBe(true)
        })
  })

for (const ask of Object.keys(challenges))
  for (const auth of ['basic', 'bearer'] as const)
    test(`a mirror that asks for ${ask} is not shown what is kept for the origin (${auth})`, async () => {
      const { scene, shown } = await setScene(() => false, ask, auth)
      const { host } = new URL(scene.stranger.origin)
      const home = temporaryFolder()
      const rules = `[[registry]]\nlocation = "${scene.registry.host}"\n[[registry.mirror]]\nlocation = "${host}"\n`
      writeFileSync(join(home, 'registries.conf'), rules)
      const login = JSON.stringify({ auths: { [scene.registry.host]: { auth: secret } } })
      const variables = { CONTAINERS_REGISTRIES_CONF: join(home, 'registries.conf'), DOCKER_AUTH_CONFIG: login }
      const tare = impatientTare({ home: join(home, 'store'), environment: { HOME: home, ...variables } })
      await tare.registry.pull({ name: scene.name })
      const heard = scene.stranger.heard.join('\n')
      expect(heard).toContain('/v2/')
      // A token that the mirror itself has given to nobody may be shown to it.
      expect(heard.replace(/Bearer of-a-stranger/g, '')).not.toMatch(/secret|\bada\b|token-\d|Basic/)
      expect(heard).not.toContain(secret)
      expect(shown.some((value) => value !== undefined)).toBe(true)
    })

test('another host on the same port is a stranger, too', async () => {
  const { scene } = await setScene(blobs, 'a password', 'basic', true)
  await expect(scene.tare.registry.pull({ name: scene.name })).rejects.toMatchObject({
    code: 'REGISTRY_DENIED',
    message: expect.stringContaining('127.0.0.2'),
  })
  expect(scene.stranger.heard.join('\n')).not.toMatch(/authorization/i)
})

test('a redirect within the registry keeps the credentials', async () => {
  let inside = ''
  const { scene } = await setScene(
    (request, response) => {
      if (request.url!.includes('?inside')) inside = request.headers.authorization ?? ''
      if (!/\/blobs\/sha256/.test(request.url!) || request.url!.includes('?')) return false
      response.writeHead(307, { Location: `${request.url}?inside` }).end()
      return true
    },
    'a password',
    'basic',
  )
  await scene.tare.registry.pull({ name: scene.name })
  expect(inside).toBe(`Basic ${secret}`)
})

describe.runIf(hasProgram('openssl', 'version'))('behind https', () => {
  /** A registry that speaks TLS and is believed. */
  async function setSecureScene(interfere: NonNullable<BadRegistryOptions['interfere']>, auth?: 'basic') {
    const home = temporaryFolder()
    const { cert, key } = makeCertificate(home, 'registry')
    const tls = { cert: readFileSync(cert), key: readFileSync(key) }
    const registry = await BadRegistry.start({ auth, interfere, tls })
    onTestFinished(() => registry.stop())
    for (const name of ['1', image.manifest.descriptor.digest])
      registry.manifests.set(name, { type: mediaTypes.manifest, bytes: image.manifest.bytes })
    for (const { bytes } of image.blobs) registry.addBlob(bytes)
    mkdirSync(join(home, '.docker'))
    const login = (logins: object) =>
      writeFileSync(join(home, '.docker/config.json'), JSON.stringify({ auths: logins }))
    login({ [registry.host]: { auth: secret } })
    const tare = impatientTare({ home: join(home, 'store'), environment: { HOME: home, SSL_CERT_FILE: cert } })
    return { registry, tare, login, name: `${registry.host}/app:1` }
  }

  for (const identity of [{ auth: secret }, { identitytoken: 'secret' }])
    test(`a token server over http gets no ${Object.keys(identity)[0]}, and that is said`, async () => {
      const stranger = await startStranger(() => 'Basic realm="x"')
      const { tare, login, name, registry } = await setSecureScene((request, response) => {
        if (request.headers.authorization !== undefined) return
        response.writeHead(401, { 'WWW-Authenticate': `Bearer realm="${stranger.origin}/token",service="x"` }).end()
        return true
      })
      login({ [registry.host]: identity })
      const context = { kind: 'empty' } as const
      await tare.build({ context, dockerfile: { text: 'FROM scratch\nLABEL a=b\n' }, tags: [name] })
      for (const act of [
        () => tare.registry.pull({ name }),
        () => tare.registry.push({ name }),
        () => tare.registry.copy({ from: name, to: `oci:${temporaryFolder()}/to` }),
        () => tare.registry.tags({ name }),
        () => tare.registry.login({ registry: registry.host, user: 'ada', password: 'secret' }),
      ])
        await expect(act()).rejects.toMatchObject({
          code: 'CREDENTIALS_EXPOSED',
          message: expect.stringContaining(stranger.origin),
        })
      expect(stranger.heard).toEqual([])
    })

  test('a token server over http may give a token to whoever is nobody', async () => {
    const stranger = await startStranger(() => 'Basic realm="x"')
    const { tare, login, name } = await setSecureScene((request, response) => {
      if (request.headers.authorization === 'Bearer of-a-stranger') return
      response.writeHead(401, { 'WWW-Authenticate': `Bearer realm="${stranger.origin}/token",service="x"` }).end()
      return true
    })
    login({})
    await tare.registry.pull({ name })
    expect(stranger.heard.join()).not.toMatch(/authorization/i)
  })

  test('a redirect to http, even on the same host, does not take the credentials along', async () => {
    const stranger = await startStranger(() => 'Basic realm="x"')
    const { tare, name } = await setSecureScene((request, response) => {
      if (!/\/blobs\/sha256/.test(request.url!)) return
      response.writeHead(307, { Location: `${stranger.origin}${request.url}` }).end()
      return true
    }, 'basic')
    await expect(tare.registry.pull({ name })).rejects.toMatchObject({ code: 'REGISTRY_DENIED' })
    expect(stranger.heard.join()).toContain('GET /v2/app/blobs/')
    expect(stranger.heard.join()).not.toMatch(/authorization/i)
  })
})
