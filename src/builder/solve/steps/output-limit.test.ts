import { expect, test } from 'vitest'
import { LimitedOutput } from './output-limit.ts'

function open(size: number, speed = -1) {
  let time = 0
  const output = new LimitedOutput({ size, speed }, () => time)
  return { output, wait: (milliseconds: number) => (time += milliseconds) }
}

test('what fits is shown as it is', () => {
  const { output } = open(6)
  expect([output.take('one'), output.take('two'), output.take(''), output.end()]).toEqual(['one', 'two', '', ''])
})

test('what exceeds the size is left out, with a note once, and its end comes at the end', () => {
  const { output } = open(2 << 20)
  const line = `${'y'.repeat(1023)}\n`
  const shown = Array.from({ length: 10_000 }, (_, i) => output.take(`${i} ${line}`))
  const text = shown.join('')
  expect(text.match(/\n\[output clipped, log limit 2MiB reached\]\n$/)?.index).toBe(2 << 20)
  const end = output.end()
  expect(end).toMatch(/^\[the output goes on:\]\n99\d\d y/)
  expect(end.endsWith(`9999 ${line}`)).toBe(true)
  expect(end.length).toBeLessThan(17 << 10)
  expect(output.end()).toBe('')
})

test('a little that is left out is not lost', () => {
  const { output } = open(4)
  expect([output.take('one\ntwo\n'), output.take('three\n'), output.end()]).toEqual([
    'one\n\n[output clipped, log limit 4B reached]\n',
    '',
    'two\nthree\n',
  ])
})

test('characters are not cut in two', () => {
  for (const [size, shown] of [
    [2, 'a'],
    [3, 'aé'],
    [5, 'aé'],
    [7, 'aé😀'],
  ] as const)
    expect(open(size).output.take('aé😀b')).toBe(`${shown}\n[output clipped, log limit ${size}B reached]\n`)
})

test('a command that is too fast for a while is shown again when it is slower', () => {
  const { output, wait } = open(-1, 200 << 10)
  wait(1)
  expect(output.take('x'.repeat(200 << 10))).toHaveLength(200 << 10)
  expect(output.take('more')).toBe('\n[output clipped, log limit 200KiB/s reached]\n')
  expect(output.take('and more')).toBe('')
  wait(1000)
  expect(output.take('later')).toBe('moreand morelater')
})

test('without limits everything is shown', () => {
  const { output } = open(-1)
  for (let i = 0; i < 100; i++) expect(output.take('x'.repeat(1 << 20))).toHaveLength(1 << 20)
  expect(output.end()).toBe('')
})
