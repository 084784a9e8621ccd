import { expect, test } from 'vitest'
import { serveEngine } from '../../../../test/kit/buildkit-front.ts'
import { Control } from '../../../buildkit/index.ts'
import { unary } from '../../../net/grpc/index.ts'
import { readAddress } from './address.ts'
import { EngineLink } from './link.ts'

/** Connects to an engine with what is remembered of it. Returns how often it was asked so far, and what is remembered then. */
async function bench() {
  let count = 0
  const address = await serveEngine([
    unary(Control.method.listWorkers, () => {
      count++
      return { record: [{ id: `worker ${count}` }] }
    }),
    unary(Control.method.info, () => ({})),
  ])
  return async (remembered: string | undefined, ask = false) => {
    let text = remembered
    const memory = {
      recall: () => text,
      remember: (now: string) => {
        text = now
      },
    }
    const link = new EngineLink(readAddress(address), memory)
    const { facts, current } = await link.connected(new AbortController().signal)
    if (ask) await current()
    link.close()
    return { count, facts, text }
  }
}

test('an engine is asked once a day what it is, and when that is wanted', async () => {
  const connect = await bench()
  const { count, facts, text } = await connect(undefined)
  expect([count, facts.workers]).toEqual([1, ['worker 1']])
  expect(await connect(text)).toMatchObject({ count: 1, facts: { workers: ['worker 1'] } })
  expect(await connect(text, true)).toMatchObject({ count: 2, facts: { workers: ['worker 1'] } })
  const { asked, ...rest } = JSON.parse(text!) as { asked: number }
  const aged = (milliseconds: number) => JSON.stringify({ ...rest, asked: asked - milliseconds })
  expect(await connect(aged(23 * 3600 * 1000))).toMatchObject({ count: 2 })
  expect(await connect(aged(25 * 3600 * 1000))).toMatchObject({ count: 3, facts: { workers: ['worker 3'] } })
})

test.each([
  ['nothing that is JSON', '{'],
  ['another thing', '7'],
  ['what an engine is, but not since when', '{"workers":[],"platforms":[],"exportsLayers":true}'],
  ['the future', '{"workers":[],"platforms":[],"exportsLayers":true,"asked":9e15}'],
  ['something else', `{"workers":7,"asked":${Date.now()}}`],
])('an engine of which %s is remembered is asked', async (_, text) => {
  const connect = await bench()
  expect(await connect(text)).toMatchObject({ count: 1, facts: { workers: ['worker 1'] } })
})
