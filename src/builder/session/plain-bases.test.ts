import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startBad } from '../../../test/kit/bad-registry-client.ts'
import { fetchesOf, pushBase } from '../../../test/kit/base-images.ts'
import { faultsOf } from '../../../test/kit/check-store.ts'
import { temporaryFolder, writeFiles } from '../../../test/kit/cli.ts'
import { openTare } from '../../verbs/library.ts'

// Bases whose layers are plain tars in their registry: there, a layer's digest is its diffId.

async function bench(docker: boolean) {
  const registry = await startBad()
  const base = pushBase(registry, [{ 'etc/passwd': 'ada:x:7:8::/:\n' }, { 'bin/tool': 'tool' }], {
    docker,
    plain: true,
  })
  const home = temporaryFolder()
  const context = writeFiles(temporaryFolder(), { app: 'app' })
  const tare = await openTare({ home, environment: {} })
  const name = `${registry.host}/base:1`
  const build = (lines: readonly string[], more = {}) =>
    tare.build({
      context: { kind: 'directory', path: context },
      dockerfile: { text: [`FROM ${name}`, ...lines].join('\n') },
      platforms: ['linux/amd64'],
      tags: ['app'],
      ...more,
    })
  return { registry, base, home, tare, name, build, fetches: () => fetchesOf(registry, base) }
}

const steps: [string, readonly string[], number][] = [
  ['metadata', ['LABEL a=b'], 0],
  ['COPY --link', ['COPY --link app /app'], 0],
  ['COPY', ['COPY app /app'], 2],
]

test.each([false, true].flatMap((docker) => steps.map(([what, lines, count]) => ({ what, lines, count, docker }))))(
  '$what on a base of plain layers (Docker’s kind: $docker) fetches what it needs, and save the rest',
  async (one) => {
    const { build, fetches, home, tare, base } = await bench(one.docker)
    await build(one.lines)
    expect(fetches()).toBe(one.count)
    // By their names alone nobody can tell that these are not here yet.
    const isAwaited = (fault: string) => base.diffIds.some((diffId) => fault.includes(diffId))
    expect((await faultsOf(home)).filter((fault) => !isAwaited(fault))).toEqual([])
    await tare.images.save({ names: ['app'], to: { path: join(temporaryFolder(), 'app.tar') } })
    expect(fetches()).toBe(2)
    const there = readdirSync(join(home, 'blobs/sha256'))
    for (const diffId of base.diffIds) expect(there).toContain(diffId.slice('sha256:'.length))
  },
)

test('a build on a base of plain layers is loaded whole, and pushed', async () => {
  const { build, fetches, tare, registry } = await bench(false)
  await build(['LABEL a=b'], { load: true })
  expect(fetches()).toBe(2)
  await tare.images.tag('app', `${registry.host}/base:2`)
  await tare.registry.push({ name: `${registry.host}/base:2` })
  const again = await openTare({ home: temporaryFolder(), environment: {} })
  await again.registry.pull({ name: `${registry.host}/base:2` })
})
