import { execFileSync } from 'node:child_process'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { alpineRootfs, noise, openBench } from '../kit/cli.ts'
import { unlessMissing } from '../kit/needs.ts'
import { relayTo } from '../kit/relay.ts'

// --load of a build on an engine: the docker daemon has the image as well.

const engines = (process.env['TARE_TEST_ENGINES'] ?? '').split(' ').filter(Boolean)
const mayRun = unlessMissing(engines.length > 0, 'no engine to build on, see TARE_TEST_ENGINES')

function open(engine: string) {
  const unique = noise(3_000_000, `unique ${process.hrtime.bigint()}`)
  const Dockerfile = 'FROM scratch\nADD alpine.tgz /\nCOPY unique /u\nRUN cp /u /v\nENV A=b\nCMD ["sh"]\n'
  const bench = openBench({ Dockerfile, unique })
  copyFileSync(alpineRootfs, join(bench.context, 'alpine.tgz'))
  const docker = (...args: string[]) => execFileSync('docker', ['-H', engine, ...args], { encoding: 'utf8' })
  return { bench, docker, flags: ['--network=none', bench.context], name: `loaded-${process.hrtime.bigint()}` }
}

describe.skipIf(!mayRun)('--load on an engine', () => {
  test.each(engines)('gives the daemon the same image, under all its names: %s', async (engine) => {
    const { bench, docker, flags, name } = open(engine)
    const relay = await relayTo(engine)
    const tags = ['-t', `${name}:1`, '-t', `${name}:2`]
    const build = () => bench.succeed(['build', '--builder', relay.address, '--load', ...tags, ...flags])
    await build()
    onTestFinished(() => void docker('rmi', '-f', `${name}:1`, `${name}:2`))
    const [there] = JSON.parse(docker('image', 'inspect', `${name}:1`))
    const [here] = JSON.parse(await bench.succeed(['inspect', `${name}:1`]))
    expect(there.RootFS.Layers).toEqual(here.RootFS.Layers)
    expect(there.Config).toMatchObject({ Env: expect.arrayContaining(['A=b']), Cmd: ['sh'] })
    const isOfContainerd = docker('info').includes('containerd.snapshotter')
    if (!isOfContainerd) expect(there.Id).toBe(here.Id)
    const told = docker('history', '--no-trunc', '--format', '{{.CreatedBy}}', `${name}:2`)
    expect(told).toBe(await bench.succeed(['history', '--no-trunc', '--format', '{{.CreatedBy}}', `${name}:2`]))
    await expect.poll(() => docker('images')).not.toContain('tare.invalid')
    // The older store has the layers: nothing goes back to it.
    relay.reset()
    await build()
    if (!isOfContainerd) expect(relay.sent()).toBeLessThan(200_000)
    expect(docker('run', '--rm', '--network=none', `${name}:2`, 'sh', '-c', 'cmp /u /v && echo $A')).toBe('b\n')
  })

  test.each(engines)('leaves nothing in the daemon where another output fails: %s', async (engine) => {
    const { bench, docker, flags, name } = open(engine)
    const outputs = ['-o', 'type=docker', '-o', 'type=registry']
    const tag = `127.0.0.1:1/${name}:1`
    const { code, err } = await bench.tare(['build', '--builder', engine, ...outputs, '-t', tag, ...flags])
    expect(code).toBe(1)
    expect(err).toMatch(/127\.0\.0\.1:1/)
    const images = docker('images')
    expect(images).not.toContain(name)
    await expect.poll(() => docker('images')).not.toContain('tare.invalid')
    expect(await bench.succeed(['images', '-q'])).toBe('')
  })

  test.each(engines)('of several platforms stays here, and says so: %s', async (engine) => {
    const { bench, docker, name } = open(engine)
    const flags = ['--platform=linux/amd64,linux/arm64', '-f', '-', '-t', name, bench.context]
    const { code, err } = await bench.tare(['build', '--builder', engine, '--load', ...flags], {
      input: 'FROM scratch\nCOPY unique /\n',
    })
    expect(code).toBe(0)
    expect(err).toMatch(/EngineLoad: the image is only in the store of this machine/)
    expect(docker('images')).not.toContain(name)
  })
})
