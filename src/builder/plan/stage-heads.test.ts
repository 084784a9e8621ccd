import { expect, test } from 'vitest'
import { failureOf, historyLines, operationLines, plan } from '../../../test/kit/plans.ts'

const rest = '\nFROM scratch\nLABEL a=b\n'

test.each([
  ['FROM $TT AS x', 'BASE_BLANK at line 1: base name ($TT) should not be blank'],
  ['ARG T\nFROM alpine:$T AS x', /^REFERENCE_INVALID at line 2: invalid reference format: "alpine:": the tag/],
  ['FROM UPPER/Case AS x', /^REFERENCE_INVALID at line 1: invalid reference format: "UPPER\/Case": /],
  ['FROM --platform=foo/bar/baz/q scratch AS x', /^PLATFORM_INVALID at line 1: invalid platform "foo\/bar\/baz\/q"/],
  ['FROM --platform=$P scratch AS x', 'PLATFORM_INVALID at line 1: empty platform value from expression $P'],
  ['FROM scratch AS x\nCOPY --from=nope:x:y a b', /^REFERENCE_INVALID at line 2: /],
  ['FROM scratch AS x\nCOPY --from=NoStage a b', /^REFERENCE_INVALID at line 2: .*must be lowercase/],
  ['FROM scratch AS x\nCOPY --from=$v a b', /^COPY_FROM_VARIABLE at line 2: /],
  ['FROM scratch AS x\nCOPY --from=7 a b', 'COPY_FROM_INVALID at line 2: invalid stage index 7'],
  ['FROM scratch AS x\nCOPY --from=x a b', 'STAGE_CIRCLE at line 2: circular dependency detected on stage: x'],
  ['FROM scratch AS x\nRUN --mount=from=A:b:c,target=/x y', /^REFERENCE_INVALID at line 2: /],
  [
    'FROM scratch AS x\nRUN --mount=from=y,target=/y z\nFROM scratch AS y\nCOPY --from=X a b',
    'STAGE_CIRCLE at line 4: circular dependency detected on stage: x',
  ],
])('a stage that nothing needs is looked at all the same: %j', async (stage, message) => {
  const failure = await failureOf(stage + rest)
  if (typeof message === 'string') expect(failure).toBe(message)
  else expect(failure).toMatch(message)
})

test.each([
  'FROM nowhere.invalid/none:1 AS x',
  'FROM scratch AS x\nCOPY --from=nowhere.invalid/none:1 a b',
  'FROM scratch AS x\nCOPY --from=SCRATCH a b\nFROM scratch AS scratch',
  'FROM scratch AS x\nCOPY --from=y a b\nFROM scratch AS y',
  'FROM scratch AS x\nADD --checksum=wrong a b',
])('and what could only fail when it is built does not: %j', async (stage) => {
  const planned = await plan(stage + rest)
  expect([...operationLines(planned), ...historyLines(planned)]).toEqual(['0 scratch', 'root 0', 'LABEL a=b'])
})

test('three thousand stages in a chain are planned, whether they begin from one another or copy', async () => {
  const count = 3000
  const chain = Array.from(
    { length: count },
    (_, i) => `FROM ${i === 0 ? 'scratch' : `s${i - 1}`} AS s${i}\nLABEL l=${i}`,
  )
  expect((await plan(chain.join('\n'))).output.history.length).toBe(count)
  const copies = Array.from(
    { length: count },
    (_, i) => `FROM scratch AS s${i}\nCOPY${i === 0 ? '' : ` --from=s${i - 1}`} a /`,
  )
  expect((await plan(copies.join('\n'))).operations.length).toBe(count + 2)
  const circle = [...copies, `FROM scratch AS last\nCOPY --from=s${count - 1} a /`]
  circle[0] = 'FROM scratch AS s0\nCOPY --from=last a /'
  expect(await failureOf(circle.join('\n'))).toMatch(/^STAGE_CIRCLE at line /)
})

test('planning stops when it is called off', async () => {
  const file = Array.from({ length: 100 }, (_, i) => `FROM scratch AS s${i}`).join('\n')
  await expect(plan(file, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
})
