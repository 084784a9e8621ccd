import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { BadRegistry } from '../../../test/kit/bad-registry.ts'
import { type BuildBench, buildBench, registryOfTest } from '../../../test/kit/build-bench.ts'
import { noise, temporaryFolder } from '../../../test/kit/cli.ts'
import { placeImage } from '../../../test/kit/registry-images.ts'
import type { CacheDestination, CacheSource } from '../../index.ts'

const files = { a: 'a', 'd/x': 'x', 'd/y': 'y', big: noise(200_000) }
const lines = [
  'FROM scratch AS build',
  'COPY big /big',
  'COPY a /a',
  'FROM scratch',
  'COPY d /d',
  'COPY --from=build /a /from-build',
  'WORKDIR /work',
]

const refOf = ({ host }: BadRegistry, tag = 'cache') => `${host}/team/app:${tag}`
const to = (registry: BadRegistry, more: object = {}) =>
  [{ type: 'registry', ref: refOf(registry), ...more }] as CacheDestination[]
const from = (registry: BadRegistry, more: object = {}) =>
  [{ type: 'registry', ref: refOf(registry), ...more }] as CacheSource[]

/** A registry with the cache of a build. */
async function exported(mode: 'min' | 'max' = 'max') {
  const registry = await registryOfTest()
  const bench = await buildBench(files)
  const built = await bench.build(lines, { cacheTo: to(registry, { mode }) })
  registry.requests.length = 0
  return { registry, bench, built }
}

/** The content of a file of the image, as `docker cp` would show it. */
async function contentOf({ tare }: BuildBench, image: string, path: string): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of tare.images.readFile({ image, path })) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

test('another store takes every step from the cache, and gets the same image', async () => {
  const { registry, built } = await exported()
  const { image, cached, warnings } = await (await buildBench(files)).build(lines, { cacheFrom: from(registry) })
  expect(cached.length).toBe(5)
  expect(warnings).toEqual([])
  expect([image.id, image.digest]).toEqual([built.image.id, built.image.digest])
})

test('a step whose result nobody looks at is not fetched', async () => {
  const { registry } = await exported()
  await (await buildBench(files)).build(lines, { cacheFrom: from(registry), load: true })
  const fetched = registry.requests.filter((request) => request.startsWith('GET') && request.includes('/blobs/'))
  // The config of the cache, and the three layers of the image; none of the first stage.
  expect(fetched.length).toBe(4)
})

test('mode=min knows only the steps of the image', async () => {
  const { registry } = await exported('min')
  const { cached, image } = await (await buildBench(files)).build(lines, { cacheFrom: from(registry) })
  expect(cached.map((title) => title.replace(/.*\] /, ''))).toEqual([
    'COPY d /d',
    'COPY --from=build /a /from-build',
    'WORKDIR /work',
  ])
  expect(image.names).toEqual([])
})

test('what a step needs of the cache is fetched, and the step runs upon it', async () => {
  const { registry } = await exported()
  const bench = await buildBench({ ...files, a: 'another' })
  const { cached } = await bench.build(lines, { cacheFrom: from(registry), tags: ['app'] })
  expect(cached.length).toBe(2)
  expect(await contentOf(bench, 'app', '/from-build')).toBe('another')
  expect(await contentOf(bench, 'app', '/d/x')).toBe('x')
})

test('a second export of the same sends nothing', async () => {
  const { registry, bench } = await exported()
  await bench.build(lines, { cacheTo: to(registry, { mode: 'max' }) })
  expect(registry.requests.filter((request) => !/^(?:GET|HEAD) /.test(request))).toEqual([])
})

test('a further export sends only what is new, and keeps what others have put there', async () => {
  const { registry } = await exported()
  const other = await buildBench({ other: 'other' })
  await other.build(['FROM scratch', 'COPY other /'], { cacheTo: to(registry) })
  // One layer, the config, and the manifest by its digest and by its tag.
  expect(registry.countOf('PUT ')).toBe(4)
  const third = await buildBench(files)
  expect((await third.build(lines, { cacheFrom: from(registry) })).cached.length).toBe(5)
  const fourth = await buildBench({ other: 'other' })
  expect((await fourth.build(['FROM scratch', 'COPY other /'], { cacheFrom: from(registry) })).cached.length).toBe(1)
})

