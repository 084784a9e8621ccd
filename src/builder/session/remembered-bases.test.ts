import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Interference } from '../../../test/kit/bad-registry.ts'
import { startBad } from '../../../test/kit/bad-registry-client.ts'
import { fetchesOf, pushBase, pushIndex } from '../../../test/kit/base-images.ts'
import { faultsOf } from '../../../test/kit/check-store.ts'
import { temporaryFolder, writeFiles } from '../../../test/kit/cli.ts'
import type { BuildOptions } from '../../api/index.ts'
import { createHost } from '../../images/index.ts'
import type { TareEvent } from '../../support/index.ts'
import { tareOf } from '../../verbs/library.ts'

/** A registry that a test can silence or move the tag of, and a store that builds on its image. */
async function bench() {
  const at: { interfere?: Interference | undefined } = {}
  const registry = await startBad({ interfere: (...args) => at.interfere?.(...args) })
  const set = (rev: string) => pushBase(registry, [{ rev }], { labels: { rev } })
  const base = set('1')
  const home = temporaryFolder()
  const tare = tareOf({
    ...createHost({ home, environment: {} }),
    retryDelay: 5,
    // A registry that is well may take its time.
    get registryPatience() {
      return at.interfere === undefined ? 60_000 : 200
    },
  })
  const context = { kind: 'directory', path: writeFiles(temporaryFolder(), { app: 'app' }) } as const
  const name = `${registry.host}/base:1`
  const events: TareEvent[] = []
  const build = (lines: readonly string[] = [`FROM ${name}`, 'LABEL a=b'], more: Partial<BuildOptions> = {}) =>
    tare.build({
      ...{ context, dockerfile: { text: lines.join('\n') }, platforms: ['linux/amd64'] },
      report: (event) => events.push(event),
      ...more,
    })
  const rev = async (...args: Parameters<typeof build>) =>
    (await tare.images.inspect((await build(...args)).id)).Config.Labels?.['rev']
  const warnings = () => events.flatMap((event) => (event.type === 'warning' ? [event.message] : []))
  return { registry, set, base, home, tare, name, build, rev, at, warnings }
}

const status =
  (code: number, headers = {}): Interference =>
  (request, response) => {
    if (!request.url!.includes('/manifests/')) return false
    response.writeHead(code, headers).end()
    return true
  }

test('a tag that has moved is the new image in the next build', async () => {
  const { rev, set } = await bench()
  expect(await rev()).toBe('1')
  set('2')
  expect(await rev()).toBe('2')
  expect(await rev()).toBe('2')
})

test.each<[string, Interference]>([
  ['that breaks every connection', (request) => !!request.destroy()],
  ['that never answers', () => true],
  ['that answers 429 and wants us to wait', status(429, { 'Retry-After': '50' })],
  ['that answers 500', status(500)],
  ['that answers 503', status(503)],
  ['that answers the manifest only, and then nothing', (request) => request.method === 'GET'],
])(
  'a base is used as it was, with a warning, from a registry %s',
  async (_, interfere) => {
    const { rev, set, at, warnings, home } = await bench()
    await rev()
    set('2')
    at.interfere = interfere
    expect(await rev()).toBe('1')
    expect(warnings()).toEqual([expect.stringMatching(/base:1 is used as of \d{4}-.*cannot be reached/)])
    at.interfere = undefined
    expect(await rev()).toBe('2')
    expect(await faultsOf(home)).toEqual([])
  },
  // Less than it would take to do what the registry wants.
  45_000,
)

test('the warning says when the registry was last asked, however often the base was used since', async () => {
  const { rev, at, warnings, home } = await bench()
  await rev()
  const [record] = readdirSync(join(home, 'tare', 'bases'))
  const path = join(home, 'tare', 'bases', record!)
  const known = JSON.parse(readFileSync(path, 'utf8'))
  writeFileSync(path, JSON.stringify({ ...known, asked: '2020-01-02T03:04:05.678Z' }))
  at.interfere = (request) => !!request.destroy()
  await rev()
  await rev()
  expect(warnings()).toEqual([
    expect.stringContaining('as of 2020-01-02T03:04:05Z'),
    expect.stringContaining('as of 2020-'),
  ])
  at.interfere = undefined
  await rev()
  expect(JSON.parse(readFileSync(path, 'utf8')).asked > known.asked).toBe(true)
})

