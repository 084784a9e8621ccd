import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { BadRegistry, type BadRegistryOptions } from '../../../test/kit/bad-registry.ts'
import { faultsOf } from '../../../test/kit/check-store.ts'
import { noise } from '../../../test/kit/cli.ts'
import type { TareEvent } from '../../support/index.ts'
import { openTare } from '../library.ts'

async function start(options: BadRegistryOptions = {}): Promise<BadRegistry> {
  const registry = await BadRegistry.start(options)
  onTestFinished(() => registry.stop())
  return registry
}

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'tare-mirrors-'))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return made
}

/** A library whose rules are `conf`; `auths` are the logins, host by host. */
async function open(conf: string, auths: Readonly<Record<string, string>> = {}) {
  const home = folder()
  const path = join(home, 'registries.conf')
  writeFileSync(path, conf)
  const entries = Object.entries(auths).map(([host, text]) => [host, { auth: Buffer.from(text).toString('base64') }])
  writeFileSync(join(home, 'config.json'), JSON.stringify({ auths: Object.fromEntries(entries) }))
  const environment = { HOME: home, DOCKER_CONFIG: home, CONTAINERS_REGISTRIES_CONF: path }
  return { tare: await openTare({ home: join(home, 'store'), environment }), home: join(home, 'store'), path }
}

/** Pushes an image of two layers to the registry under `app:1`. */
async function publish(registry: BadRegistry): Promise<string> {
  const { tare } = await open('', { [registry.host]: 'ada:secret' })
  const context = folder()
  writeFileSync(join(context, 'a'), noise(1_400_000, 'a'))
  writeFileSync(join(context, 'b'), noise(90_000, 'b'))
  const name = `${registry.host}/app:1`
  const dockerfile = { text: 'FROM scratch\nCOPY a /\nCOPY b /\n' }
  await tare.build({ context: { kind: 'directory', path: context }, dockerfile, tags: [name] })
  const { digest } = await tare.registry.push({ name })
  return digest
}

/** What the origin has, in a mirror. */
function follow(mirror: BadRegistry, origin: BadRegistry): void {
  for (const [digest, bytes] of origin.blobs) mirror.blobs.set(digest, bytes)
  for (const [name, manifest] of origin.manifests) mirror.manifests.set(name, manifest)
}

const rules = (origin: BadRegistry, ...mirrors: readonly (BadRegistry | string)[]) =>
  `[[registry]]\nlocation = "${origin.host}"\n${mirrors
    .map((mirror) => `[[registry.mirror]]\nlocation = "${typeof mirror === 'string' ? mirror : mirror.host}/cache"\n`)
    .join('')}`

test('a pull takes all of an image from the first mirror that has it, and asks the origin nothing', async () => {
  const [origin, empty, full] = [await start(), await start(), await start()]
  const digest = await publish(origin)
  follow(full, origin)
  origin.requests.length = 0
  const { tare, home } = await open(rules(origin, '127.0.0.1:1', empty, full))
  const name = `${origin.host}/app:1`
  expect(await tare.registry.pull({ name })).toMatchObject({ digest, fullName: name, upToDate: false })
  expect(origin.requests).toEqual([])
  expect(full.countOf('GET /v2/cache/app/blobs/')).toBe(3)
  expect(empty.countOf('HEAD /v2/cache/app/manifests/1')).toBe(1)
  expect(await faultsOf(home)).toEqual([])
})

test('what a mirror has only in part comes from the origin', async () => {
  const [origin, mirror] = [await start(), await start()]
  await publish(origin)
  follow(mirror, origin)
  const lost = [...mirror.blobs.keys()].filter((_, i) => i > 0)
  for (const digest of lost) mirror.blobs.delete(digest)
  origin.requests.length = 0
  const { tare, home } = await open(rules(origin, mirror))
  await tare.registry.pull({ name: `${origin.host}/app:1` })
  expect(origin.countOf('GET /v2/app/blobs/')).toBe(lost.length)
  expect(await faultsOf(home)).toEqual([])
})

