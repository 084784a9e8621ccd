import { join } from 'node:path'
import { expect, test } from 'vitest'
import { buildBench } from '../../../test/kit/build-bench.ts'
import { noise, temporaryFolder } from '../../../test/kit/cli.ts'
import { githubStandIn } from '../../../test/kit/github-cache.ts'
import { serve } from '../../../test/kit/serve.ts'

const files = { a: 'a', d: 'd', big: noise(100_000) }
const lines = ['FROM scratch AS build', 'COPY big /', 'COPY a /', 'FROM scratch', 'COPY d /', 'COPY --from=build /a /']

const bench = (
  environment: Readonly<Record<string, string>>,
  own: Readonly<Record<string, string | Uint8Array>> = files,
) => buildBench(own, join(temporaryFolder(), 'home'), environment)

test('another job of the repository takes every step from it, and a second export sends nothing', async () => {
  const github = await githubStandIn()
  const cache = { type: 'gha' } as const
  const first = await bench(github.environment)
  const built = await first.build(lines, { cacheTo: [{ ...cache, mode: 'max' }] })
  expect([...github.entries.keys()].filter((key) => key.startsWith('tare-steps-v1#tare#')).length).toBe(1)
  github.requests.length = 0
  await first.build(lines, { cacheTo: [{ ...cache, mode: 'max' }] })
  expect(github.requests.filter((request) => /PUT|Create|Finalize/.test(request))).toEqual([])
  github.requests.length = 0
  const again = await (await bench(github.environment)).build(lines, { cacheFrom: [cache] })
  expect([again.image.digest, again.cached.length, again.warnings]).toEqual([built.image.digest, 4, []])
  // The list, and the layers of the image.
  expect(github.requests.filter((request) => request === 'GET').length).toBe(3)
})

test('a later list has what the earlier ones had, scopes do not see each other, and mode=min is less', async () => {
  const github = await githubStandIn()
  const cache = { type: 'gha', scope: 'one' } as const
  await (await bench(github.environment)).build(lines, { cacheTo: [cache] })
  await (await bench(github.environment, { z: 'z' })).build(['FROM scratch', 'COPY z /'], { cacheTo: [cache] })
  const read = async (scope: string) =>
    (await bench(github.environment)).build(lines, { cacheFrom: [{ ...cache, scope }] })
  expect((await read('one')).cached.length).toBe(2)
  expect((await read('on')).warnings).toEqual(['the cache gha:on is not used: there is none'])
})

test('outside of a job, without a right token or without the service one warning says so', async () => {
  const github = await githubStandIn()
  const broken = await serve(
    (_, response) => void response.writeHead(400).end('{"code":"malformed","msg":"what is that?"}'),
  )
  const cases: [Readonly<Record<string, string>>, RegExp][] = [
    [{}, /ACTIONS_RESULTS_URL and ACTIONS_RUNTIME_TOKEN are not set/],
    [{ ...github.environment, ACTIONS_RUNTIME_TOKEN: 'old' }, /answered 401: no$/],
    [{ ...github.environment, ACTIONS_RESULTS_URL: 'nowhere' }, /is no address: "nowhere"/],
    [{ ...github.environment, ACTIONS_RESULTS_URL: `${broken}/` }, /answered 400: what is that\?$/],
    [{ ...github.environment, ACTIONS_RESULTS_URL: 'http://127.0.0.1:9/' }, /127\.0\.0\.1:9 cannot be reached/],
  ]
  for (const [environment, message] of cases) {
    const { warnings } = await (await bench(environment)).build(lines, { cacheFrom: [{ type: 'gha' }] })
    expect(warnings).toEqual([expect.stringMatching(message)])
  }
})

test('an export without the service fails when the image is out, or is a warning', async () => {
  const without = await bench({})
  const failing = without.build(lines, { cacheTo: [{ type: 'gha' }], tags: ['app'] })
  await expect(failing).rejects.toMatchObject({ code: 'CACHE_EXPORT_FAILED' })
  expect((await without.tare.images.list()).length).toBe(1)
  const { warnings } = await without.build(lines, { cacheTo: [{ type: 'gha', ignoreError: true }] })
  expect(warnings.length).toBe(1)
})

test('an entry that is gone or damaged is one warning, and its step runs', async () => {
  const github = await githubStandIn()
  await (await bench(github.environment)).build(lines, { cacheTo: [{ type: 'gha' }] })
  for (const [key, { version, bytes }] of github.entries)
    if (key.startsWith('tare-blob')) github.entries.set(key, { version, bytes: bytes.subarray(1) })
  const damaged = await (await bench(github.environment)).build(lines, { cacheFrom: [{ type: 'gha' }] })
  expect(damaged.warnings).toEqual([expect.stringContaining('is only partly used')])
  for (const key of github.entries.keys()) if (key.startsWith('tare-blob')) github.entries.delete(key)
  const gone = await (await bench(github.environment)).build(lines, { cacheFrom: [{ type: 'gha' }] })
  expect(gone.warnings).toEqual([expect.stringContaining('does not have sha256:')])
  expect(gone.made).toContain('[stage-1 1/2] COPY d /')
})
