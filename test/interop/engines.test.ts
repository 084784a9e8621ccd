import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { frontOf } from '../kit/buildkit-front.ts'
import { alpineRootfs, isRoot, openBench } from '../kit/cli.ts'
import { hasProgram, unlessMissing } from '../kit/needs.ts'
import { type DockerDaemon, startDockerDaemon } from './docker-daemon.ts'

// What a build on an engine makes is what a build here makes.

const given = (process.env['TARE_TEST_ENGINES'] ?? '').split(' ').filter(Boolean)
const mayStart = unlessMissing(isRoot, 'dockerd is tried as root only') && hasProgram('dockerd') && hasProgram('docker')

let folder: string
let daemon: DockerDaemon | string = 'not started'
const engines = [...(mayStart ? ['own'] : []), ...given]

beforeAll(async () => {
  if (!mayStart) return
  folder = mkdtempSync(join(tmpdir(), 'tare-engine-'))
  daemon = await startDockerDaemon(join(folder, 'docker'))
  if (typeof daemon === 'string') console.warn(`skipped: ${daemon}`)
})

afterAll(async () => {
  if (typeof daemon !== 'string') await daemon.stop()
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
})

/** The engine's address; undefined if it did not start here. */
function addressOf(engine: string): string | undefined {
  if (engine !== 'own') return engine
  return typeof daemon === 'string' ? undefined : `unix://${join(folder, 'docker/docker.sock')}`
}

const story = [
  ...['FROM scratch AS base', 'ADD alpine.tgz /', 'FROM base AS tool'],
  ...[
    'RUN --mount=type=secret,id=s --mount=type=cache,target=/tmp/c wc -c < /run/secrets/s > /tool && cat /tool > /tmp/c/x',
  ],
  ...['FROM base', 'WORKDIR /app', 'COPY one two/', 'COPY --from=tool /tool /usr/bin/tool'],
  ...['RUN <<EOF', 'set -e', 'cat two/one > copied', 'echo "$A"', 'EOF'],
  ...['ENV A=b', 'LABEL l="x y"', 'CMD ["sh"]'],
].join('\n')

function storyBench() {
  const bench = openBench({ Dockerfile: story, one: '1\n', other: 'not needed', secret: 'a secret of 24 characters' })
  execFileSync('cp', [alpineRootfs, join(bench.context, 'alpine.tgz')])
  const flags = ['--network=none', '--secret', `id=s,src=${join(bench.context, 'secret')}`, bench.context]
  const config = async (name: string) => {
    const [{ Config, RootFS, Architecture }] = JSON.parse(await bench.succeed(['inspect', name]))
    return { Config, layers: RootFS.Layers.length, Architecture }
  }
  const history = async (name: string) =>
    (await bench.succeed(['history', '--no-trunc', '--format', '{{.CreatedBy}}', name])).split('\n')
  return { bench, flags, config, history }
}