test('ten writers at once leave a cache that has what all of them have made', async () => {
  const registry = await registryOfTest()
  const benches = await Promise.all(Array.from({ length: 10 }, (_, i) => buildBench({ own: `${i}`, same: 'same' })))
  const steps = ['FROM scratch', 'COPY same /', 'COPY own /']
  await Promise.all(benches.map((bench) => bench.build(steps, { cacheTo: to(registry) })))
  const known = await Promise.all(
    Array.from({ length: 10 }, async (_, i) => {
      const built = await (await buildBench({ own: `${i}`, same: 'same' })).build(steps, { cacheFrom: from(registry) })
      expect(built.warnings).toEqual([])
      return built.cached.length
    }),
  )
  expect(known).toEqual(known.map(() => 2))
})

test('in a registry that the image is only pushed to, no layer moves', async () => {
  const { registry, built } = await exported()
  const bench = await buildBench(files)
  const name = refOf(registry, '1')
  const { image } = await bench.build(lines, { cacheFrom: from(registry), tags: [name], pushedOnlyTo: [registry.host] })
  const { layers, digest } = await bench.tare.registry.push({ name })
  expect(layers.map(({ how }) => how)).toEqual(['existing', 'existing', 'existing'])
  const fetched = registry.requests.filter((request) => request.startsWith('GET') && request.includes('/blobs/'))
  expect(fetched.length).toBe(1)
  expect(image.id).toBe(built.image.id)
  expect(digest).not.toBe(built.image.digest)
  // The store knows where they are.
  rmSync(join(bench.home, 'tare'), { recursive: true })
  expect(await contentOf(bench, name, '/d/y')).toBe('y')
})

test('layers that were fetched for a step are not sent again', async () => {
  const { registry } = await exported()
  const bench = await buildBench(files)
  const name = refOf(registry, '2')
  await bench.build([...lines, 'COPY a /last'], {
    cacheFrom: from(registry),
    tags: [name],
    pushedOnlyTo: [registry.host],
  })
  const { layers } = await bench.tare.registry.push({ name })
  expect(layers.map(({ how }) => how)).toEqual(['existing', 'existing', 'existing', 'uploaded'])
  // Compressed by others than today's tare, they would have other digests.
  expect(registry.countOf('PUT /v2/team/app/blobs/')).toBe(2)
})

test('a layer that is gone from the registry is made again, even if nobody would look at it', async () => {
  const { registry } = await exported()
  for (const [digest, bytes] of registry.blobs)
    if (bytes.length < 300 && bytes[0] === 0x1f) registry.blobs.delete(digest)
  const bench = await buildBench(files)
  const name = refOf(registry, '1')
  const { warnings } = await bench.build(lines, {
    cacheFrom: from(registry),
    tags: [name],
    pushedOnlyTo: [registry.host],
  })
  expect(warnings).toEqual([
    expect.stringMatching(/^the cache .*:cache is only partly used: its layer sha256:\w+ is missing$/),
  ])
  await bench.tare.registry.push({ name })
  expect(await contentOf(bench, name, '/d/y')).toBe('y')
})

test.each<[string, (bytes: Buffer) => Buffer | undefined, RegExp]>([
  ['missing', () => undefined, /cannot be used: .*(?:does not have|404)/],
  ['truncated', (bytes) => bytes.subarray(0, bytes.length - 9), /cannot be used: .*has only \d+ of its \d+ bytes/],
  [
    'damaged',
    (bytes) => Buffer.from(bytes.map((byte, i) => (i === 60 ? byte ^ 1 : byte))),
    /cannot be used: .*(?:digest|corrupt|damaged)/,
  ],
])('a layer that is %s is one warning, and its step runs', async (_, damage, message) => {
  const { registry } = await exported()
  for (const [digest, bytes] of registry.blobs) {
    if (bytes[0] !== 0x1f) continue
    const now = damage(bytes)
    if (now === undefined) registry.blobs.delete(digest)
    else registry.blobs.set(digest, now)
  }
  const bench = await buildBench(files)
  const { warnings, made } = await bench.build(lines, { cacheFrom: from(registry), tags: ['app'] })
  expect(warnings).toEqual([expect.stringMatching(message)])
  expect(made).toContain('[stage-1 1/3] COPY d /d')
  expect(await contentOf(bench, 'app', '/d/y')).toBe('y')
})