test('of a blob that a mirror cuts off again and again, the origin is asked for the rest only', async () => {
  const ranges: unknown[] = []
  const origin = await start({
    interfere: (request) => {
      if (request.method === 'GET' && request.url!.includes('/blobs/')) ranges.push(request.headers.range)
      return undefined
    },
  })
  await publish(origin)
  const mirror = await start({
    interfere: (request, response, { blobs }) => {
      const blob = blobs.get(/\/blobs\/(sha256:.*)$/.exec(request.url!)?.[1] ?? '')
      if (blob === undefined || blob.length < 150_000) return
      if (request.headers.range !== undefined) response.destroy()
      else {
        response.writeHead(200, { 'Content-Length': blob.length })
        response.write(blob.subarray(0, 100_000), () => setTimeout(() => response.destroy(), 20))
      }
      return true
    },
  })
  follow(mirror, origin)
  const { tare, home } = await open(rules(origin, mirror))
  await tare.registry.pull({ name: `${origin.host}/app:1` })
  expect(ranges).toContain('bytes=100000-')
  expect(await faultsOf(home)).toEqual([])
})

for (const [how, interfere] of [
  [
    'other bytes under the digest of a layer',
    (request, response) => {
      if (request.method !== 'GET' || !request.url!.includes('/blobs/')) return
      response.end('{}')
      return true
    },
  ],
  [
    'a damaged layer of the right length',
    (request, response, { blobs }) => {
      const blob = blobs.get(/\/blobs\/(sha256:.*)$/.exec(request.url!)?.[1] ?? '')
      if (request.method !== 'GET' || blob === undefined) return
      const damaged = Buffer.from(blob)
      damaged[damaged.length >> 1]! ^= 1
      response.end(damaged)
      return true
    },
  ],
  [
    'another manifest under a digest',
    (request, response) => {
      if (request.method !== 'GET' || !request.url!.includes('/manifests/sha256:')) return
      response.end('{"schemaVersion":2}')
      return true
    },
  ],
  [
    'not JSON',
    (request, response) => {
      if (!request.url!.includes('/manifests/')) return
      response.end('<html>Welcome to the portal</html>')
      return true
    },
  ],
] as const satisfies readonly (readonly [string, NonNullable<BadRegistryOptions['interfere']>])[])
  test(`a mirror that sends ${how} costs another way, and nothing of it stays`, async () => {
    const origin = await start()
    const digest = await publish(origin)
    const mirror = await start({ interfere })
    follow(mirror, origin)
    const { tare, home } = await open(rules(origin, mirror))
    expect(await tare.registry.pull({ name: `${origin.host}/app:1` })).toMatchObject({ digest })
    expect(mirror.requests.length).toBeGreaterThan(1)
    expect(await faultsOf(home)).toEqual([])
  })

test('if no source has the image, the error lists the reason for each', async () => {
  const [origin, empty, closed] = [await start(), await start(), await start({ auth: 'basic' })]
  const { tare } = await open(rules(origin, empty, closed, '127.0.0.1:1'))
  const error = (await tare.registry.pull({ name: `${origin.host}/app:1` }).catch((thrown: unknown) => thrown)) as Error
  expect(error).toMatchObject({ code: 'IMAGE_UNKNOWN' })
  expect(error.message).toContain(`mirrors failed: ${empty.host} does not have it; ${closed.host} answers 401`)
  expect(error.message).toContain('127.0.0.1:1: connection refused')
  origin.stop()
  const gone = (await tare.registry.pull({ name: `${origin.host}/app:1` }).catch((thrown: unknown) => thrown)) as Error
  expect(gone).toMatchObject({ code: 'REGISTRY_UNREACHABLE' })
  expect(gone.message).toContain(`${empty.host} does not have it`)
})

test('each place is shown its own credentials and no other’s', async () => {
  const seen = new Map<string, Set<string | undefined>>()
  const watch: BadRegistryOptions['interfere'] = ({ headers: { host, authorization } }) => {
    seen.set(host!, (seen.get(host!) ?? new Set()).add(authorization))
    return undefined
  }
  const [origin, mirror] = [
    await start({ auth: 'basic', interfere: watch }),
    await start({ auth: 'basic', interfere: watch }),
  ]
  await publish(origin)
  follow(mirror, origin)
  seen.clear()
  const logins = { [origin.host]: 'ada:secret', [mirror.host]: 'eve:other' }
  const { tare } = await open(rules(origin, mirror), logins)
  await tare.registry.pull({ name: `${origin.host}/app:1` })
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
  expect(seen.get(mirror.host)).toEqual(new Set([undefined, basic('eve:other')]))
  expect(seen.get(origin.host)).toEqual(new Set([undefined, basic('ada:secret')]))
})

