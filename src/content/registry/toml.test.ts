import { expect, test } from 'vitest'
import { parseToml, type TomlTable, type TomlValue } from './toml.ts'

const plain = (value: TomlValue): unknown => {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object') return value
  return Object.fromEntries([...(value as TomlTable).entries].map(([key, entry]) => [key, plain(entry.value)]))
}
const read = (text: string) => plain(parseToml(text, 'some.conf'))

test('tables, arrays of tables and values of all kinds are read', () => {
  const text = `# a comment
unqualified-search-registries = ["docker.io", 'quay.io', # why
  "a#b",
]\r
short-name-mode="enforcing" # to the end
[aliases]
  "alpine" = "docker.io/library/alpine"
a.b = 'c\\d'
[[registry]]
location = "one\\t\\u00e9"
blocked = true
[[registry.mirror]]
location = "m1"
[[registry.mirror]]
location = "m2"
[[registry]]
location = "two"
mirror = [{location = "m3", insecure = true}, {}]
number = -1_000`
  expect(read(text)).toEqual({
    'unqualified-search-registries': ['docker.io', 'quay.io', 'a#b'],
    'short-name-mode': 'enforcing',
    aliases: { alpine: 'docker.io/library/alpine', a: { b: 'c\\d' } },
    registry: [
      { location: 'one\té', blocked: true, mirror: [{ location: 'm1' }, { location: 'm2' }] },
      { location: 'two', mirror: [{ location: 'm3', insecure: true }, {}], number: -1000 },
    ],
  })
})

test('an entry knows its line', () => {
  const { entries } = parseToml('\n# x\na = [\n1,\n2]\nb = 1', 'some.conf')
  expect(entries.get('a')!.line).toBe(3)
  expect(entries.get('b')!.line).toBe(6)
})

for (const [text, message] of [
  ['a = 1\na = 2', '2: "a" is there twice'],
  ['[a]\n[a]', '2: "a" is there twice'],
  ['a = 1\n[[a]]', '2: "a" is something else already'],
  ['a = 1\n[a.b]', '2: "a" is not a table'],
  ['\na = docker.io', '2: docker.io is no value that is known here: a string stands in quotes'],
  ['a = "b', '1: a string has no closing "'],
  ['a = "b\n"', '1: a string has no closing "'],
  ['a = """b"""', '1: strings of several lines are not read'],
  ['a = "\\x"', '1: \\x means nothing in a string'],
  ['a = "\\u12"', '1: \\u needs 4 hexadecimal digits'],
  ['a = [1 2]', '1: a comma or ] is expected here'],
  ['a = [1,\n', '2: a value is missing'],
  ['a =', '1: a value is missing'],
  ['a 1', '1: = is expected here'],
  ['a = 1 b = 2', '1: something follows where the line should end'],
  ['[a', '1: ] is expected here'],
  ['[[a]\n', '1: ]] is expected here'],
  ['a = {b = 1', '1: } is expected here'],
  ['= 1', '1: a name is expected here'],
  ['a = 1979-05-27', '1: 1979-05-27 is no value that is known here: a string stands in quotes'],
] as const)
  test(`${JSON.stringify(text)} is refused with its line`, () => {
    expect(() => read(text)).toThrow(expect.objectContaining({ code: 'REGISTRIES_INVALID' }))
    expect(() => read(text)).toThrow(`some.conf:${message}`)
  })
