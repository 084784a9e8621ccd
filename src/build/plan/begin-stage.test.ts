import { expect, test } from 'vitest'
import { plan } from '../../../test/kit/plans.ts'

test('what begins empty is for the platform of the target, whatever --platform says', async () => {
  const { output } = await plan('FROM --platform=linux/s390x scratch\nCOPY a /\n', { platform: 'linux/arm/v7' })
  expect(output.platform).toEqual({ os: 'linux', architecture: 'arm', variant: 'v7' })
})