test('a layer that is not what a COPY makes of its files is not believed', async () => {
  const { registry } = await exported()
  const other = await buildBench({ ...files, 'd/y': 'evil' })
  const evil = await registryOfTest()
  await other.build(lines, { cacheTo: to(evil) })
  // The keys of the honest cache with the layers of the other.
  const [honest, lying] = [registry, evil].map(configOf)
  const twin = (step: Config['steps'][number]) => lying!.json.steps.find((one) => one.form === step.form) ?? step
  const steps = honest!.json.steps.map((step) => ({ ...step, layer: twin(step).layer, blob: twin(step).blob }))
  for (const [digest, bytes] of evil.blobs) registry.blobs.set(digest, bytes)
  replaceConfig(registry, { ...honest!.json, steps })
  for (const lazily of [false, true]) {
    const bench = await buildBench(files)
    const { warnings } = await bench.build(lines, { cacheFrom: from(registry), tags: ['app'], load: lazily })
    expect(warnings).toEqual([expect.stringMatching(/is not what its step makes of these files$/)])
    expect(await contentOf(bench, 'app', '/d/y')).toBe('y')
  }
})

interface Config {
  steps: { form: string; layer: unknown; blob: unknown }[]
}

function configOf(registry: BadRegistry): { readonly json: Config; readonly digest: string } {
  const manifest = JSON.parse(registry.manifests.get('cache')!.bytes.toString()) as { config: { digest: string } }
  const { digest } = manifest.config
  return { digest, json: JSON.parse(registry.blobs.get(digest)!.toString()) as Config }
}

function replaceConfig(registry: BadRegistry, json: unknown): void {
  const { type, bytes } = registry.manifests.get('cache')!
  const manifest = JSON.parse(bytes.toString()) as { config: { digest: string; size: number } }
  const config = Buffer.from(JSON.stringify(json))
  manifest.config = { ...manifest.config, digest: registry.addBlob(config), size: config.length }
  registry.addManifest(type, manifest, 'cache')
}

test.each<[string, (registry: BadRegistry) => void, RegExp]>([
  ['nothing is there', () => {}, /:cache is not used: there is none$/],
  [
    'it is BuildKit’s',
    (registry) => {
      const config = {
        mediaType: 'application/vnd.buildkit.cacheconfig.v0',
        digest: registry.addBlob(Buffer.from('{}')),
        size: 2,
      }
      registry.addManifest(
        'application/vnd.oci.image.manifest.v1+json',
        { schemaVersion: 2, config, layers: [] },
        'cache',
      )
    },
    /it is a cache of BuildKit \(application\/vnd\.buildkit\.cacheconfig\.v0\), which only BuildKit can read$/,
  ],
  [
    'it is BuildKit’s, as an index',
    (registry) => {
      const config = {
        mediaType: 'application/vnd.buildkit.cacheconfig.v0',
        digest: registry.addBlob(Buffer.from('{}')),
        size: 2,
      }
      registry.addManifest(
        'application/vnd.oci.image.index.v1+json',
        { schemaVersion: 2, manifests: [config] },
        'cache',
      )
    },
    /it is a cache of BuildKit/,
  ],
  ['it is an image', (registry) => placeImage(registry, {}, 'cache'), /it is an image without a cache/],
  [
    'its config is damaged',
    (registry) => {
      const config = {
        mediaType: 'application/vnd.tare.cache.config.v1+json',
        digest: registry.addBlob(Buffer.from('{"version":1}')),
        size: 13,
      }
      registry.addManifest(
        'application/vnd.oci.image.manifest.v1+json',
        { schemaVersion: 2, config, layers: [] },
        'cache',
      )
    },
    /it is damaged: it has no list of steps$/,
  ],
  [
    'it is of a later version',
    (registry) => {
      const config = {
        mediaType: 'application/vnd.tare.cache.config.v1+json',
        digest: registry.addBlob(Buffer.from('{"version":2}')),
        size: 13,
      }
      registry.addManifest(
        'application/vnd.oci.image.manifest.v1+json',
        { schemaVersion: 2, config, layers: [] },
        'cache',
      )
    },
    /it is damaged: its version is 2, and not 1$/,
  ],
  [
    'its config is gone',
    (registry) => {
      const config = {
        mediaType: 'application/vnd.tare.cache.config.v1+json',
        digest: `sha256:${'1'.repeat(64)}`,
        size: 13,
      }
      registry.addManifest(
        'application/vnd.oci.image.manifest.v1+json',
        { schemaVersion: 2, config, layers: [] },
        'cache',
      )
    },
    /it is incomplete/,
  ],
])('where %s, one warning says so and every step runs', async (_, prepare, message) => {
  const registry = await registryOfTest()
  prepare(registry)
  const { warnings, cached } = await (await buildBench(files)).build(lines, { cacheFrom: from(registry) })
  expect(warnings).toEqual([expect.stringMatching(message)])
  expect(cached).toEqual([])
})

