import { expect, test } from 'vitest'
import { formatCheck, formatWarnings, type WarningEvent } from './warnings.ts'

const where = { file: 'Dockerfile', line: 1, endLine: 1, text: 'FROM scratch as Base\n' }
const one: WarningEvent = {
  type: 'warning',
  rule: 'FromAsCasing',
  message: "'as' and 'FROM' keywords' casing do not match",
  url: 'https://docs.docker.com/go/dockerfile/rule/from-as-casing/',
  where,
}
const two: WarningEvent = {
  type: 'warning',
  rule: 'StageNameCasing',
  message: "Stage name 'Base' should be lowercase",
  where,
}

test('after a build the warnings are counted and listed as docker does', () => {
  expect(formatWarnings([], false)).toBe('')
  expect(formatWarnings([one], false)).toBe(`
 1 warning found (use --debug to expand):
 - FromAsCasing: 'as' and 'FROM' keywords' casing do not match (line 1)
`)
  expect(formatWarnings([one, two], false)).toBe(`
 2 warnings found (use --debug to expand):
 - FromAsCasing: 'as' and 'FROM' keywords' casing do not match (line 1)
 - StageNameCasing: Stage name 'Base' should be lowercase (line 1)
`)
})

test('--debug adds where to read of them, and their lines', () => {
  expect(formatWarnings([one], true)).toBe(`
 1 warning found:
 - FromAsCasing: 'as' and 'FROM' keywords' casing do not match (line 1)
More info: https://docs.docker.com/go/dockerfile/rule/from-as-casing/
Dockerfile:1
--------------------
   1 | >>> FROM scratch as Base
--------------------

`)
})

test('a check ends with its verdict', () => {
  expect(formatCheck([])).toBe('Check complete, no warnings found.\n')
  expect(formatCheck([one])).toBe(`WARNING: FromAsCasing - https://docs.docker.com/go/dockerfile/rule/from-as-casing/
'as' and 'FROM' keywords' casing do not match
Dockerfile:1
--------------------
   1 | >>> FROM scratch as Base
--------------------

Check complete, 1 warning has been found!
`)
})