test('what changes or lists a repository goes to where its name is moved to, and never to a mirror', async () => {
  const [named, real, mirror] = [await start(), await start(), await start()]
  const conf = `[[registry]]\nprefix = "${named.host}/team"\nlocation = "${real.host}/moved/here"\n[[registry.mirror]]\nlocation = "${mirror.host}"\n`
  const { tare } = await open(conf)
  const name = `${named.host}/team/app:1`
  const dockerfile = { text: 'FROM scratch\nCOPY <<f /\nx\nf\n' }
  await tare.build({ context: { kind: 'empty' }, dockerfile, tags: [name] })
  const { fullName, digest } = await tare.registry.push({ name })
  expect(fullName).toBe(name)
  expect(real.manifests.has('1')).toBe(true)
  expect(await tare.registry.pull({ name: `${named.host}/team/app@${digest}` })).toMatchObject({ digest })
  expect(mirror.requests.length).toBeGreaterThan(0)
  mirror.requests.length = 0
  await tare.registry.push({ name })
  await expect(tare.registry.tags({ name })).rejects.toThrow('moved/here/app')
  expect(mirror.requests).toEqual([])
  await tare.registry.copy({ from: name, to: `${named.host}/team/other:2` })
  expect(real.countOf('PUT /v2/moved/here/other/manifests/2')).toBe(1)
  await tare.registry.copy({ from: name, to: `${named.host}/else/where:3` })
  expect(named.manifests.has('3')).toBe(true)
  expect(mirror.requests.filter((request) => !/^(?:GET|HEAD) /.test(request))).toEqual([])
})

test('mirrors may be for digests or for tags alone', async () => {
  const [origin, byDigest, byTag] = [await start(), await start(), await start()]
  const digest = await publish(origin)
  follow(byDigest, origin)
  follow(byTag, origin)
  const conf = `[[registry]]\nlocation = "${origin.host}"\n[[registry.mirror]]\nlocation = "${byDigest.host}"\npull-from-mirror = "digest-only"\n[[registry.mirror]]\nlocation = "${byTag.host}"\npull-from-mirror = "tag-only"\n`
  const { tare } = await open(conf)
  await tare.registry.pull({ name: `${origin.host}/app:1` })
  expect([byDigest.requests.length, byTag.requests.length > 0]).toEqual([0, true])
  byTag.requests.length = 0
  await tare.registry.pull({ name: `${origin.host}/app@${digest}` })
  expect([byDigest.requests.length > 0, byTag.requests.length]).toEqual([true, 0])
})

test('FROM finds its base in a mirror, and a blocked one is refused with file and line', async () => {
  const [origin, mirror] = [await start(), await start()]
  await publish(origin)
  follow(mirror, origin)
  origin.stop()
  const context = { kind: 'empty' } as const
  const from = { context, dockerfile: { text: `FROM ${origin.host}/app:1\nLABEL a=b\n` }, tags: ['child'] }
  const mirrored = await open(rules(origin, mirror))
  await mirrored.tare.build(from)
  expect(await faultsOf(mirrored.home)).toEqual([])
  const { tare, path } = await open(`# no\n[[registry]]\nlocation = "${origin.host}"\nblocked = true\n`)
  const where = `${path}:2 blocks ${origin.host}`
  await expect(tare.build(from)).rejects.toThrow(where)
  const name = `${origin.host}/app:1`
  for (const refused of [tare.registry.pull({ name }), tare.registry.tags({ name }), tare.registry.digest({ name })])
    await expect(refused).rejects.toMatchObject({ code: 'REGISTRY_BLOCKED', message: expect.stringContaining(where) })
  const login = tare.registry.login({ registry: origin.host, user: 'ada', password: 'secret' })
  await expect(login).rejects.toMatchObject({ code: 'REGISTRY_BLOCKED' })
})

test('layers of a base that come late come from the origin where the mirror’s are wrong', async () => {
  const [origin, mirror] = [await start(), await start()]
  await publish(origin)
  follow(mirror, origin)
  const { tare, home } = await open(rules(origin, mirror))
  const dockerfile = { text: `FROM ${origin.host}/app:1\nLABEL a=b\n` }
  await tare.build({ context: { kind: 'empty' }, dockerfile, tags: ['child'] })
  for (const [digest, bytes] of mirror.blobs) mirror.blobs.set(digest, Buffer.alloc(bytes.length, 'lie'))
  await tare.images.save({ names: ['child'], to: { path: join(folder(), 'child.tar') } })
  expect(mirror.countOf('GET /v2/cache/app/blobs/')).toBeGreaterThan(0)
  expect(await faultsOf(home)).toEqual([])
})

