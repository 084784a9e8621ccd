import { expect, test } from 'vitest'
import { parseReference } from '../oci/index.ts'
import { pushPlan } from './engine-push.ts'

const facts = (...names: readonly string[]) => ({
  outputs: [
    {
      output: { kind: 'image' as const, push: true },
      names: names.map(parseReference),
      annotations: [],
    },
  ],
  needles: [],
  statements: { provenance: undefined, sbom: undefined },
})

test('of several names, the first one in each repository is pushed, in their order', () => {
  const names = ['a.example/app:1', 'b.example/app:1', 'a.example/app:2', 'b.example/app:2']
  expect(pushPlan({ context: { kind: 'empty' } }, facts(...names))).toMatchObject({
    repositories: ['a.example/app', 'b.example/app'],
    names: ['a.example/app:1', 'b.example/app:1'],
    reason: undefined,
  })
})
