import { execFileSync } from 'node:child_process'
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { nameOfProcess } from '../../src/disk/index.ts'
import { alpineRootfs, noise, openBench } from '../kit/cli.ts'
import { hasRegistry, startRegistry } from '../kit/docker-registry.ts'
import { unlessMissing } from '../kit/needs.ts'
import { relayTo } from '../kit/relay.ts'

// --push of a build on an engine.

const engines = (process.env['TARE_TEST_ENGINES'] ?? '').split(' ').filter(Boolean)
const mayRun = unlessMissing(engines.length > 0, 'no engine to build on, see TARE_TEST_ENGINES') && hasRegistry

describe.skipIf(!mayRun)('a push of a build on an engine', () => {
  test.each(engines)('has the image of a build here, whose layers have not passed this machine: %s', async (engine) => {
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
    expect(err).not.toMatch(/EnginePush/)
    expect(relay.received()).toBeLessThan(200_000)
    // The daemon keeps no name of it; somebody else may be building there.
    const left = () =>
      execFileSync('docker', ['-H', engine, 'images', '--format', '{{.Repository}}'], { encoding: 'utf8' })
    await expect.poll(left, { timeout: 10_000 }).not.toMatch(/tare\.invalid|a\/b$|other$/m)
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
  })

  test.each(engines)('goes through this machine if the daemon has another image of that name: %s', async (engine) => {
    const registry = await startRegistry()
    onTestFinished(() => registry.stop())
    const docker = (...args: string[]) => execFileSync('docker', ['-H', engine, ...args], { encoding: 'utf8' })
    const name = `${registry.host}/taken:1`
    const bench = openBench({ Dockerfile: 'FROM scratch\nCOPY a /\n', a: `taken ${process.hrtime.bigint()}` })
    await bench.succeed(['build', '-o', 'type=docker,dest=other.tar', '-t', name, bench.context])
    docker('load', '-i', join(bench.folder, 'other.tar'))
    onTestFinished(() => void docker('rmi', name))
    const before = docker('images', '-q', name)
    writeFileSync(join(bench.context, 'a'), 'new')
    const { code, err } = await bench.tare(['build', '--builder', engine, '--push', '-t', name, bench.context])
    expect(code).toBe(0)
    expect(docker('images', '-q', name)).toBe(before)
    const isMoved = /EnginePush: the image is pushed from here, because its daemon has another image called/.test(err)
    // The containerd store pushes without a name.
    expect(isMoved || !/EnginePush/.test(err)).toBe(true)
    rmSync(bench.home, { recursive: true, force: true })
    await bench.succeed(['build', '-o', 'out', '-f', '-', bench.context], { input: `FROM ${name}\n` })
    expect(readFileSync(join(bench.folder, 'out/a'), 'utf8')).toBe('new')
  })

  test.each(engines)('that was killed leaves names that the next build removes, and no others: %s', async (engine) => {
    const docker = (...args: string[]) => execFileSync('docker', ['-H', engine, ...args], { encoding: 'utf8' })
    const bench = openBench({ Dockerfile: 'FROM scratch\nCOPY a /\n', a: `killed ${process.hrtime.bigint()}` })
    const isOfContainerd = docker('info').includes('containerd.snapshotter')
    await bench.succeed(['build', '-o', 'type=docker,dest=x.tar', '-t', 'x', bench.context])
    docker('load', '-i', join(bench.folder, 'x.tar'))
    // No process has this number, and this machine would know.
    const ended = `${nameOfProcess().split('-')[0]}-4194304-1-${Date.now()}-0011aabb`
    const [mine, theirs] = ['127.0.0.1:1/killed/mine:1', '127.0.0.1:1/killed/theirs:1']
    const whilePushed = (name: string) => `tare.invalid/push/${Buffer.from(name).toString('hex')}:${ended}`
    for (const name of [mine, whilePushed(mine), whilePushed(theirs), `tare.invalid/build:${ended}`])
      docker('tag', 'x', name)
    writeFileSync(join(bench.context, 'a'), 'another one')
    await bench.succeed(['build', '-o', 'type=docker,dest=y.tar', '-t', theirs, bench.context])
    docker('load', '-i', join(bench.folder, 'y.tar'))
    onTestFinished(() => void docker('rmi', 'x', theirs))
    await bench.succeed(['build', '--builder', engine, '-t', 'z', bench.context])
    const names = docker('images', '--format', '{{.Repository}}:{{.Tag}}').split('\n')
    expect(names).toContain(theirs)
    // A store of containerd needs no names for a while, and does not look for any.
    if (isOfContainerd) docker('rmi', mine, whilePushed(mine), whilePushed(theirs), `tare.invalid/build:${ended}`)
    else expect(names.filter((name) => name === mine || name.includes(ended))).toEqual([])
  })

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
    expect(err).not.toMatch(/ERROR/)
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
