import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { faultsOf } from '../../test/kit/check-store.ts'
import { temporaryFolder } from '../../test/kit/cli.ts'
import { openTare } from './library.ts'

// Signals that are aborted after a verb has begun.

const reason = new Error('enough')

async function openFull() {
  const home = join(temporaryFolder(), 'home')
  const tare = await openTare({ home, environment: {} })
  for (const n of ['1', '2', '3', '4', '5'])
    await tare.build({ context: { kind: 'empty' }, dockerfile: { text: `FROM scratch\nLABEL n=${n}\n` } })
  return { tare, home }
}

test.each(['doctor', 'diskUsage', 'cache.prune', 'cache.mounts'] as const)(
  'a signal that is aborted after %s was called ends it with the reason',
  async (name) => {
    const { tare, home } = await openFull()
    const { doctor, diskUsage, cache } = tare
    const verb = { doctor, diskUsage, 'cache.prune': cache.prune, 'cache.mounts': cache.mounts }[name]
    const controller = new AbortController()
    const done = verb({ signal: controller.signal })
    controller.abort(reason)
    await expect(done).rejects.toBe(reason)
    await expect(verb({ signal: new AbortController().signal })).resolves.toBeDefined()
    expect(await faultsOf(home)).toEqual([])
  },
)

test('a signal that is aborted while images are pruned keeps those that are still there', async () => {
  const { tare, home } = await openFull()
  const count = (): number => JSON.parse(readFileSync(join(home, 'index.json'), 'utf8')).manifests.length
  expect(count()).toBe(5)
  const controller = new AbortController()
  const look = () => (count() < 5 ? controller.abort(reason) : setImmediate(look))
  setImmediate(look)
  await expect(tare.images.prune({ signal: controller.signal })).rejects.toBe(reason)
  expect(count()).toBeGreaterThan(0)
  expect(count()).toBeLessThan(5)
  expect(await faultsOf(home)).toEqual([])
})
