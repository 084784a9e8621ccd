import { copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { alpineRootfs, noise, openBench, temporaryFolder } from '../kit/cli.ts'
import { hasRegistry, startRegistry } from '../kit/docker-registry.ts'
import { unlessMissing } from '../kit/needs.ts'

// Caches that an engine exports and imports.

const engines = (process.env['TARE_TEST_ENGINES'] ?? '').split(' ').filter(Boolean)
const mayRun = unlessMissing(engines.length > 0, 'no engine to build on, see TARE_TEST_ENGINES') && hasRegistry

function open() {
  const bench = openBench({
    Dockerfile: 'FROM scratch\nADD alpine.tgz /\nCOPY unique /u\nRUN cp /u /v\n',
    unique: noise(100_000, `unique ${process.hrtime.bigint()}`),
  })
  copyFileSync(alpineRootfs, join(bench.context, 'alpine.tgz'))
  const build = (engine: string, ...flags: string[]) =>
    bench.tare(['build', '--builder', engine, '--network=none', '--progress=plain', ...flags, bench.context])
  return { bench, build }
}

describe.skipIf(!mayRun)('a cache of an engine', () => {
  test.each(engines)('goes into a folder and comes from there, or is refused by name: %s', async (engine) => {
    const { build } = open()
    const folder = join(temporaryFolder(), 'cache')
    const { code, err } = await build(engine, '--cache-to', `type=local,dest=${folder},mode=max`, '-t', 'x')
    if (code !== 0) {
      expect(err).toMatch(/exports no cache of type local: only inline/)
      expect(existsSync(join(folder, 'index.json'))).toBe(false)
      return
    }
    const { manifests } = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8'))
    expect(manifests).toHaveLength(1)
    expect(readdirSync(join(folder, 'blobs/sha256')).length).toBeGreaterThan(3)
    // The engine imports it, and is not told where it is.
    const again = await build(engine, '--cache-from', `type=local,src=${folder}`, '-t', 'y')
    expect(again.code).toBe(0)
    expect(again.err).toMatch(/importing cache manifest/)
    expect(again.err).not.toContain(folder)
  })

  test.each(engines)('that is not there is told, and the build goes on: %s', async (engine) => {
    const { build } = open()
    const folder = join(temporaryFolder(), 'none')
    const { code, err } = await build(engine, '--cache-from', `type=local,src=${folder}`, '-t', 'x')
    expect(code).toBe(0)
    expect(err).toMatch(/there is no cache in/)
  })

  test.each(engines)('goes to a registry and comes from there, or is refused by name: %s', async (engine) => {
    const registry = await startRegistry()
    onTestFinished(() => registry.stop())
    const { build } = open()
    const ref = `${registry.host}/a/cache:1`
    const { code, err } = await build(engine, '--cache-to', `type=registry,ref=${ref},mode=max`, '-t', 'x')
    if (code !== 0) return expect(err).toMatch(/exports no cache of type registry: only inline/)
    const { manifests, layers } = (await (
      await fetch(`http://${registry.host}/v2/a/cache/manifests/1`, {
        headers: { Accept: 'application/vnd.oci.image.manifest.v1+json' },
      })
    ).json()) as { manifests?: unknown[]; layers: unknown[] }
    expect(manifests).toBeUndefined()
    expect(layers.length).toBeGreaterThan(2)
    const again = await build(engine, '--cache-from', `type=registry,ref=${ref}`, '-t', 'y')
    expect(again.code).toBe(0)
    expect(again.err).toMatch(/importing cache manifest from/)
  })

  test.each(engines)('is in the config of an image if it is inline: %s', async (engine) => {
    const { build, bench } = open()
    const { code, err } = await build(engine, '--cache-to', 'type=inline', '-t', 'x')
    expect(err).not.toMatch(/ERROR/)
    expect(code).toBe(0)
    await bench.succeed(['save', '--format=oci', '-o', join(bench.folder, 'x.tar'), 'x'])
    expect(readFileSync(join(bench.folder, 'x.tar'), 'latin1')).toContain('"moby.buildkit.cache.v0"')
  })

  test.each(engines)('is refused by name where an engine has no such thing: %s', async (engine) => {
    const { build } = open()
    for (const [flag, what] of [
      ['--cache-to=type=local,dest=x,sign=/dev/null', 'signs no caches'],
      ['--cache-to=type=local,dest=x,mounts=true', 'exports no cache mounts'],
      ['--cache-from=type=local,src=x,verify=/dev/null', 'verifies no signatures'],
    ] as const) {
      const { code, err } = await build(engine, flag)
      expect(code).toBe(1)
      expect(err).toContain(what)
    }
  })
})
