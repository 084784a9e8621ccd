import fc from 'fast-check'
import { expect, test } from 'vitest'
import { startBad } from '../../../test/kit/bad-registry-client.ts'
import { pushBase } from '../../../test/kit/base-images.ts'
import { faultsOf } from '../../../test/kit/check-store.ts'
import { temporaryFolder, writeFiles } from '../../../test/kit/cli.ts'
import { runs } from '../../../test/kit/scale.ts'
import { openTare } from '../../verbs/library.ts'

const step = fc.constantFrom(
  'COPY --link app /x',
  'COPY app /y',
  'COPY --link --chown=3:4 dir /z',
  'WORKDIR /w',
  'ENV A=b',
  'USER ada',
  'COPY --from=REGISTRY/base:one /d /d2',
  'COPY --link --from=REGISTRY/base:less /e /e2',
  'COPY --from=REGISTRY/base:two /etc/passwd /p',
  'COPY --from=FIRST /x* /etc* /all/',
  'COPY --link --from=FIRST / /all/',
)
const below = fc.constantFrom('REGISTRY/base:one', 'REGISTRY/base:two', 'REGISTRY/base:less', 'scratch', 'FIRST')
const stages = fc.array(fc.tuple(below, fc.array(step, { maxLength: 3 })), { minLength: 1, maxLength: 3 })

/** Of the first stage, what names it is left out. */
function textOf(list: readonly (readonly [string, readonly string[]])[], registry: string): string {
  const lines = list.flatMap(([from, steps], i) => {
    const known = (line: string) => i > 0 || !line.includes('FIRST')
    return [`FROM ${known(from) ? from : 'scratch'} AS ${i === 0 ? 'first' : `s${i}`}`, ...steps.filter(known)]
  })
  return lines.join('\n').replaceAll('REGISTRY', registry).replaceAll('FIRST', 'first')
}

test('any build is the same image, and is pushed as the same, whether its bases were here or not', async () => {
  const registry = await startBad()
  const first = { 'etc/passwd': 'ada:x:7:8::/:\n', 'd/x': 'x' }
  pushBase(registry, [first, { 'bin/tool': 'tool' }], { tag: 'one' })
  pushBase(registry, [{ 'etc/passwd': 'bob:x:9:9::/:\n' }], { tag: 'two', docker: true })
  pushBase(registry, [first, { 'd/.wh.x': '', e: 'e' }], { tag: 'less' })
  const context = { kind: 'directory', path: writeFiles(temporaryFolder(), { app: 'app', 'dir/f': 'f' }) } as const
  const open = async (home = temporaryFolder()) => ({ home, tare: await openTare({ home, environment: {} }) })
  const busy = await open()
  let count = 0
  await fc.assert(
    fc.asyncProperty(stages, fc.boolean(), async (list, cleans) => {
      const dockerfile = { text: textOf(list, registry.host) }
      const environment = { SOURCE_DATE_EPOCH: '1700000000' }
      const platforms = ['linux/amd64']
      const options = { context, dockerfile, environment, platforms, rewriteTimestamp: true }
      const [eager, lazy, away] = [await open(), await open(), await open()]
      for (const tag of ['one', 'two', 'less']) await eager.tare.registry.pull({ name: `${registry.host}/base:${tag}` })
      const app = `${registry.host}/app:${++count}`
      const { id, digest } = await eager.tare.build(options)
      expect((await lazy.tare.build({ ...options, tags: [app] })).id).toBe(id)
      expect((await busy.tare.build({ ...options, tags: ['busy'] })).id).toBe(id)
      await lazy.tare.registry.push({ name: app })
      expect((await away.tare.registry.pull({ name: app })).id).toBe(id)
      expect((await lazy.tare.build({ ...options, load: true })).digest).toBe(digest)
      if (cleans)
        for (const { id: one } of await busy.tare.images.list())
          await busy.tare.images.remove({ names: [one], force: true })
      for (const { home } of [lazy, away, busy]) expect(await faultsOf(home)).toEqual([])
    }),
    { numRuns: runs(25) },
  )
})
