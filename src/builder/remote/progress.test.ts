import { create } from '@bufbuild/protobuf'
import { timestampNow } from '@bufbuild/protobuf/wkt'
import { expect, test } from 'vitest'
import { StatusResponseSchema } from '../../buildkit/index.ts'
import { Steps } from '../../support/index.ts'
import { EngineProgress } from './progress.ts'

/** Tells an engine's log of a step in pieces of a mebibyte, and returns how much of it was shown. */
function shown(pieces: number): { readonly size: number; readonly last: string } {
  let size = 0
  let last = ''
  const steps = new Steps((event) => {
    if (event.type !== 'step-output') return
    size += event.text.length
    last = event.text
  })
  const progress = new EngineProgress(steps, [])
  const now = timestampNow()
  progress.tell(create(StatusResponseSchema, { vertexes: [{ digest: 'v', name: 'RUN x', started: now }] }))
  const msg = Buffer.alloc(1 << 20, 'x')
  for (let i = 0; i < pieces; i++)
    progress.tell(create(StatusResponseSchema, { logs: [{ vertex: 'v', stream: 1n, msg, timestamp: now }] }))
  return { size, last }
}

test('a step’s log is shown up to 100 MiB, and then that there is more', () => {
  const { size, last } = shown(103)
  expect(size).toBeLessThan(101 << 20)
  expect(size).toBeGreaterThanOrEqual(100 << 20)
  expect(last).toMatch(/longer than 100 MiB/)
  expect(shown(100).size).toBe(100 << 20)
})
