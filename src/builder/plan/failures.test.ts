import { expect, test } from 'vitest'
import { failureOf, historyLines, operationLines, type PlanRequest, plan } from '../../../test/kit/plans.ts'

test.each([
  [
    'a target that is not there',
    'FROM scratch AS build',
    'TARGET_UNKNOWN: target stage "buidl" could not be found (did you mean build?)',
    { target: 'buidl' },
  ],
  [
    'a number as target',
    'FROM scratch\nFROM scratch',
    'TARGET_UNKNOWN: target stage "0" could not be found',
    { target: '0' },
  ],
  [
    'a base that nobody has',
    '# x\nFROM nothing:1\nCOPY a /',
    'BASE_UNKNOWN at line 2: there is no image nothing:1',
    {},
  ],
  ...['.', '..', './', '/', '../..', 'a/b', '/a/b'].map((name): [string, string, string, PlanRequest] => [
    `a heredoc that is called ${name}`,
    `FROM scratch\nCOPY <<${name} /d/\nx\n${name}`,
    `DOCKERFILE_HEREDOC at line 2: a heredoc of COPY cannot be named "${name}"`,
    {},
  ]),
  [
    'a stage that copies from itself',
    'FROM scratch AS a\nCOPY --from=a x /',
    'STAGE_CIRCLE at line 2: circular dependency detected on stage: a',
    {},
  ],
  [
    'stages that copy from each other',
    'FROM scratch AS a\nCOPY --from=b x /\nFROM scratch AS b\nCOPY --from=a x /',
    'STAGE_CIRCLE at line 4: circular dependency detected on stage: a',
    {},
  ],
  [
    'a stage by a number that comes later',
    'FROM scratch\nCOPY --from=1 x /\nFROM scratch\nFROM 0',
    'COPY_FROM_LATER at line 2: cannot copy from stage "1", it needs to be defined before current stage "a"',
    { file: 'FROM scratch AS a\nCOPY --from=1 x /\nFROM scratch\nFROM a' },
  ],
  [
    'a stage by a name that comes later',
    'FROM scratch AS a\nCOPY --from=B x /\nFROM a AS b\nFROM b',
    'COPY_FROM_LATER at line 2: cannot copy from stage "B", it needs to be defined before current stage "a"',
    {},
  ],
  [
    'a stage that is mounted and comes later',
    'FROM scratch\nRUN --mount=from=b,target=/b x\nFROM scratch AS b',
    'COPY_FROM_LATER at line 2: cannot mount from stage "b", it needs to be defined before current command',
    { target: 'a', file: 'FROM scratch AS a\nRUN --mount=from=b,target=/b x\nFROM scratch AS b' },
  ],
  [
    'a stage by a number that is none',
    'FROM scratch\nCOPY --from=1 x /',
    'COPY_FROM_INVALID at line 2: invalid stage index 1',
    {},
  ],
  ['a negative number', 'FROM scratch\nCOPY --from=-1 x /', 'COPY_FROM_INVALID at line 2: invalid stage index -1', {}],
  [
    'a variable in --from',
    'FROM scratch\nARG x=y\nCOPY --from=$x a /',
    'COPY_FROM_VARIABLE at line 3: variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround',
    {},
  ],
  [
    'an image for --from that nobody has',
    'FROM scratch\n\nCOPY --from=nothing a /',
    'BASE_UNKNOWN at line 3: there is no image nothing',
    {},
  ],
  [
    'COPY of a URL',
    'FROM scratch\nCOPY https://h/x /',
    "COPY_SOURCE_INVALID at line 2: source can't be a URL for COPY",
    {},
  ],
  [
    'COPY of a repository',
    'FROM scratch\nCOPY git@h:r.git /',
    "COPY_SOURCE_INVALID at line 2: source can't be a git ref for COPY",
    {},
  ],
  [
    'a checksum of a local file',
    `FROM scratch\nADD --checksum=sha256:${'a'.repeat(64)} x /`,
    "COPY_SOURCE_INVALID at line 2: checksum can't be specified for local sources",
    {},
  ],
  [
    'an epoch that is no number',
    'FROM scratch',
    'EPOCH_INVALID: SOURCE_DATE_EPOCH is not a number: "soon"',
    { args: { SOURCE_DATE_EPOCH: 'soon' } },
  ],
  [
    'a platform that is none',
    'FROM --platform=x/y/z/a scratch',
    'PLATFORM_INVALID at line 1: invalid platform "x/y/z/a": it has more than three parts',
    {},
  ],
  [
    'an empty platform',
    'ARG p\nFROM --platform=$p scratch',
    'PLATFORM_INVALID at line 2: empty platform value from expression $p',
    {},
  ],
  ['a blank base', 'ARG b\nFROM $b', 'BASE_BLANK at line 2: base name ($b) should not be blank', {}],
] as const)('%s is told with its place', async (_, file, message, request) => {
  const { file: other = file, ...rest } = request as PlanRequest & { file?: string }
  expect(await failureOf(other, rest)).toBe(message)
})

test('a name for --from that looks like a stage says which was meant', async () => {
  await expect(plan('FROM scratch AS builder\nFROM scratch\nCOPY --from=bulider a /')).rejects.toMatchObject({
    code: 'BASE_UNKNOWN',
    remedy: expect.stringContaining('"builder"'),
    where: { line: 3 },
  })
})

test('an error of an earlier stage is told where it stands, also when a later one needs it', async () => {
  expect(await failureOf('FROM scratch AS a\nCOPY https://h/x /\nFROM a')).toMatch(/^COPY_SOURCE_INVALID at line 2/)
  expect(await failureOf('FROM scratch AS a\nCOPY https://h/x /\nFROM scratch\nCOPY --from=a x /')).toMatch(
    / at line 2/,
  )
})

test('what is not reached is no trouble', async () => {
  const planned = await plan('FROM nothing AS broken\nCOPY --from=nowhere x /\nFROM scratch')
  expect([...operationLines(planned), ...historyLines(planned)]).toEqual(['0 scratch', 'root 0'])
})
