import { expect, test } from 'vitest'
import { type PlanRequest, plan } from '../../../test/kit/plans.ts'
import { ignoreMatcher, parseIgnore } from '../../dockerfile/index.ts'

async function found(file: string, request: PlanRequest = {}): Promise<string[]> {
  const { warnings } = await plan(file, request)
  return warnings.map(({ rule, where }) => `${rule} ${where.line}`)
}

const ignore = (...lines: string[]) => ({ ignore: ignoreMatcher(parseIgnore(lines.join('\n'))) })

test.each<[string, string[], PlanRequest?]>([
  [
    'FROM scratch\nENTRYPOINT run me\ncmd echo',
    ['ConsistentInstructionCasing 3', 'JSONArgsRecommended 2', 'JSONArgsRecommended 3'],
  ],
  ['FROM scratch\nSHELL ["/bin/bash","-c"]\nCMD echo', []],
  [
    'FROM scratch\nCMD ["a"]\nCMD ["b"]\nCMD ["c"]',
    ['MultipleInstructionsDisallowed 2', 'MultipleInstructionsDisallowed 3'],
  ],
  [
    'FROM scratch\nENTRYPOINT ["a"]\nHEALTHCHECK NONE\nENTRYPOINT ["a"]\nHEALTHCHECK NONE',
    ['MultipleInstructionsDisallowed 2', 'MultipleInstructionsDisallowed 3'],
  ],
  ['FROM scratch AS a\nCMD ["a"]\nFROM a\nCMD ["b"]', []],
  ['FROM --platform=linux/amd64 scratch AS a\nFROM scratch', ['FromPlatformFlagConstDisallowed 1']],
  ['FROM --platform=linux/amd64 scratch AS build-amd64\nFROM scratch', []],
  [
    'FROM --platform=$BUILDPLATFORM scratch AS a\nFROM --platform=$TARGETPLATFORM scratch',
    ['RedundantTargetPlatform 2'],
  ],
  ['ARG x\nFROM $x AS a\nFROM scratch', ['InvalidDefaultArgInFrom 2'], { args: { x: 'b' } }],
  ['ARG x=A\nFROM ${x} AS a\nFROM scratch', ['InvalidDefaultArgInFrom 2'], { args: { x: 'b' } }],
  ['ARG xyz\nFROM a$xyzz AS a\nFROM scratch', ['UndefinedArgInFrom 2']],
  ['FROM scratch\nWORKDIR a\nWORKDIR b', ['WorkdirRelativePath 2']],
  ['FROM scratch\nWORKDIR /a\nWORKDIR b', []],
  ['FROM base\nWORKDIR b', ['WorkdirRelativePath 2'], { images: { base: { WorkingDir: '/app' } } }],
  ['FROM scratch AS a\nWORKDIR /a\nFROM a\nWORKDIR b', []],
  [
    'FROM scratch\nCOPY a b/../c /d/\nADD a /d',
    ['CopyIgnoredFile 2', 'CopyIgnoredFile 2', 'CopyIgnoredFile 3'],
    ignore('a', 'c'),
  ],
  [
    'FROM scratch\nCOPY a/x /d/\nCOPY --from=scratch a /\nADD https://h/a /',
    ['CopyIgnoredFile 2'],
    ignore('a', 'https*'),
  ],
  ['FROM scratch\nCOPY a /d/', [], ignore('a', '!a/b')],
  ['FROM scratch\nCOPY . /d/', [], ignore('a')],
  ['FROM scratch\nCOPY . /d/', ['CopyIgnoredFile 2'], ignore('*')],
  ['FROM scratch\nCOPY <<a /d/\na\n', [], ignore('a')],
])('the checks find in %j', async (file, rules, request) => {
  expect(await found(file, request)).toEqual(rules)
})

test.each([
  'ENV API_PASSWORD=x',
  'WORKDIR rel',
  'LABEL c=$NOTHING',
  'LABEL a b',
  'CMD echo',
  'ENTRYPOINT echo',
  'EXPOSE 80/TCP',
  'EXPOSE 1.2.3.4:80:80',
  'ARG TOKEN',
  'COPY hidden /',
  'MAINTAINER me',
])('what # check=skip= says right above %s counts for it alone', async (line) => {
  const one = await found(`FROM scratch\n${line}`, ignore('hidden'))
  expect(one.length).toBe(1)
  const rule = one[0]!.split(' ')[0]!
  expect(await found(`FROM scratch\n# check=skip=${rule}\n${line}`, ignore('hidden'))).toEqual([])
  expect(await found(`FROM scratch\n# check=skip=all\n${line}`, ignore('hidden'))).toEqual([])
  expect((await found(`FROM scratch\n# check=skip=Other\n${line}`, ignore('hidden'))).length).toBe(1)
  expect((await found(`# check=skip=${rule}\nFROM scratch\n${line}`, ignore('hidden'))).length).toBe(0)
})

test('above FROM it counts for the FROM, and above the second CMD for the first', async () => {
  expect(
    await found('# x\n\n# check=skip=FromPlatformFlagConstDisallowed\nFROM --platform=linux/amd64 scratch'),
  ).toEqual([])
  expect(await found('FROM scratch\nCMD ["a"]\n# check=skip=MultipleInstructionsDisallowed\nCMD ["b"]')).toEqual([])
})

test('stages that the target does not need are checked when all are asked for', async () => {
  const file = 'FROM scratch AS a\nCMD echo\nFROM scratch'
  expect(await found(file)).toEqual([])
  expect(await found(file, { allStages: true })).toEqual(['JSONArgsRecommended 2'])
})
