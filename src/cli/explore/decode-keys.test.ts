import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeKeys } from './decode-keys.ts'

test.each([
  ['q', ['q']],
  ['jk', ['j', 'k']],
  ['ü漢😀', ['ü', '漢', '😀']],
  ['\x1b[A\x1bOB\x1b[1;5C', ['up', 'down', 'right']],
  ['\x1b[5~\x1b[6~\x1b[H\x1b[4~', ['page-up', 'page-down', 'home', 'end']],
  ['\x1b[Z\t\r', ['back-tab', 'tab', 'enter']],
  ['\x01\x06\x15\x00\x1f\x7f', ['ctrl-a', 'ctrl-f', 'ctrl-u', 'ctrl-space', 'ctrl-/', 'backspace']],
  // Nobody asked for these: a mouse, a report of the terminal, a function key.
  ['\x1b[<0;1;1M\x1b[?62;c\x1b[15~x', ['x']],
  ['\x1bx', ['escape', 'x']],
])('the bytes %j are the keys %j', (text, keys) => {
  expect(decodeKeys(text)).toEqual({ keys, rest: '' })
})

test('a key whose end has not arrived is kept', () => {
  for (const start of ['\x1b', '\x1b[', '\x1b[1;', '\x1bO'])
    expect(decodeKeys(`a${start}`)).toEqual({ keys: ['a'], rest: start })
})

test('whatever arrives in whatever pieces gives the same keys as at once', () => {
  const piece = fc.constantFrom('\x1b[A', '\x1b[5~', '\x1bOH', 'q', 'é', '\x01', '\x1b[200~', '\x1b[<1;2;3M', '\t')
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), fc.nat(40), (pieces, at) => {
      const text = pieces.join('')
      const first = decodeKeys(text.slice(0, at))
      const second = decodeKeys(first.rest + text.slice(at))
      expect([...first.keys, ...second.keys]).toEqual(decodeKeys(text).keys)
    }),
  )
})

test('a sequence that never ends is not kept for ever', () => {
  const { keys, rest } = decodeKeys(`\x1b[${'1'.repeat(1000)}`)
  expect(rest.length).toBeLessThanOrEqual(64)
  expect(keys.length).toBeGreaterThan(0)
})
