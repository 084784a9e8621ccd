import { expect, test } from 'vitest'
import { failureOf, historyLines, type PlanRequest, plan } from '../../../test/kit/plans.ts'
import type { EpochSource } from './index.ts'

const file = 'FROM scratch\nARG SOURCE_DATE_EPOCH\n'

async function epochOf(text: string, request: PlanRequest = {}): Promise<[number | undefined, string[]]> {
  const planned = await plan(text, request)
  return [planned.output.epoch, historyLines(planned)]
}

const given = (value: string) => ({ args: { SOURCE_DATE_EPOCH: value } })

test.each<[string, string, string | undefined, number | undefined, string]>([
  ['as a build argument', file, '1700000000', 1_700_000_000, 'ARG SOURCE_DATE_EPOCH=1700000000'],
  ['as Go reads numbers', file, '+007', 7, 'ARG SOURCE_DATE_EPOCH=7'],
  ['before 1970', file, '-5', -5, 'ARG SOURCE_DATE_EPOCH=-5'],
  ['not at all', file, undefined, undefined, 'ARG SOURCE_DATE_EPOCH'],
  ['empty', file, '', undefined, 'ARG SOURCE_DATE_EPOCH'],
  ['by a global ARG', `ARG SOURCE_DATE_EPOCH=12\n${file}`, undefined, 12, 'ARG SOURCE_DATE_EPOCH=12'],
  ['by both', `ARG SOURCE_DATE_EPOCH=12\n${file}`, '34', 34, 'ARG SOURCE_DATE_EPOCH=34'],
  ['empty in spite of a global ARG', `ARG SOURCE_DATE_EPOCH=12\n${file}`, '', undefined, 'ARG SOURCE_DATE_EPOCH'],
  ['the last second of all', file, '253402300799', 253_402_300_799, 'ARG SOURCE_DATE_EPOCH=253402300799'],
  ['the first', file, '-62167219200', -62_167_219_200, 'ARG SOURCE_DATE_EPOCH=-62167219200'],
])('the epoch given %s is the one of the plan, and in its history', async (_, text, value, epoch, history) => {
  expect(await epochOf(text, value === undefined ? {} : given(value))).toEqual([epoch, [history]])
})

test.each(['99999999999999', '1764143598000', '253402300800', '-62167219201', '9'.repeat(400)])(
  'an epoch of %s is out of range',
  async (value) => {
    expect(await failureOf(file, given(value))).toBe(`EPOCH_INVALID: SOURCE_DATE_EPOCH is out of range: ${value}`)
  },
)

test.each(['1e3', '1.5', '0x10', 'Nowhere', 'two words'])('an epoch of %s is none', async (value) => {
  expect(await failureOf(file, given(value))).toMatch(/^EPOCH_INVALID: SOURCE_DATE_EPOCH is not a number: /)
})

const url = 'https://host/x.tar'

test.each<[string, string, EpochSource | undefined]>([
  ['context', file, { kind: 'context', name: '' }],
  ['app', file, { kind: 'context', name: 'app' }],
  ['app:latest', file, { kind: 'context', name: 'app' }],
  ['base', file, undefined],
  ['src', `FROM scratch AS src\nADD ${url} /\n${file}`, { kind: 'download', url }],
  [
    'SRC',
    `ARG n=x\nFROM scratch AS src\nARG v=$n.tar\nADD https://host/$v /\n${file}`,
    { kind: 'download', url: 'https://host/x.tar' },
  ],
  ['src', `FROM scratch AS src\nARG n=x\nARG v=$n.tar\nADD https://host/$v /\n${file}`, { kind: 'download', url }],
  [
    'src',
    `FROM scratch AS src\nADD git://host/r.git#v1 /\n${file}`,
    { kind: 'git', source: { remote: 'git://host/r.git', ref: 'v1', submodules: true, times: 'checkout' } },
  ],
])('SOURCE_DATE_EPOCH=%s is the time of that', async (value, text, source) => {
  const asked: EpochSource[] = []
  const timeOf = async (one: EpochSource) => {
    asked.push(one)
    return 1234
  }
  const contexts = { app: { kind: 'files' }, base: { kind: 'image', name: 'x' } } as const
  const [epoch, history] = await epochOf(text, { ...given(value), contexts, timeOf })
  expect(asked).toEqual(source === undefined ? [] : [source])
  expect([epoch, history.at(-1)]).toEqual(
    source === undefined ? [undefined, 'ARG SOURCE_DATE_EPOCH'] : [1234, 'ARG SOURCE_DATE_EPOCH=1234'],
  )
})

test('what has no time counts as not given', async () => {
  const request = { ...given('context'), timeOf: async () => undefined }
  expect(await epochOf(file, request)).toEqual([undefined, ['ARG SOURCE_DATE_EPOCH']])
})

test.each([
  ['FROM alpine AS src\nADD https://h/x /', 'at line 1: SOURCE_DATE_EPOCH=src: the stage must use FROM scratch'],
  ['FROM scratch AS src', 'at line 1: SOURCE_DATE_EPOCH=src: the stage must have exactly one ADD of a remote source'],
  [
    'FROM scratch AS src\nADD a /',
    'at line 2: SOURCE_DATE_EPOCH=src: the stage must have exactly one ADD of a remote source',
  ],
  [
    'FROM scratch AS src\nADD https://h/x https://h/y /',
    'at line 2: SOURCE_DATE_EPOCH=src: the stage must have exactly one ADD of a remote source',
  ],
  [
    'FROM scratch AS src\nADD https://h/x /\nADD https://h/y /',
    'at line 3: SOURCE_DATE_EPOCH=src: the stage must have exactly one ADD of a remote source',
  ],
  [
    'FROM scratch AS src\nADD https://h/x /\nlabel a=b',
    'at line 3: SOURCE_DATE_EPOCH=src: the stage has an instruction that adds nothing remote: label',
  ],
])('a stage that is none of one file from elsewhere is refused: %j', async (stage, message) => {
  expect(await failureOf(`${stage}\n${file}`, given('src'))).toBe(`EPOCH_INVALID ${message}`)
})
