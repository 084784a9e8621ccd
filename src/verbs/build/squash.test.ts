import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder, writeFiles } from '../../../test/kit/cli.ts'
import type { BuildOptions } from '../../api/index.ts'
import { createHost } from '../../images/index.ts'
import { tareOf } from '../library.ts'

const text = `FROM scratch AS one
COPY a /
COPY b /
FROM one AS two
COPY c /
ENV X=1
COPY a /moved
FROM two
COPY b /d/
COPY c /d/
WORKDIR /w
`

function bench() {
  const folder = temporaryFolder()
  const context = writeFiles(join(folder, 'context'), { a: 'a', b: 'b', c: 'c' })
  const tare = tareOf(createHost({ home: join(folder, 'home'), environment: {} }))
  const cached: string[] = []
  const build = async (more: Partial<BuildOptions> = {}) => {
    cached.length = 0
    const titles = new Map<number, string>()
    await tare.build({
      context: { kind: 'directory', path: context },
      ...{ dockerfile: { text }, tags: ['app'] },
      report: (event) => {
        if (event.type === 'step-started') titles.set(event.step, event.title)
        if (event.type === 'step-cached') cached.push(titles.get(event.step)!)
      },
      ...more,
    })
    const history = [...(await tare.images.history('app'))].reverse()
    const layers = await tare.images.layers({ image: 'app' })
    const files = (await tare.images.files({ image: 'app' })).map(({ path }) => path)
    return { history: history.map(({ createdBy, size }) => [createdBy, size]), layers, files }
  }
  return { build, cached, folder }
}

test('the steps of the last stage become one layer over its base, and the history stays', async () => {
  const { build, cached } = bench()
  const plain = await build()
  const squashed = await build({ squash: true })
  expect(plain.layers).toHaveLength(7)
  expect(squashed.layers.map(({ diffId }) => diffId).slice(0, 4)).toEqual(
    plain.layers.map(({ diffId }) => diffId).slice(0, 4),
  )
  expect(squashed.layers).toHaveLength(5)
  expect(squashed.files).toEqual(plain.files)
  expect(squashed.history.map(([createdBy]) => createdBy)).toEqual(plain.history.map(([createdBy]) => createdBy))
  expect(squashed.history.slice(-3).map(([, size]) => size)).toEqual([0, 0, 2])
  await build({ squash: true })
  expect(cached).toContain('squashing layers')
  expect(cached).toContain('[stage-2 1/3] COPY b /d/')
})

test('everything since a stage becomes one layer over that stage', async () => {
  const { build } = bench()
  const plain = await build()
  const squashed = await build({ squashFrom: 'one' })
  expect(squashed.layers).toHaveLength(3)
  expect(squashed.files).toEqual(plain.files)
  expect((await build({ squashFrom: '1' })).layers).toHaveLength(5)
})

test('what a step removes is not in the layer', async () => {
  const { build } = bench()
  const dockerfile = { text: 'FROM scratch\nCOPY a /x/\nCOPY b /x/y\nCOPY c /x/y\n' }
  const { layers, files } = await build({ dockerfile, squash: true })
  expect(layers).toHaveLength(1)
  expect(layers[0]!.files).toBe(2)
  expect(files).toEqual(['/x', '/x/a', '/x/y'])
})

test('a stage with fewer than two layers stays as it is', async () => {
  const { build } = bench()
  const dockerfile = { text: 'FROM scratch\nCOPY a /\nLABEL l=1\n' }
  expect(await build({ dockerfile, squash: true })).toEqual(await build({ dockerfile }))
})

test.each<[Partial<BuildOptions>, string]>([
  [{ squashFrom: 'none' }, 'TARGET_UNKNOWN'],
  [{ squashFrom: 'two', target: 'one' }, 'OPTION_INVALID'],
  [{ squash: true, cacheTo: [{ type: 'inline' }] }, 'OPTION_INVALID'],
])('%j is refused', async (options, code) => {
  const { build, folder } = bench()
  await expect(build(options)).rejects.toMatchObject({ code })
  expect(readdirSync(folder)).toContain('context')
})
