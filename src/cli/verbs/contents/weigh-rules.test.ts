import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../../../test/kit/cli.ts'
import { readDiveRules, rulesOfDive, rulesOfFlags } from './weigh-rules.ts'

const noFlags = { 'max-size': undefined, 'max-wasted': undefined, 'min-efficiency': undefined }

test('the rules of a .dive-ci are read, with sizes in powers of 1000 and of 1024', () => {
  const text = `rules:
  # If the efficiency is measured below X%, mark as failed. (0 to 1)
  lowestEfficiency: 0.95
  highestWastedBytes: "20MB" # a remark
  highestUserWastedPercent: 0.20
`
  expect(readDiveRules(text, '.dive-ci')).toEqual({
    minEfficiency: 0.95,
    maxDiveWasted: 20_000_000,
    maxWastedShare: 0.2,
  })
  expect(readDiveRules('rules:\n  highestWastedBytes: 1.5MiB\n', 'f')).toEqual({ maxDiveWasted: 1_572_864 })
  expect(readDiveRules('rules:\n  lowestEfficiency: disabled\n  highestWastedBytes: 512\n', 'f')).toEqual({
    maxDiveWasted: 512,
  })
  expect(readDiveRules('', 'f')).toEqual({})
})

test.each([
  ['---\r\nrules:\r\n  lowestEfficiency: 0.95\r\n', { minEfficiency: 0.95 }],
  ['rules: { lowestEfficiency: 1., highestWastedBytes: "1,000 kB" }', { minEfficiency: 1, maxDiveWasted: 1_000_000 }],
  ['rules:\n  lowest-efficiency: 9e-1\n  highest-user-wasted-percent: .2', { minEfficiency: 0.9, maxWastedShare: 0.2 }],
  ["rules:\n  highest-wasted-bytes: '1 GB'\n  lowestefficiency: +0.5", { maxDiveWasted: 1e9, minEfficiency: 0.5 }],
  ['rules:\n  # all of them\n  lowestEfficiency: disabled # for now\n', {}],
  ['rules: {}\n', {}],
])('%j is read as dive reads it', (text, rules) => {
  expect(readDiveRules(text, 'f')).toEqual(rules)
})

test.each([
  ['rules:\n  lowestEfficiency: 95', 'f, line 2: lowestEfficiency must be a number from 0 to 1, not "95"'],
  ['highestWastedBytes: many', 'f, line 1: highestWastedBytes must be a size such as 20MB, not "many"'],
  ['rules:\n  lowestEfficiency 0.9', 'f, line 2: "lowestEfficiency 0.9" is no rule'],
  ['rules:\n  lowestEfficiency:0.9', 'f, line 2: "lowestEfficiency:0.9" is no rule'],
  ['rules: 0.9', 'f, line 1: there is no rule "rules"'],
  ['rules:\n  lowestEfficiency: -0.1', 'f, line 2: lowestEfficiency must be a number from 0 to 1, not "-0.1"'],
  ['rules:\n  lowestEfficiency: NaN', 'f, line 2: lowestEfficiency must be a number from 0 to 1, not "NaN"'],
  ['rules:\n  highestWastedBytes: -1', 'f, line 2: highestWastedBytes must be a size such as 20MB, not "-1"'],
  ['rules:\n\n  lowestEfficency: 0.9', 'f, line 3: there is no rule "lowestEfficency"'],
])('%j is refused with the line', (text, message) => {
  expect(() => readDiveRules(text, 'f')).toThrow(message)
})

test('a file that is named has to be there, and .dive-ci need not', () => {
  const path = join(temporaryFolder(), 'rules')
  expect(() => rulesOfDive(path)).toThrow(`cannot read the rules in ${path}`)
  writeFileSync(path, 'rules:\n  lowestEfficiency: 1\n')
  expect(rulesOfDive(path)).toEqual({ minEfficiency: 1 })
})

describe('flags', () => {
  test('become the rules that they name', () => {
    expect(rulesOfFlags(noFlags)).toEqual({})
    expect(rulesOfFlags({ 'max-size': '50MB', 'max-wasted': '0', 'min-efficiency': '.9' })).toEqual({
      maxSize: 50_000_000,
      maxWasted: 0,
      minEfficiency: 0.9,
    })
  })

  test.each(['-1', '1x', '', 'MB'])('--max-size=%j is wrong', (text) => {
    expect(() => rulesOfFlags({ ...noFlags, 'max-size': text })).toThrow('invalid size')
  })

  test.each(['1.5', '90%', 'x', ''])('--min-efficiency=%j is wrong', (text) => {
    expect(() => rulesOfFlags({ ...noFlags, 'min-efficiency': text })).toThrow('must be a number from 0 to 1')
  })
})
