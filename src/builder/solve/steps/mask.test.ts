import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Mask } from './mask.ts'

function through(secrets: readonly string[], parts: readonly string[]): string {
  const mask = new Mask(secrets)
  return parts.map((part) => mask.take(part)).join('') + mask.end()
}

test('a secret is hidden wherever its text is cut', () => {
  const text = 'before hunter2hunter2 after hunter2hunter2\n'
  for (let i = 0; i < text.length; i++)
    expect(through(['hunter2hunter2'], [text.slice(0, i), text.slice(i)])).toBe('before *** after ***\n')
  expect(through(['hunter2hunter2'], [...text])).toBe('before *** after ***\n')
})

test('a secret that holds another is hidden whole, and one of several lines too', () => {
  expect(through(['secret-1', 'secret-1-long'], ['a secret-1', '-long b secret-1'])).toBe('a *** b ***')
  expect(through(['line one\nline two'], ['x line one\n', 'line two\n'])).toBe('x ***\n')
})

test('what only begins like a secret is told, at the latest at the end', () => {
  const mask = new Mask(['abcdefgh'])
  expect(mask.take('xx abcd')).toBe('xx ')
  expect(mask.take('zz abc')).toBe('abcdzz ')
  expect(mask.end()).toBe('abc')
})

test('text without secrets comes through as it is, however it is cut', () => {
  fc.assert(
    fc.property(fc.array(fc.string()), (parts) => {
      expect(through(['€ never there €'], parts)).toBe(parts.join(''))
    }),
  )
})
