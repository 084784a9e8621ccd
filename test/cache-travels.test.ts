import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { sandboxVariants } from './kit/alpine-steps.ts'
import { buildBench, registryOfTest } from './kit/build-bench.ts'
import { openQuickBench } from './kit/call-tare.ts'
import { temporaryFolder } from './kit/cli.ts'
import { githubStandIn } from './kit/github-cache.ts'
import { rootFilesystem } from './kit/root-filesystem.ts'

// A dozen steps, most of them RUN, made in one store and found in another, by the words of the command line.

const usable = sandboxVariants().some(({ hindrance }) => hindrance === undefined)
const steps = 10
const dockerfile = [
  'FROM scratch AS build',
  'ADD rootfs.tgz /',
  'RUN date > /made',
  'FROM scratch',
  'ADD rootfs.tgz /',
  ...Array.from({ length: steps }, (_, i) => `RUN echo ${i} > /step-${i}`),
  'COPY --from=build /made /made',
].join('\n')
const files = () => ({ 'rootfs.tgz': readFileSync(rootFilesystem!), Dockerfile: dockerfile })

const newBench = () => openQuickBench(files())

/** Builds with the flags, in a store of its own if none is given; returns what --metadata-file says, and the log. */
async function build(flags: readonly string[], env: Readonly<Record<string, string>> = {}, bench = newBench()) {
  const argv = ['build', '--metadata-file', 'metadata', ...flags, bench.context]
  const { code, err } = await bench.tare(argv, { env })
  expect([code, code === 0 ? '' : err]).toEqual([0, ''])
  const metadata = JSON.parse(readFileSync(join(bench.folder, 'metadata'), 'utf8')) as Record<string, unknown>
  return { id: metadata['containerimage.config.digest'], digest: metadata['containerimage.digest'], err, bench }
}

/** How many RUN were executed, and how many were found. */
function runsIn(log: string) {
  const ids = [...log.matchAll(/^#(\d+) \[[^\]]*\] RUN /gm)].map(([, id]) => id!)
  const found = new Set([...log.matchAll(/^#(\d+) CACHED$/gm)].map(([, id]) => id!))
  return {
    executed: new Set(ids.filter((id) => !found.has(id))).size,
    found: new Set(ids.filter((id) => found.has(id))).size,
  }
}

test.skipIf(!usable)(
  'from a registry comes the same image without a RUN, with few requests, and no upload the second time',
  async () => {
    const registry = await registryOfTest()
    const ref = `${registry.host}/team/app:cache`
    const first = await build(['-t', 'app', '--cache-to', `type=registry,ref=${ref},mode=max`])
    expect(runsIn(first.err)).toEqual({ executed: steps + 1, found: 0 })
    registry.requests.length = 0
    const second = await build(['-t', 'app', '--cache-from', ref])
    expect([second.id, second.digest]).toEqual([first.id, first.digest])
    expect(runsIn(second.err)).toEqual({ executed: 0, found: steps + 1 })
    // The config, and each layer of the image once; nothing of the other stage.
    expect(registry.requests.filter((request) => /^GET .*\/blobs\//.test(request)).length).toBe(1 + 1 + steps + 1)
    expect(registry.requests.length).toBeLessThan(steps + 10)
    registry.requests.length = 0
    await first.bench.succeed([
      'build',
      '-t',
      'app',
      '--cache-to',
      `type=registry,ref=${ref},mode=max`,
      first.bench.context,
    ])
    expect(registry.requests.filter((request) => !/^(?:GET|HEAD) /.test(request))).toEqual([])
  },
)

test.skipIf(!usable)('pushed to the registry that has the cache, no layer is fetched or sent', async () => {
  const registry = await registryOfTest()
  const ref = `${registry.host}/team/app`
  const first = await build(['--push', '-t', `${ref}:1`, '--cache-to', `type=registry,ref=${ref}:cache,mode=max`])
  registry.requests.length = 0
  const second = await build(['--push', '-t', `${ref}:1`, '--cache-from', `${ref}:cache`])
  expect([second.id, second.digest]).toEqual([first.id, first.digest])
  expect(registry.requests.filter((request) => /^GET .*\/blobs\//.test(request)).length).toBe(1)
  expect(registry.requests.filter((request) => /^(?:POST|PATCH|PUT) .*\/blobs\//.test(request))).toEqual([])
})

test.skipIf(!usable)('a folder, GitHub and the image itself do the same', async () => {
  const folder = join(temporaryFolder(), 'cache')
  const github = await githubStandIn()
  const registry = await registryOfTest()
  const name = `${registry.host}/team/app:1`
  const kinds: [readonly string[], readonly string[], number, Readonly<Record<string, string>>?][] = [
    [['--cache-to', `type=local,dest=${folder},mode=max`], ['--cache-from', `type=local,src=${folder}`], 0],
    [['--cache-to', 'type=gha,mode=max'], ['--cache-from', 'type=gha'], 0, github.environment],
    // An image has only its own layers.
    [['--push', '-t', name, '--cache-to', 'type=inline'], ['--cache-from', name, '--cache-to', 'type=inline'], 1],
  ]
  // What one store has made goes out in each way, and comes into a new one.
  const maker = newBench()
  for (const [to, from, executed, env] of kinds) {
    const first = await build(to, env, maker)
    const second = await build(from, env)
    expect(second.err).not.toContain('CacheNotUsed')
    expect(runsIn(second.err).executed).toBe(executed)
    if (executed === 0) expect([second.id, second.digest]).toEqual([first.id, first.digest])
  }
})

test('a Dockerfile of 300 stages travels', async () => {
  const lines = Array.from(
    { length: 300 },
    (_, i) => `FROM ${i === 0 ? 'scratch' : `s${i - 1}`} AS s${i}\nCOPY a /a${i}`,
  )
  const path = join(temporaryFolder(), 'cache')
  const first = await (await buildBench({ a: 'a' })).build(lines, { cacheTo: [{ type: 'local', path, mode: 'max' }] })
  const second = await (await buildBench({ a: 'a' })).build(lines, { cacheFrom: [{ type: 'local', path }] })
  expect([second.image.digest, second.cached.length]).toEqual([first.image.digest, 300])
})
