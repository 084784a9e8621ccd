import { afterEach, expect, test } from 'vitest'
import { goTime, rfc3339 } from './local-time.ts'

const zone = process.env['TZ']
afterEach(() => {
  if (zone === undefined) delete process.env['TZ']
  else process.env['TZ'] = zone
})

// As docker prints them.
test.each([
  ['UTC', '2026-11-23 08:40:15 +0000 UTC', '2026-11-23T08:40:15Z'],
  ['Europe/Berlin', '2026-11-23 09:40:15 +0100 CET', '2026-11-23T09:40:15+01:00'],
  ['America/New_York', '2026-11-23 03:40:15 -0500 EST', '2026-11-23T03:40:15-05:00'],
  ['Asia/Kolkata', '2026-11-23 14:10:15 +0530 IST', '2026-11-23T14:10:15+05:30'],
  ['America/Sao_Paulo', '2026-11-23 05:40:15 -0300 -03', '2026-11-23T05:40:15-03:00'],
])('in %s a time is written as %s', (name, long, short) => {
  process.env['TZ'] = name
  expect(goTime('2026-11-23T08:40:15.5Z')).toBe(long)
  expect(rfc3339('2026-11-23T08:40:15.5Z')).toBe(short)
})

test('what is no time stays without one', () => {
  expect(goTime('')).toBe('N/A')
  expect(rfc3339('')).toBe('')
})
