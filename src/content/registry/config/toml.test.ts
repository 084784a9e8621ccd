import { expect, test } from 'vitest'
import { headerLines, parseToml } from './toml.ts'

test('tables, arrays of tables and values of all kinds are read', () => {
  const text = `# a comment
unqualified-search-registries = ["docker.io", 'quay.io', # why
  "a#b",
]\r
[aliases]
  "alpine" = "docker.io/library/alpine"
[[registry]]
location = "one\\t\\u00e9"
blocked = true
[[registry.mirror]]
location = """m1"""
[[registry]]
location = "two"
mirror = [{location = "m3", insecure = true}, {}]`
  expect(parseToml(text, 'some.conf')).toEqual({
    'unqualified-search-registries': ['docker.io', 'quay.io', 'a#b'],
    aliases: { alpine: 'docker.io/library/alpine' },
    registry: [
      { location: 'one\té', blocked: true, mirror: [{ location: 'm1' }] },
      { location: 'two', mirror: [{ location: 'm3', insecure: true }, {}] },
    ],
  })
})

test.each(['', '\n\n', '# only comments\n  # and blanks\n', '\uFEFF# with a mark'])('%j says nothing', (text) => {
  expect(parseToml(text, 'some.conf')).toEqual({})
})

test.each([
  ['a = 1\na = 2', 2],
  ['\na = docker.io', 2],
  ['a = "b', 1],
  ['a = "b\n"', 1],
  ['a = [1 2]', 1],
  ['\n\na 1', 3],
  ['[a', 1],
  ['a = 1\n[a.b]', 2],
])('%j is refused with its line', (text, line) => {
  expect(() => parseToml(text, 'some.conf')).toThrow(
    expect.objectContaining({
      code: 'REGISTRIES_INVALID',
      message: expect.stringMatching(new RegExp(`^some\\.conf:${line}: [^\\n]+$`)),
    }),
  )
})

test('headers have their lines where there are as many as tables', () => {
  const text = 'a = 1\n[[registry]]\n[[registry.mirror]]\n  [[ registry ]] # two\n'
  expect(headerLines(text, 'registry', 2)).toEqual([2, 4])
  expect(headerLines(text, 'registry', 3)).toEqual([])
})
