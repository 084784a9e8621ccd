import fc from 'fast-check'
import { expect, test } from 'vitest'
import { runs } from '../../../test/kit/scale.ts'
import { ignoreMatcher, ignoreRules, parseIgnore } from '../index.ts'

/** [patterns, path, whether the path is left out] */
const table: readonly [string, string, boolean][] = [
  ['a', 'a', true],
  ['a', 'a/b', true],
  ['a', 'b/a', false],
  ['a', 'ab', false],
  ['/a', 'a', true],
  ['./a/', 'a', true],
  ['a/../b', 'b', true],
  ['a.b', 'axb', false],
  ['a+b(c){d}|$', 'a+b(c){d}|$', true],
  ['a^b', 'a^b', true],
  ['*', 'a', true],
  ['*', 'a/b', true],
  ['*.log', 'x.log', true],
  ['*.log', 'a/x.log', false],
  ['*.log', '.log', true],
  ['*/x', 'a/x', true],
  ['*/x', 'a/b/x', false],
  ['*/x', 'a/x/y', true],
  ['a?c', 'abc', true],
  ['a?c', 'a/c', false],
  ['a?c', 'a😀c', true],
  ['a*c', 'a/c', false],
  ['**', 'a', true],
  ['**', 'a/b/c', true],
  ['**/x', 'x', true],
  ['**/x', 'a/b/x', true],
  ['**/x', 'a/bx', false],
  ['**x', 'a/bx', true],
  ['**/*.log', 'x.log', true],
  ['**/*.log', 'a/b/x.log', true],
  ['**/*.log', 'a/b/x.log/y', true],
  ['a/**', 'a', false],
  ['a/**', 'a/b', true],
  ['a/**', 'a/b/c', true],
  ['a/**', 'ab/c', false],
  ['a**', 'abc/d', true],
  ['a/**/z', 'a/z', true],
  ['a/**/z', 'a/b/c/z', true],
  ['a/**/z', 'a/bz', false],
  ['a/*/z', 'a/z', false],
  ['**/node_modules/**', 'node_modules/x', true],
  ['**/node_modules/**', 'a/node_modules/x', true],
  ['**/node_modules/**', 'a/node_modules', false],
  ['*a*b*', 'xaxb', true],
  ['*a*b*', 'xbxa', false],
  ['*/a*/*.c', 'x/ay/z.c', true],
  ['*/a*/*.c', 'x/ay/z/z.c', false],
  ['**/a*/**/*.c', 'ab/x.c', true],
  ['**/a*/**/*.c', 'x/y/ab/z/w/x.c', true],
  ['**/a*/**/*.c', 'x/y/b/z/w/x.c', false],
  ['**/*a?[0-9]*/**', 'x/bab7z/y', true],
  ['**/*a?[0-9]*/**', 'x/babcz/y', false],
  ['a**/**b**c', 'a/x/b/y/c', true],
  ['a**/**b**c', 'ab/c', true],
  ['a**/**b**c', 'a/x/b/y/d', false],
  ['*\\*\\[*', 'a*[b', true],
  ['*\\*\\[*', 'a[*b', false],
  ['*😀?*', 'x😀y', true],
  ['*😀?*', 'x😀', false],
  ['[a-c]x', 'bx', true],
  ['[a-c]x', 'dx', false],
  ['[^a-c]x', 'dx', true],
  ['[^a-c]x', 'bx', false],
  ['[a\\-c]x', '-x', true],
  ['[a\\-c]x', 'bx', false],
  ['[[]x', '[x', true],
  ['[.]x', '.x', true],
  ['[.]x', 'ax', false],
  ['\\*x', '*x', true],
  ['\\*x', 'ax', false],
  ['a\\-b', 'a-b', true],
  ['a b', 'a b', true],
  ['ü*', 'über', true],
  // the last rule that matches counts
  ['a\n!a', 'a', false],
  ['!a\na', 'a', true],
  ['*\n!a', 'a', false],
  ['*\n!a', 'b', true],
  ['*\n!a/b', 'a', true],
  ['*\n!a/b', 'a/b', false],
  ['*\n!a/b', 'a/b/c', false],
  ['*\n!a/b', 'a/c', true],
  ['*\n!a\na/b', 'a/b', true],
  ['*\n!a\na/b', 'a/c', false],
  ['**/*.log\n!keep/important.log', 'keep/important.log', false],
  ['**/*.log\n!keep/important.log', 'keep/k.log', true],
  ['*\n!**/x.txt', 'a/b/x.txt', false],
  ['*.md\n!README*.md\nREADME-secret.md', 'README-secret.md', true],
  ['*.md\n!README*.md\nREADME-secret.md', 'README-a.md', false],
  // a rule that could change nothing for a directory is not asked for what is below it
  ['a/b\n!a', 'a/b', true],
  ['a\n!a\na/b/c\n!a/b', 'a/b/c', true],
]

test.each(table)('with %j the path %s is left out: %s', (text, path, ignored) => {
  expect(ignoreMatcher(parseIgnore(text)).ignored(path)).toBe(ignored)
})

