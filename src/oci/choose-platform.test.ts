import { expect, test } from 'vitest'
import { choosePlatform, parsePlatform } from './platform.ts'

const local = { os: 'linux', architecture: 'amd64' }

test.each([
  ['linux/amd64', ['linux/386', 'linux/amd64'], 'linux/amd64'],
  ['linux/amd64', ['linux/arm64', 'linux/386'], 'linux/386'],
  ['linux/arm64', ['linux/arm/v6', 'linux/arm/v7', 'linux/amd64'], 'linux/arm/v7'],
  ['linux/arm/v7', ['linux/arm/v5', 'linux/arm/v6'], 'linux/arm/v6'],
  ['linux/arm/v6', ['linux/arm/v7'], undefined],
  ['linux/amd64', ['', 'windows/amd64', 'linux/arm64'], undefined],
  ['linux/amd64', [], undefined],
])('for %s, of %j it is %s', (wanted, offers, best) => {
  const of = (text: string) => (text === '' ? undefined : parsePlatform(text, local))
  expect(choosePlatform(parsePlatform(wanted, local), offers, of)?.offer).toBe(best)
})

test('of equals, the first counts', () => {
  const offers = [
    { name: 'a', platform: local },
    { name: 'b', platform: local },
  ]
  expect(choosePlatform(local, offers, ({ platform }) => platform)).toEqual({ offer: offers[0], rank: 0 })
})
