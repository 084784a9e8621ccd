import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hasWildcard, matchPath } from '../index.ts'

test.each([
  ['abc', 'abc', true],
  ['*', 'abc', true],
  ['*', '', true],
  ['*', 'a/b', false],
  ['*c', 'abc', true],
  ['a*', 'a', true],
  ['a*', 'ab/c', false],
  ['a*/b', 'abc/b', true],
  ['a*/b', 'a/c/b', false],
  ['a*b*c*d*e*/f', 'axbxcxdxexxx/f', true],
  ['a*b*c*d*e*/f', 'axbxcxdxe/xxx/f', false],
  ['a*b?c*x', 'abxbbxdbxebxczzx', true],
  ['a*b?c*x', 'abxbbxdbxebxczzy', false],
  ['ab[c]', 'abc', true],
  ['ab[b-d]', 'abc', true],
  ['ab[e-g]', 'abc', false],
  ['ab[^c]', 'abc', false],
  ['ab[^e-g]', 'abc', true],
  ['a[^b]c', 'a/c', true],
  ['a\\*b', 'a*b', true],
  ['a\\*b', 'ab', false],
  ['a?b', 'a☺b', true],
  ['a[^a]b', 'a☺b', true],
  ['a???b', 'a☺b', false],
  ['[a-ζ]*', 'α', true],
  ['*[a-ζ]', 'A', false],
  ['a?b', 'a/b', false],
  ['[\\]a]', ']', true],
  ['[\\-]', '-', true],
  ['[x\\-]', '-', true],
  ['[\\-x]', 'a', false],
  ['[z-a]', 'm', false],
  ['*x', 'xxx', true],
  ['**', 'ab', true],
  ['.*', '.hidden', true],
  ['*', '.hidden', true],
])('the pattern %s matches %s: %s', (pattern, name, match) => {
  expect(matchPath(pattern, name)).toBe(match)
})

test.each(['[]a]', '[-]', '[x-]', '[-x]', '[', '[^', '[^bc', 'a[', 'a\\', '[a-b-c]', '[a-\\'])(
  '%s is malformed, whatever the name',
  (pattern) => {
    expect(() => matchPath(pattern, 'zzz')).toThrow(expect.objectContaining({ code: 'PATH_PATTERN' }))
  },
)

test('a pattern without special characters matches itself only', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z/.]*$/), fc.stringMatching(/^[a-z/.]*$/), (pattern, name) => {
      expect(matchPath(pattern, name)).toBe(pattern === name)
      expect(matchPath(pattern, pattern)).toBe(true)
    }),
  )
})

test('any pattern answers, or is malformed', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[ab*?[\]\\^/-]{0,12}$/), fc.stringMatching(/^[ab/-]{0,20}$/), (pattern, name) => {
      try {
        matchPath(pattern, name)
      } catch (error) {
        expect(error).toMatchObject({ code: 'PATH_PATTERN' })
      }
    }),
  )
})

test('many stars cost no more than a few', () => {
  expect(matchPath(`${'*a'.repeat(50)}b`, 'a'.repeat(5000))).toBe(false)
})

test.each([
  ['a*', true],
  ['a?', true],
  ['[a]', true],
  ['a]', false],
  ['a\\*', false],
  ['a\\\\*', true],
  ['a\\', false],
  ['', false],
])('the pattern %s has wildcards: %s', (pattern, has) => {
  expect(hasWildcard(pattern)).toBe(has)
})