test('a .dockerignore has comments, blank lines, a byte order mark and any kind of line ends', () => {
  const rules = parseIgnore('\ufeff# no\r\n\r\n  a/ \r\n ! /b/c \r\n  # a name\nd')
  expect(rules.map(({ pattern, negated, line }) => [pattern, negated, line])).toEqual([
    ['a', false, 3],
    ['b/c', true, 4],
    ['# a name', false, 5],
    ['d', false, 6],
  ])
})

test('the rule that had the last word is named', () => {
  const matcher = ignoreMatcher(parseIgnore('# logs\n*.log\n!keep.log\n'))
  expect(matcher.why('x.log')).toEqual({ pattern: '*.log', negated: false, line: 2, text: '*.log' })
  expect(matcher.why('keep.log')?.line).toBe(3)
  expect(matcher.why('a')).toBeUndefined()
})

test.each([
  ['a\n!', 2, /illegal exclusion pattern: "!"/],
  ['[', 1, /syntax error in pattern/],
  ['a\n\n[]x]', 3, /syntax error in pattern/],
  ['x\\', 1, /syntax error in pattern/],
  ['[z-a]', 1, /syntax error in pattern/],
])('%j is refused at line %i', (text, line, message) => {
  expect(() => parseIgnore(text)).toThrow(
    expect.objectContaining({
      code: 'IGNORE_PATTERN',
      message: expect.stringMatching(message),
      where: expect.objectContaining({ line, file: '.dockerignore' }),
    }),
  )
})

test.each([
  ['*\n!a/b/c', 'a', true],
  ['*\n!a/b/c', 'a/b', true],
  ['*\n!a/b/c', 'a/b/c', false],
  ['*\n!a/b/c', 'x', false],
  ['*\n!a/b/c', 'a/x', false],
  ['*\n!*/b', 'x', true],
  ['*\n!*/b', 'x/b', false],
  ['*\n!a*/b', 'x', false],
  ['*\n!**/b', 'x/y/z', true],
  ['*\n!a/**/b', 'x', false],
  ['*\n!a/**/b', 'a/x/y', true],
  ['*\n!a/**', 'a', true],
  ['*\n!b', 'a', false],
  ['*\n!b', '.', true],
  ['*', 'a', false],
])('with %j a walk has to enter %s: %s', (text, directory, enter) => {
  expect(ignoreMatcher(parseIgnore(text)).mayReinclude(directory)).toBe(enter)
})

test('plain patterns, as of --exclude, work alike', () => {
  const matcher = ignoreMatcher(ignoreRules(['*.txt', '', '!a.txt']))
  expect(['a.txt', 'b.txt', 'c'].filter((path) => matcher.ignored(path))).toEqual(['b.txt'])
  expect(matcher.hasNegations).toBe(true)
  expect(() => ignoreRules(['!'])).toThrow(/illegal exclusion pattern/)
})

const names = fc.constantFrom('a', 'b', 'ab')
const path = fc.array(names, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'))
const pattern = fc.array(fc.oneof(names, fc.constantFrom('*', '**', 'a*', '?', '*b')), { minLength: 1, maxLength: 3 })
const rule = fc.tuple(fc.boolean(), pattern).map(([negated, parts]) => (negated ? '!' : '') + parts.join('/'))

test('nothing below a left-out directory is let in again unless the walk is told so', () => {
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 4 }), path, path, (rules, directory, below) => {
      const matcher = ignoreMatcher(parseIgnore(rules.join('\n')))
      fc.pre(matcher.ignored(directory) && !matcher.mayReinclude(directory))
      expect(matcher.ignored(`${directory}/${below}`)).toBe(true)
    }),
    { numRuns: runs(2000) },
  )
})

test('the answer does not depend on what was asked before', () => {
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 4 }), fc.array(path, { maxLength: 6 }), (rules, paths) => {
      const parsed = parseIgnore(rules.join('\n'))
      const matcher = ignoreMatcher(parsed)
      for (const one of paths) expect(matcher.ignored(one)).toBe(ignoreMatcher(parsed).ignored(one))
    }),
  )
})

test.each(['*a'.repeat(60), '**/*a'.repeat(40), 'a?*'.repeat(60), '**/'.repeat(100), '*[ab]'.repeat(60)])(
  'a pattern full of stars is done with at once: %s',
  (pattern) => {
    const matcher = ignoreMatcher(ignoreRules([`${pattern}!`]))
    expect(matcher.ignored('a'.repeat(255))).toBe(false)
    expect(matcher.ignored(`${'a/'.repeat(1000)}b`)).toBe(false)
  },
)

test.each([
  ['a/*/c', 'a/b', true],
  ['a/*/c', 'a/b/c', false],
  ['a/*/c', 'b', false],
  ['**/c', 'a/b/x', true],
  ['a/b**', 'a/bc/d', true],
  ['a/b**', 'a', true],
  ['a/b**', 'c', false],
  ['!a/b', 'a', false],
])('whether %s may match something below %s', (pattern, directory, expected) => {
  expect(ignoreMatcher(ignoreRules([pattern])).mayMatchBelow(directory)).toBe(expected)
})