test('a registry that nobody runs is waited for once in a build, however many bases it had', async () => {
  const { rev, at, registry, warnings } = await bench()
  const names = ['a', 'b', 'c'].map((tag) => {
    pushBase(registry, [{ tag }], { tag, labels: { rev: '1' } })
    return `${registry.host}/base:${tag}`
  })
  const lines = [
    ...names.slice(1).map((name) => `FROM ${name} AS ${name.at(-1)}`),
    `FROM ${names[0]}`,
    'COPY --link --from=b /tag /b',
    'COPY --link --from=c /tag /c',
  ]
  await rev(lines)
  at.interfere = (request) => request.url!.includes('/manifests/')
  const before = registry.requests.length
  expect(await rev(lines)).toBe('1')
  expect(warnings()).toHaveLength(3)
  const asked = registry.requests.slice(before).flatMap((line) => /\/manifests\/(.*)$/.exec(line)?.[1] ?? [])
  expect(new Set(asked).size).toBe(1)
})

test.each<[string, Interference]>([
  ['401', status(401)],
  ['403', status(403)],
  ['404', status(404)],
])('a registry that refuses with %s is an error, whatever is remembered', async (_, interfere) => {
  const { rev, at, build } = await bench()
  await rev()
  at.interfere = interfere
  await expect(build()).rejects.toMatchObject({ code: 'BASE_UNKNOWN' })
})

test('without anything remembered, a registry that gives no answer is an error', async () => {
  const { build, at } = await bench()
  at.interfere = (request) => !!request.destroy()
  await expect(build()).rejects.toMatchObject({ code: 'BASE_UNKNOWN' })
})

test('--pull takes nothing that is only remembered', async () => {
  const { rev, build, at, set } = await bench()
  await rev()
  set('2')
  expect(await rev(undefined, { pull: true })).toBe('2')
  at.interfere = status(503)
  await expect(build(undefined, { pull: true })).rejects.toMatchObject({ code: 'BASE_UNKNOWN' })
})

test('a base by its digest is asked for once, under whatever tag it was read', async () => {
  const { rev, base, registry, set } = await bench()
  const lines = [`FROM ${registry.host}/base@${base.digest}`, 'LABEL a=b']
  await rev(lines)
  set('2')
  const asked = registry.requests.length
  expect(await rev(lines)).toBe('1')
  expect(registry.requests.length).toBe(asked)
  const other = await bench()
  await other.rev()
  const before = other.registry.requests.length
  expect(await other.rev([`FROM ${other.registry.host}/base@${other.base.digest}`])).toBe('1')
  expect(other.registry.requests.length).toBe(before)
  // In another repository, the registry has its say.
  await other.build([`FROM ${other.registry.host}/other@${other.base.digest}`])
  expect(other.registry.requests.length).toBeGreaterThan(before)
  await other.rev([`FROM ${other.registry.host}/base@${other.base.digest}`], { pull: true })
  expect(other.registry.requests.slice(before)).toContain(`HEAD /v2/base/manifests/${other.base.digest}`)
})

test.each<[string, (at: Awaited<ReturnType<typeof bench>>) => Promise<unknown>]>([
  ['pulled', ({ tare, name }) => tare.registry.pull({ name, platform: 'linux/amd64' })],
  ['built', ({ build, name }) => build(['FROM scratch', 'LABEL rev=1'], { tags: [name] })],
  ['tagged', async ({ build, tare, name }) => tare.images.tag((await build(['FROM scratch', 'LABEL rev=1'])).id, name)],
  [
    'loaded',
    async ({ build, tare, name }) => {
      const path = join(temporaryFolder(), 'a.tar')
      await build(['FROM scratch', 'LABEL rev=1'], { tags: [name] })
      await tare.images.save({ names: [name], to: { path } })
      await tare.images.remove({ names: [name] })
      await tare.images.load({ from: { path } })
    },
  ],
])('an image that the user has %s is used as it is, until --pull asks', async (_, bring) => {
  const at = await bench()
  await bring(at)
  at.set('2')
  const asked = at.registry.requests.length
  expect(await at.rev()).toBe('1')
  expect(at.registry.requests.length).toBe(asked)
  expect(await at.rev(undefined, { pull: true })).toBe('2')
  // And what --pull has read does not take the name away.
  expect(await at.rev()).toBe('1')
})