describe.skipIf(!unlessMissing(engines.length > 0, 'no engine to build on'))('on an engine', () => {
  test.each(engines)('a build has the config, the history and the files of a build here: %s', async (engine) => {
    const builder = addressOf(engine)
    if (builder === undefined) return expect(daemon).toBeTypeOf('string')
    const { bench, flags, config, history } = storyBench()
    await bench.succeed(['build', '-t', 'here', ...flags])
    const { err } = await bench.tare(['build', '--builder', builder, '--progress=plain', '-t', 'there', ...flags])
    expect(err).toMatch(/\[stage-2 1\/4\] WORKDIR \/app/)
    expect(await config('there')).toEqual(await config('here'))
    expect(await history('there')).toEqual(await history('here'))
    const show = (name: string) =>
      bench.succeed([
        'run',
        '--rm',
        '--network=none',
        name,
        'sh',
        '-c',
        'cat /app/copied /usr/bin/tool; ls /app /app/two',
      ])
    expect(await show('there')).toBe(await show('here'))
    // Once more: everything is in the engine's cache, and the image is the same.
    const before = await bench.succeed(['images', '-q', '--no-trunc', 'there'])
    const again = await bench.tare(['build', '--builder', builder, '--progress=plain', '-t', 'there', ...flags])
    expect(again.err).toMatch(/CACHED/)
    expect(await bench.succeed(['images', '-q', '--no-trunc', 'there'])).toBe(before)
  })

  test.each(engines)('the same works over HTTP/2 from the start, as buildkitd speaks it: %s', async (engine) => {
    const daemonAddress = addressOf(engine)
    if (daemonAddress === undefined) return expect(daemon).toBeTypeOf('string')
    // A worker without a snapshotter hands over its result through the daemon's own API.
    const path = daemonAddress.slice('unix://'.length)
    const { bench, flags, config } = storyBench()
    const builder = await frontOf(path)
    const { code, err } = await bench.tare(['build', '--builder', builder, '-t', 'there', ...flags])
    if (/not at the same address/.test(err)) return expect(code).toBe(1)
    expect(err).not.toMatch(/ERROR/)
    expect((await config('there')).layers).toBe(5)
  })

  test.each(engines)('a base that only this machine has is built upon: %s', async (engine) => {
    const builder = addressOf(engine)
    if (builder === undefined) return expect(daemon).toBeTypeOf('string')
    const bench = openBench({ Dockerfile: 'FROM own\nCOPY b /b\nCOPY --from=own /a /c\n', b: 'b' })
    await bench.succeed(['build', '-t', 'own', '-f', '-', bench.context], {
      input: 'FROM scratch\nCOPY b /a\nCOPY b /d/e\n',
    })
    await bench.succeed(['build', '--builder', builder, '-t', 'there', bench.context])
    const layers = async (name: string): Promise<string[]> =>
      JSON.parse(await bench.succeed(['inspect', '-f', '{{json .RootFS.Layers}}', name]))
    expect((await layers('there')).slice(0, 2)).toEqual(await layers('own'))
    await bench.succeed(['build', '-t', 'here', bench.context])
    // Old daemons write other header bytes.
    const version = execFileSync('docker', ['-H', builder, 'version', '-f', '{{.Server.Version}}'], {
      encoding: 'utf8',
    })
    if (engine === 'own' || version.startsWith('20.')) expect(await layers('there')).toHaveLength(4)
    else expect(await layers('there')).toEqual(await layers('here'))
  })

  test.each(engines)('a step that fails is told with its line, and leaves nothing: %s', async (engine) => {
    const builder = addressOf(engine)
    if (builder === undefined) return expect(daemon).toBeTypeOf('string')
    const { bench, flags } = storyBench()
    const file = `${story}\nRUN echo told >&2; exit 3\n`
    const { code, err } = await bench.tare(
      ['--debug', 'build', '--builder', builder, '--progress=plain', '-t', 'there', '-f', '-', ...flags],
      { input: file },
    )
    expect(code).toBe(1)
    expect(err).toMatch(/told/)
    expect(err).toMatch(/Dockerfile:17/)
    expect(err).toMatch(/did not complete successfully: exit code: 3[\s\S]*RUN_FAILED/)
    expect(await bench.succeed(['images', '-q'])).toBe('')
  })

  test.skipIf(!unlessMissing(given.length > 1, 'a change of engines needs two in TARE_TEST_ENGINES'))(
    'an address may lead to an engine of another kind than last time',
    async () => {
      const bench = openBench({ Dockerfile: 'FROM scratch\nCOPY b /b\n', b: '' })
      const path = join(bench.folder, 'docker.sock')
      for (const [i, engine] of [...given, ...given.toReversed()].entries()) {
        rmSync(path, { force: true })
        symlinkSync(engine.slice('unix://'.length), path)
        writeFileSync(join(bench.context, 'b'), `${i} ${process.hrtime.bigint()}`)
        const files = ['-o', 'out', '-o', 'type=image']
        await bench.succeed(['build', '--builder', `unix://${path}`, '-t', 'there', ...files, bench.context])
        expect(readFileSync(join(bench.folder, 'out/b'))).toEqual(readFileSync(join(bench.context, 'b')))
      }
    },
  )

  test.each(engines)('no temporary name stays in the daemon: %s', async (engine) => {
    const builder = addressOf(engine)
    if (builder === undefined) return expect(daemon).toBeTypeOf('string')
    const bench = openBench({ Dockerfile: 'FROM scratch\nCOPY b /b\n', b: 'b' })
    await bench.succeed(['build', '--builder', builder, '-t', 'there', bench.context])
    // Other tests may build there at the same time.
    const images = () => execFileSync('docker', ['-H', builder, 'images'], { encoding: 'utf8' })
    await expect.poll(images).not.toContain('tare.invalid')
  })
})
