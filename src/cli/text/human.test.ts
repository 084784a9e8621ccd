import { expect, test } from 'vitest'
import { humanAge, humanDuration, humanSize } from './human.ts'

test.each<[number, string, string]>([
  [0, '0B', '0B'],
  [999, '999B', '999B'],
  [1000, '1kB', '1kB'],
  [1234, '1.23kB', '1.234kB'],
  [7_385_632, '7.39MB', '7.386MB'],
  [123_456_789, '123MB', '123.5MB'],
  [999_999, '1MB', '1MB'],
  [1_500_000_000, '1.5GB', '1.5GB'],
  [2 ** 50, '1.13PB', '1.126PB'],
])('%d bytes are %s, and %s where four digits are shown', (bytes, three, four) => {
  expect(humanSize(bytes, 3)).toBe(three)
  expect(humanSize(bytes)).toBe(four)
})

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

test.each<[number, string]>([
  [0, 'Less than a second'],
  [second, '1 second'],
  [2 * second, '2 seconds'],
  [59.9 * second, '59 seconds'],
  [minute, 'About a minute'],
  [2 * minute, '2 minutes'],
  [59 * minute, '59 minutes'],
  [hour, 'About an hour'],
  [1.5 * hour, '2 hours'],
  [47 * hour, '47 hours'],
  [2 * day, '2 days'],
  [13 * day, '13 days'],
  [14 * day, '2 weeks'],
  [59 * day, '8 weeks'],
  [60 * day, '2 months'],
  [2 * 365 * day - hour, '24 months'],
  [2 * 365 * day, '2 years'],
  [56.9 * 365 * day, '56 years'],
])('a span of %d milliseconds is "%s"', (span, text) => {
  expect(humanDuration(span)).toBe(text)
})

test('an age ends in "ago", and what is no time has none', () => {
  expect(humanAge('1970-01-01T00:00:00Z', 90_000)).toBe('About a minute ago')
  expect(humanAge('', 90_000)).toBe('N/A')
  expect(humanAge('0001-01-01T00:00:00Z', 90_000)).toBe('N/A')
})