type Part = 'layer' | 'blob'

test.each<[string, Part, string, unknown, RegExp]>([
  ['a year that no image can have', 'layer', 'created', '+275760-09-13T00:00:00.000Z', /a layer has no time$/],
  ['a time that is none', 'layer', 'created', '2026-13-45T00:00:00Z', /a layer has no time$/],
  ['nanoseconds beyond a second', 'layer', 'rootTime', { mtime: 1, mtimeNs: 1e9 }, /a step has no layer$/],
  ['a size that is none', 'layer', 'size', -1, /a step has no layer$/],
  ['a type that no layer has', 'blob', 'mediaType', 'text/html', /the type "text\/html"$/],
  [
    'a layer from elsewhere',
    'blob',
    'mediaType',
    'application/vnd.oci.image.layer.nondistributable.v1.tar',
    /the type/,
  ],
  ['a digest that leads elsewhere', 'blob', 'digest', 'sha256:../../index', /is not a sha256 digest/],
])('%s in a cache makes it a damaged one', async (_, part, member, value, message) => {
  const { registry } = await exported()
  const { json } = configOf(registry)
  const steps = json.steps.map((step) => ({ ...step, [part]: { ...(step[part] as object), [member]: value } }))
  replaceConfig(registry, { ...json, steps })
  const { warnings, cached } = await (await buildBench(files)).build(lines, { cacheFrom: from(registry) })
  expect(warnings).toEqual([expect.stringMatching(/:cache is not used: it is damaged: /)])
  expect(warnings).toEqual([expect.stringMatching(message)])
  expect(cached).toEqual([])
})

test('an image is not overwritten by a cache, unless that is asked for', async () => {
  const registry = await registryOfTest()
  placeImage(registry, {}, 'cache')
  const bench = await buildBench(files)
  await expect(bench.build(lines, { cacheTo: to(registry), tags: ['app'] })).rejects.toMatchObject({
    code: 'CACHE_REFUSED',
    message: expect.stringContaining('it is an image without a cache'),
  })
  expect(await bench.tare.images.list()).toEqual([])
  await bench.build(lines, { cacheTo: to(registry, { overwrite: true, mode: 'max' }) })
  expect((await (await buildBench(files)).build(lines, { cacheFrom: from(registry) })).cached.length).toBe(5)
})

test('a failed export rejects the build when the image is out, or is a warning', async () => {
  const registry = await registryOfTest({
    interfere: (request, response) => {
      if (request.method === 'GET' || request.method === 'HEAD') return false
      response.writeHead(403).end('{"errors":[{"code":"DENIED","message":"no caches here"}]}')
      return true
    },
  })
  const bench = await buildBench(files)
  let image: string | undefined
  const onImage = async ({ id }: { id: string }) => {
    image = id
  }
  const failing = bench.build(lines, { cacheTo: to(registry), tags: ['app'], onImage })
  await expect(failing).rejects.toMatchObject({
    code: 'CACHE_EXPORT_FAILED',
    message: expect.stringContaining('no caches here'),
  })
  expect((await bench.tare.images.inspect('app')).Id).toBe(image)
  const { warnings } = await bench.build(lines, { cacheTo: to(registry, { ignoreError: true }) })
  expect(warnings).toEqual([expect.stringContaining('the cache could not be exported')])
})

