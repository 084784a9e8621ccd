import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CommandOutput } from './command-output.ts'

function shown(...pieces: readonly string[]): readonly string[] {
  const output = new CommandOutput()
  for (const piece of pieces) output.take(piece, 0)
  output.end(0)
  return output.tail(1000).map(({ text }) => text)
}

test('a sequence that comes in pieces is what it would be whole', () => {
  const text = 'a \x1b[31mred\x1b[0m b\r100%\n\x1b]0;title\x07 \x9b2J\n'
  expect(shown(text)).toEqual(['a \x1b[31mred\x1b[0m b\r100%', '\\x1b]0;title\\x07 \\x9b2J'])
  fc.assert(
    fc.property(fc.array(fc.nat(text.length), { maxLength: 12 }), (cuts) => {
      const at = [0, ...cuts.sort((a, b) => a - b), text.length]
      expect(shown(...at.slice(1).map((end, i) => text.slice(at[i], end)))).toEqual(shown(text))
    }),
  )
})

test('a color that stays on ends with its line, and is there again on the next', () => {
  expect(shown('\x1b[1m\x1b[31mone\ntwo\x1b[0m\nthree\n')).toEqual([
    '\x1b[1m\x1b[31mone\x1b[0m',
    '\x1b[1m\x1b[31mtwo\x1b[0m',
    'three',
  ])
  expect(shown('\x1b[31mone\x1b[0;32mtwo\nthree\n')[1]).toBe('\x1b[0;32mthree\x1b[0m')
})

test('a line without an end is kept in parts, and no sequence is cut in two', () => {
  const output = new CommandOutput()
  for (let i = 0; i < 100; i++) output.take('x'.repeat(1 << 16), 0)
  expect(output.count).toBeGreaterThanOrEqual(99)
  const long = shown(`${'x'.repeat((1 << 16) - 3)}\x1b[31mred\x1b[0m`)
  expect(long).toEqual(['x'.repeat((1 << 16) - 3), '\x1b[31mred\x1b[0m'])
  expect(shown(`${'x'.repeat((1 << 16) - 1)}😀`)[1]).toBe('😀')
})