test('a remembered base belongs to the build cache', async () => {
  const { build, tare, home, base, registry, name } = await bench()
  await build([`FROM ${name}`, 'COPY app /app'])
  for (const { id } of await tare.images.list()) await tare.images.remove({ names: [id], force: true })
  const blob = join(home, 'blobs', base.diffIds[0]!.replace(':', '/'))
  expect(readFileSync(blob).length).toBeGreaterThan(0)
  await tare.images.prune({ all: true })
  const usage = async () => (await tare.diskUsage()).find(({ type }) => type === 'Build Cache')!
  expect((await usage()).total).toBe(2)
  expect((await usage()).size).toBeGreaterThan(readFileSync(blob).length)
  const { removed } = await tare.cache.prune({ filters: ['until=24h'] })
  expect(removed).toEqual([])
  const all = await tare.cache.prune()
  expect(all.removed).toContainEqual({ deleted: base.diffIds[0] })
  expect(await usage()).toMatchObject({ total: 0, active: 0, reclaimable: 0 })
  expect(readdirSync(join(home, 'blobs', 'sha256'))).toEqual([])
  await build([`FROM ${name}`, 'COPY app /app'])
  expect(fetchesOf(registry, base)).toBe(2)
})

test('pulling a remembered base moves not a byte of what is here', async () => {
  const { build, tare, name, registry, base } = await bench()
  await build([`FROM ${name}`, 'COPY app /app'])
  const asked = registry.requests.length
  await tare.registry.pull({ name, platform: 'linux/amd64' })
  expect(registry.requests.slice(asked).filter((line) => !line.endsWith('/v2/'))).toEqual(['HEAD /v2/base/manifests/1'])
  expect((await tare.images.inspect(name)).RepoDigests).toEqual([`${registry.host}/base@${base.digest}`])
})

test('a tag of several platforms is asked for once in a build', async () => {
  const { registry, build } = await bench()
  pushIndex(registry, ['amd64', 'arm64'], { tag: 'many' })
  const lines = [`FROM --platform=$BUILDPLATFORM ${registry.host}/base:many AS a`, `FROM ${registry.host}/base:many`]
  const platforms = ['linux/amd64', 'linux/arm64']
  await build([...lines, 'COPY --link --from=a /arch /a'], { platforms })
  const before = registry.requests.length
  await build([...lines, 'COPY --link --from=a /arch /a'], { platforms })
  expect(registry.requests.slice(before)).toEqual(['GET /v2/', 'HEAD /v2/base/manifests/many'])
})

test('a build that fails leaves what it fetched of a base to the next one', async () => {
  const { build, registry, base, name, tare } = await bench()
  await expect(build([`FROM ${name}`, 'COPY app /app', 'COPY missing /'])).rejects.toThrow()
  await tare.images.prune()
  await build([`FROM ${name}`, 'COPY app /b'])
  expect(fetchesOf(registry, base)).toBe(1)
})

test('a remembered base of which something is gone or damaged is read again', async () => {
  const { rev, home, base } = await bench()
  await rev()
  const manifest = join(home, 'blobs', base.digest.replace(':', '/'))
  writeFileSync(manifest, 'x'.repeat(readFileSync(manifest).length))
  expect(await rev()).toBe('1')
  rmSync(manifest)
  expect(await rev()).toBe('1')
  for (const record of readdirSync(join(home, 'tare', 'bases')))
    writeFileSync(join(home, 'tare', 'bases', record), '{"name":"a","root":null}')
  expect(await rev()).toBe('1')
  expect(await faultsOf(home)).toEqual([])
})

test('what is only checked is not remembered', async () => {
  const { tare, name, home } = await bench()
  await tare.checkDockerfile({
    context: { kind: 'empty' },
    dockerfile: { text: `FROM ${name}\n` },
    platforms: ['linux/amd64'],
  })
  expect(() => readdirSync(join(home, 'tare', 'bases'))).toThrow('ENOENT')
})