test('a registry that refuses the media types of a cache is told as that, with others to try', async () => {
  const registry = await registryOfTest({
    interfere: (request, response) => {
      if (request.method !== 'PUT' || !/vnd\.oci/.test(String(request.headers['content-type']))) return
      request.resume().on('end', () => response.writeHead(415).end())
      return true
    },
  })
  const bench = await buildBench(files)
  const failing = (more: object) => bench.build(lines, { cacheTo: to(registry, more), tags: ['app'] })
  await expect(failing({})).rejects.toMatchObject({
    code: 'CACHE_EXPORT_FAILED',
    remedy: expect.stringContaining('Try oci-mediatypes=false'),
  })
  await expect(failing({ imageManifest: false })).rejects.toMatchObject({
    remedy: expect.stringContaining('Try image-manifest=true or oci-mediatypes=false'),
  })
  await failing({ ociMediaTypes: false })
  expect(registry.manifests.has('cache')).toBe(true)
})

test('older forms of manifests hold a cache as well', async () => {
  for (const form of [
    { imageManifest: false },
    { ociMediaTypes: false },
    { imageManifest: false, ociMediaTypes: false },
  ]) {
    const registry = await registryOfTest()
    await (await buildBench(files)).build(lines, { cacheTo: to(registry, { mode: 'max', ...form }) })
    expect((await (await buildBench(files)).build(lines, { cacheFrom: from(registry) })).cached.length).toBe(5)
  }
})

test('a cache in a folder is an OCI layout, for several tags, and is read by tag or digest', async () => {
  const path = join(temporaryFolder(), 'cache')
  const local = (more: object = {}) => [{ type: 'local', path, ...more }] as (CacheDestination & CacheSource)[]
  const first = await (await buildBench(files)).build(lines, { cacheTo: local({ mode: 'max' }) })
  await (await buildBench({ z: 'z' })).build(['FROM scratch', 'COPY z /'], { cacheTo: local({ tag: 'z' }) })
  const second = await (await buildBench(files)).build(lines, { cacheFrom: local() })
  expect([second.image.digest, second.cached.length]).toEqual([first.image.digest, 5])
  const { manifests } = JSON.parse(readFileSync(join(path, 'index.json'), 'utf8')) as {
    manifests: { digest: string }[]
  }
  const third = await (await buildBench({ z: 'z' })).build(['FROM scratch', 'COPY z /'], {
    cacheFrom: local({ digest: manifests[1]!.digest }),
  })
  expect(third.cached.length).toBe(1)
  const none = await (await buildBench(files)).build(lines, { cacheFrom: local({ tag: 'nobody' }) })
  expect(none.warnings).toEqual([`the cache ${path} is not used: there is none as nobody`])
})

test('a folder that is missing, empty or something else is one warning', async () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'file'), 'x')
  for (const path of [join(folder, 'none'), folder]) {
    const built = await (await buildBench(files)).build(lines, { cacheFrom: [{ type: 'local', path }] })
    expect(built.warnings).toEqual([expect.stringMatching(/^the cache .* is not used: /)])
  }
})

test('truncated layers in a folder are one warning', async () => {
  const path = join(temporaryFolder(), 'cache')
  await (await buildBench(files)).build(lines, { cacheTo: [{ type: 'local', path, mode: 'max' }] })
  for (const name of readdirSync(join(path, 'blobs/sha256'))) {
    const blob = join(path, 'blobs/sha256', name)
    if (readFileSync(blob)[0] === 0x1f) truncateSync(blob, 40)
  }
  const bench = await buildBench(files)
  const cacheFrom = [{ type: 'local', path }] as const
  const { warnings, made } = await bench.build(lines, { cacheFrom })
  expect(warnings).toEqual([expect.stringContaining('is only partly used')])
  expect(made).toContain('[stage-1 1/3] COPY d /d')
})
