import { copyFileSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { alpineRootfs, noise, openBench } from '../kit/cli.ts'
import { hasRegistry, startRegistry } from '../kit/docker-registry.ts'
import { unlessMissing } from '../kit/needs.ts'
import { relayTo } from '../kit/relay.ts'

// --push of a build on an engine.

const engines = (process.env['TARE_TEST_ENGINES'] ?? '').split(' ').filter(Boolean)
const mayRun = unlessMissing(engines.length > 0, 'no engine to build on, see TARE_TEST_ENGINES') && hasRegistry

describe.skipIf(!mayRun)('a push of a build on an engine', () => {
  test.each(engines)(
    'has the image of a build here, and is told where layers pass this machine: %s',
    async (engine) => {
      const registry = await startRegistry()
      onTestFinished(() => registry.stop())
      const relay = await relayTo(engine)
      const unique = noise(4_000_000, `unique ${process.hrtime.bigint()}`)
      const dockerfile = 'FROM scratch\nADD alpine.tgz /\nCOPY unique /u\nRUN cp /u /v\nENV A=b\nCMD ["sh"]\n'
      const bench = openBench({ Dockerfile: dockerfile, unique })
      copyFileSync(alpineRootfs, join(bench.context, 'alpine.tgz'))
      const name = `${registry.host}/a/b:1`
      const tags = ['-t', name, '-t', `${registry.host}/other:2`]
      const args = ['build', '--builder', relay.address, '--network=none', '--push', ...tags, bench.context]
      const { code, err } = await bench.tare(args)
      expect(err).not.toMatch(/ERROR/)
      expect(code).toBe(0)
      const passed = relay.received()
      if (/EnginePush: the image is pushed from here, because the image store of/.test(err))
        expect(passed).toBeGreaterThan(4_000_000)
      else expect(passed).toBeLessThan(200_000)
      const { Config } = JSON.parse(await bench.succeed(['inspect', name]))[0]
      expect(Config).toMatchObject({ Env: expect.arrayContaining(['A=b']), Cmd: ['sh'] })
      // Somebody else gets it from there; and here it is fetched when it is needed.
      for (const store of ['new', 'old']) {
        if (store === 'new') rmSync(join(bench.home), { recursive: true, force: true })
        for (const tag of store === 'new' ? [name, `${registry.host}/other:2`] : [name])
          expect(await bench.succeed(['run', '--rm', '--network=none', tag, 'cmp', '/u', '/v'])).toBe('')
        if (store === 'new') {
          rmSync(join(bench.home), { recursive: true, force: true })
          await bench.succeed(args)
        }
      }
    },
  )

  test.each(engines)('of two platforms is one index, of which no layer has passed this machine: %s', async (engine) => {
    const registry = await startRegistry()
    onTestFinished(() => registry.stop())
    const relay = await relayTo(engine)
    const bench = openBench({
      Dockerfile: 'FROM scratch\nARG TARGETARCH\nCOPY unique /u\nCOPY $TARGETARCH /arch\n',
      ...{ unique: noise(2_000_000, `index ${process.hrtime.bigint()}`), amd64: 'x', arm64: 'y' },
    })
    const name = `${registry.host}/index:1`
    const args = ['build', '--builder', relay.address, '--platform=linux/amd64,linux/arm64', '--push', '-t', name]
    const { code, err } = await bench.tare([...args, bench.context])
    expect(code).toBe(0)
    if (!/EnginePush/.test(err)) expect(relay.received()).toBeLessThan(200_000)
    rmSync(bench.home, { recursive: true, force: true })
    for (const [platform, text] of [
      ['linux/amd64', 'x'],
      ['linux/arm64', 'y'],
    ] as const) {
      const out = join(bench.folder, text)
      await bench.succeed(['build', '--platform', platform, '-o', out, '-f', '-', bench.context], {
        input: `FROM ${name}\n`,
      })
      expect(readFileSync(join(out, 'arch'), 'utf8')).toBe(text)
    }
  })

  test.each(engines)('goes through this machine if it is searched for secrets: %s', async (engine) => {
    const registry = await startRegistry()
    onTestFinished(() => registry.stop())
    // An engine that has the step cached would not see this secret.
    const now = process.hrtime.bigint()
    const Dockerfile = `FROM scratch\nADD alpine.tgz /\nRUN --mount=type=secret,id=s cp /run/secrets/s /leak${now}\n`
    const bench = openBench({ Dockerfile, secret: `a secret of ${now}` })
    copyFileSync(alpineRootfs, join(bench.context, 'alpine.tgz'))
    const flags = ['--network=none', '--secret', `id=s,src=${join(bench.context, 'secret')}`, '--secret-leak=error']
    const name = `${registry.host}/leak:1`
    const { code, err } = await bench.tare([
      'build',
      '--builder',
      engine,
      '--push',
      ...flags,
      '-t',
      name,
      bench.context,
    ])
    expect(code).toBe(1)
    expect(err).toMatch(/EnginePush: the image is pushed from here, because it is searched for secrets/)
    expect((await bench.tare(['pull', name])).code).toBe(1)
  })
})
