import fc from 'fast-check'
import { expect, test } from 'vitest'
import { printable, printableJson, printableLines, printableOutput } from './printable.ts'

const steering = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/

test('what would steer a terminal is written out, and the rest stays', () => {
  expect(printable('a\x1b[2J\x00\x07\x7f\x9b\u202eb\u2066\u200f\u061c\u2028')).toBe(
    'a\\x1b[2J\\x00\\x07\\x7f\\x9b\\u202eb\\u2066\\u200f\\u061c\\u2028',
  )
  expect(printable('naïve 漢字 👩‍👩‍👧 \\x1b\ttab')).toBe('naïve 漢字 👩‍👩‍👧 \\x1b\ttab')
})

test('a line break is let through only where lines are ours', () => {
  expect(printable('a\nb\r\n')).toBe('a\\x0ab\\x0d\\x0a')
  expect(printableLines('a\nb\r\n')).toBe('a\nb\\x0d\n')
})

test('JSON for a terminal says what it said', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const json = JSON.stringify({ text }, undefined, 2)
      expect(JSON.parse(printableJson(json))).toEqual({ text })
      expect(printableJson(json).replaceAll('\n', '')).not.toMatch(steering)
    }),
  )
})

test('of what a command prints only colors and the way back to the line’s begin are let through', () => {
  const line = '\x1b[31mred\x1b[0m 50%\r100%\x1b[m\x1b[38;5;1;48:2::1:2:3m'
  expect(printableOutput(line)).toBe(line)
  expect(printableOutput('\x1b[2J\x1b[?25l\x1b[>4;2m\x1b[1;31\x9b31m\x1b\x1b[1m')).toBe(
    '\\x1b[2J\\x1b[?25l\\x1b[>4;2m\\x1b[1;31\\x9b31m\\x1b\x1b[1m',
  )
  expect(printableOutput(`\x1b[${'1;'.repeat(999)}m`)).toMatch(/^\\x1b\[/)
})

test('nothing that steers is left of anything', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(printable(text)).not.toMatch(steering)
      expect(printableOutput(text).replace(/\x1b\[[\d;:]*m|\r/g, '')).not.toMatch(steering)
    }),
  )
})
