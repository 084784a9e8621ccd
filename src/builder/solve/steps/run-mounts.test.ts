import { expect, test } from 'vitest'
import type { PlannedMount } from '../../plan/index.ts'
import type { RunSettings } from '../tools.ts'
import { keyOfMount } from './run-mounts.ts'

const settings = { secretKey: () => undefined } as unknown as RunSettings
const keyOf = (mount: Partial<PlannedMount>) =>
  JSON.stringify(keyOfMount({ readonly: false, required: false, ...mount } as PlannedMount, new Map(), settings))

test.each<[string, Partial<PlannedMount>, Partial<PlannedMount>]>([
  ['a secret by id', { type: 'secret', id: 'a' }, { type: 'secret', id: 'b' }],
  ['a secret by source', { type: 'secret', source: 'a', target: '/x' }, { type: 'secret', source: 'b', target: '/x' }],
  ['a secret that has to be there', { type: 'secret', id: 'a' }, { type: 'secret', id: 'a', required: true }],
  ['an agent by id', { type: 'ssh', id: 'a' }, { type: 'ssh', id: 'b' }],
  ['an agent that has to be there', { type: 'ssh' }, { type: 'ssh', required: true }],
  ['a mode', { type: 'secret', id: 'a', mode: 0o400 }, { type: 'secret', id: 'a', mode: 0o444 }],
  ['a variable', { type: 'secret', id: 'a', env: 'A' }, { type: 'secret', id: 'a', env: 'B' }],
])('%s makes another step', (_, one, other) => {
  expect(keyOf(one)).not.toBe(keyOf(other))
  expect(keyOf(one)).toBe(keyOf({ ...one }))
})

test('however it is written, the same secret or agent makes the same step', () => {
  expect(keyOf({ type: 'secret', source: 'a' })).toBe(keyOf({ type: 'secret', id: 'a' }))
  expect(keyOf({ type: 'ssh' })).toBe(keyOf({ type: 'ssh', id: 'default' }))
})