test('daemon.json’s mirrors stand in for Docker Hub', async () => {
  const [elsewhere, mirror] = [await start(), await start()]
  const digest = await publish(elsewhere)
  follow(mirror, elsewhere)
  const home = folder()
  mkdirSync(join(home, '.config', 'docker'), { recursive: true })
  const json = JSON.stringify({ 'registry-mirrors': [`http://${mirror.host}`] })
  writeFileSync(join(home, '.config', 'docker', 'daemon.json'), json)
  const environment = { HOME: home }
  const tare = await openTare({ home: join(home, 'store'), environment })
  expect(await tare.registry.pull({ name: 'team/app:1' })).toMatchObject({ digest, fullName: 'docker.io/team/app:1' })
  expect(mirror.countOf('GET /v2/team/app/blobs/')).toBe(3)
})

/** A mirror whose API is below a path, and whatever else it is asked for. */
async function startBelow(path: string, origin: BadRegistry) {
  const asked: string[] = []
  const mirror = await start({
    interfere: (request, response) => {
      asked.push(request.url!)
      if (!request.url!.startsWith(`${path}/`)) {
        response.writeHead(404).end()
        return true
      }
      request.url = `/v2${request.url!.slice(path.length)}`
      return undefined
    },
  })
  follow(mirror, origin)
  return { mirror, asked }
}

/** A library that reads this user's files of Docker and containerd. */
function openWith(files: Readonly<Record<string, string>>) {
  const home = folder()
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(home, '.config', name)), { recursive: true })
    writeFileSync(join(home, '.config', name), text)
  }
  const warnings: string[] = []
  const report = (event: TareEvent) => event.type === 'warning' && void warnings.push(event.message)
  const environment = { HOME: home, DOCKER_CONFIG: home }
  return { opened: openTare({ home: join(home, 'store'), environment, report }), warnings }
}

test.each(['/hub', '/hub/', '/a/b'])('a mirror of daemon.json may have a path: %s', async (path) => {
  const origin = await start()
  const digest = await publish(origin)
  const { mirror, asked } = await startBelow(`${path.replace(/\/$/, '')}/v2`, origin)
  const daemon = JSON.stringify({ 'registry-mirrors': [`http://${mirror.host}${path}`, 'nonsense'] })
  const { opened, warnings } = openWith({ 'docker/daemon.json': daemon })
  const tare = await opened
  // Docker Hub is not asked: its mirror has all.
  expect(await tare.registry.pull({ name: 'app:1' })).toMatchObject({ digest })
  expect(asked.length).toBeGreaterThan(2)
  expect(warnings).toEqual([expect.stringContaining('"nonsense" in registry-mirrors is not a URL')])
  // Another registry never hears of it.
  expect(await tare.registry.pull({ name: `${origin.host}/app:1` })).toMatchObject({ digest })
  expect(warnings).toHaveLength(1)
})

test.each([
  ['/hub', '', '/hub/v2'],
  ['/v2/proxy', 'override_path = true', '/v2/proxy'],
  ['', '', '/v2'],
])(
  'a mirror of hosts.toml with the path "%s" and %s is asked, and told which registry is meant',
  async (path, more, api) => {
    const origin = await start()
    const digest = await publish(origin)
    const { mirror, asked } = await startBelow(api, origin)
    const text = `[host."http://${mirror.host}${path}"]\ncapabilities = ["pull", "resolve"]\n${more}\n[host."ftp://x"]\n`
    const { opened, warnings } = openWith({ [`containerd/certs.d/${origin.host}/hosts.toml`]: text })
    const before = origin.requests.length
    expect(await (await opened).registry.pull({ name: `${origin.host}/app:1` })).toMatchObject({ digest })
    expect(origin.requests.length).toBe(before)
    expect(asked.every((url) => new URL(url, 'http://x').searchParams.get('ns') === origin.host)).toBe(true)
    expect(warnings).toEqual([expect.stringContaining('"ftp://x" in host is not a URL')])
  },
)

test('a file of Docker’s or containerd’s that is no JSON or TOML breaks no pull', async () => {
  const origin = await start()
  const digest = await publish(origin)
  const files = { 'docker/daemon.json': '{', [`containerd/certs.d/${origin.host}/hosts.toml`]: '[host' }
  const { opened, warnings } = openWith(files)
  expect(await (await opened).registry.pull({ name: `${origin.host}/app:1` })).toMatchObject({ digest })
  expect(warnings).toEqual([expect.stringContaining('hosts.toml:1: ')])
})
