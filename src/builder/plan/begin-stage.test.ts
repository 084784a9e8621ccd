import { expect, test } from 'vitest'
import { plan } from '../../../test/kit/plans.ts'

test('what begins empty is for the platform of the target, whatever --platform says', async () => {
  const { output } = await plan('FROM --platform=linux/s390x scratch\nCOPY a /\n', { platform: 'linux/arm/v7' })
  expect(output.platform).toEqual({ os: 'linux', architecture: 'arm', variant: 'v7' })
})

test('a named context stands in for the stage of its name, with or without the default tag', async () => {
  const contexts = { one: { kind: 'files' } } as const
  const lines = ['FROM scratch AS one', 'COPY a /', 'FROM scratch', 'COPY --from=one / /', 'COPY --from=one:latest b /']
  const { operations } = await plan(`${lines.join('\n')}\n`, { contexts })
  expect(operations.flatMap((operation) => (operation.kind === 'context' ? operation.name : []))).toEqual(['one'])
})
