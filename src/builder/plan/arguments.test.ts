import { expect, test } from 'vitest'
import { failureOf, historyLines, operationLines, type PlanRequest, plan } from '../../../test/kit/plans.ts'

/** The history of the file's result. */
async function history(file: readonly string[], request?: PlanRequest): Promise<string[]> {
  return historyLines(await plan(file.join('\n'), request))
}

/** What RUN sees: its environment, and what its history tells of arguments. */
async function runs(file: readonly string[], request?: PlanRequest): Promise<string[]> {
  const { operations } = await plan(file.join('\n'), request)
  return operations.flatMap((operation) =>
    operation.kind === 'run' ? [operation.env.filter((line) => !line.startsWith('PATH=')).join(' ')] : [],
  )
}

const scopes: readonly [title: string, file: readonly string[], history: readonly string[], request?: PlanRequest][] = [
  [
    'an argument has its default, or what is given',
    ['FROM scratch', 'ARG a=1', 'ARG b=2', 'LABEL v=$a$b'],
    ['ARG a=1', 'ARG b=two', 'LABEL v=1two'],
    { args: { b: 'two', unknown: 'x' } },
  ],
  [
    'an argument before FROM is for FROM, until a stage declares it',
    ['ARG v=1', 'FROM scratch', 'LABEL before=$v', 'ARG v', 'LABEL after=$v', 'ARG v=2', 'LABEL last=$v'],
    ['LABEL before=', 'ARG v=1', 'LABEL after=1', 'ARG v=2', 'LABEL last=2'],
  ],
  [
    'an argument of a stage goes with those who begin from it, and not to others',
    ['FROM scratch AS a', 'ARG v=1', 'FROM a', 'LABEL inherited=$v'],
    ['ARG v=1', 'LABEL inherited=1'],
  ],
  [
    'of another stage nothing is known',
    ['FROM scratch AS a', 'ARG v=1', 'FROM scratch', 'LABEL v=${v:-none}'],
    ['LABEL v=none'],
  ],
  [
    'of ARG and ENV of one name the later counts',
    ['FROM scratch', 'ENV v=env', 'ARG v=arg', 'LABEL one=$v', 'ENV v=again', 'LABEL two=$v'],
    ['ENV v=env', 'ARG v=arg', 'LABEL one=arg', 'ENV v=again', 'LABEL two=again'],
  ],
  [
    'in one ENV or LABEL all words are expanded before any is set',
    ['FROM scratch', 'ENV a=1', 'ENV a=2 b=$a', 'LABEL a=3 b=$a$b'],
    ['ENV a=1', 'ENV a=2 b=1', 'LABEL a=3 b=21'],
  ],
  [
    'a default may be made of arguments before it',
    ['ARG x=1', 'ARG y=${x}2', 'FROM scratch', 'ARG y', 'ARG z=$y${y:+3}', 'LABEL z=$z'],
    ['ARG y=12', 'ARG z=123', 'LABEL z=123'],
  ],
  ['several in one ARG', ['FROM scratch', 'ARG a=1 b c=$a', 'LABEL v=$a$b$c'], ['ARG a=1 b c=1', 'LABEL v=11']],
  [
    'the platform is known to FROM, and to a stage that asks',
    [
      'FROM scratch',
      'ARG TARGETPLATFORM',
      'ARG TARGETARCH TARGETVARIANT BUILDPLATFORM TARGETSTAGE',
      'LABEL os=$TARGETOS',
    ],
    [
      'ARG TARGETPLATFORM=linux/arm/v7',
      'ARG TARGETARCH=arm TARGETVARIANT=v7 BUILDPLATFORM=linux/amd64 TARGETSTAGE=default',
      'LABEL os=',
    ],
    { platform: 'linux/arm/v7' },
  ],
  [
    'a given argument of a platform name comes before the platform',
    ['FROM scratch', 'ARG TARGETARCH', 'LABEL a=$TARGETARCH'],
    ['ARG TARGETARCH=mine', 'LABEL a=mine'],
    { args: { TARGETARCH: 'mine' } },
  ],
  ['the target stage has its name', ['FROM scratch AS Final', 'ARG TARGETSTAGE'], ['ARG TARGETSTAGE=final']],
]

test.each(scopes)('%s', async (_, file, lines, request) => {
  expect(await history(file, request)).toEqual(lines)
})

test.each([
  ['FROM ${b:-scratch}', {}, '0 scratch'],
  ['ARG b=base\nFROM $b', {}, '0 image base'],
  ['ARG b=base\nFROM $b', { b: 'other' }, '0 image other'],
  ['ARG t\nFROM base${t:+-$t}', { t: 'x' }, '0 image base-x'],
  ['FROM base-$TARGETARCH', {}, '0 image base-amd64'],
  ['FROM base-$TARGETARCH', { TARGETARCH: 'x' }, '0 image base-x'],
  ['ARG a=scratch\nARG a\nFROM $a', {}, '0 scratch'],
] as const)('FROM is expanded with what stands before it: %j with %j', async (file, args, line) => {
  const images = { base: {}, other: {}, 'base-x': {}, 'base-amd64': {} }
  expect(operationLines(await plan(file, { args, images }))[0]).toBe(line)
})

test('RUN sees ENV and ARG with their last values, an argument without one not at all', async () => {
  const file = ['ARG g=global', 'FROM base', 'ARG a=1', 'ENV e=$a f=1', 'ARG none', 'ARG g', 'ARG f=arg', 'RUN x']
  expect(await runs(file, { images: { base: { Env: ['b=base', 'e=old'] } } })).toEqual([
    'b=base a=1 e=1 g=global f=arg',
  ])
})

test('the history of RUN tells the arguments in scope, and only those', async () => {
  const file = ['FROM scratch', 'ARG a=1', 'RUN one', 'ARG b', 'ENV a=env', 'RUN ["two", "2"]']
  expect((await history(file)).filter((line) => line.startsWith('RUN'))).toEqual([
    'RUN |1 a=1 /bin/sh -c one # buildkit [1]',
    'RUN |2 a=env b= two 2 # buildkit [2]',
  ])
})

test('proxies come without a word in the history or the plan, and an argument that declares one tells it', async () => {
  const args = { HTTP_PROXY: 'http://p', no_proxy: 'x' }
  const file = ['FROM scratch', 'RUN x']
  expect((await history(file, { args }))[0]).toBe('RUN /bin/sh -c x # buildkit [1]')
  expect(await runs(file, { args })).toEqual([''])
  expect((await history(['FROM scratch', 'ARG HTTP_PROXY', 'RUN x'], { args }))[1]).toBe(
    'RUN |1 HTTP_PROXY=http://p /bin/sh -c x # buildkit [1]',
  )
})

test.each([
  ['FROM --platform=$BUILDPLATFORM base', 'linux/amd64'],
  ['FROM --platform=linux/386 base', 'linux/386'],
  ['FROM base', 'linux/arm64'],
] as const)('%s is of the platform that it says', async (file, wanted) => {
  const { output } = await plan(file, { platform: 'linux/arm64', images: { base: {} } })
  expect(`${output.platform.os}/${output.platform.architecture}`).toBe(wanted)
})

test('names that nobody declared are warned of, each at its line, once', async () => {
  const { warnings } = await plan('FROM scratch\nARG known\nLABEL a=$known b=$unknwon c=$unknwon\nLABEL d=$knwon')
  expect(warnings.map(({ rule, where, message }) => `${where.line} ${rule} ${message}`)).toEqual([
    "3 UndefinedVar Usage of undefined variable '$unknwon'",
    "4 UndefinedVar Usage of undefined variable '$knwon' (did you mean $known?)",
  ])
})

test('a word that cannot be expanded is an error with its line', async () => {
  expect(await failureOf('FROM scratch\nLABEL a=1\nLABEL b="${c:?say c}"')).toMatch(/ at line 3: .*say c/)
  expect(await failureOf('ARG a\nFROM ${a?needed}')).toMatch(/ at line 2: .*needed/)
})

const doubled = (kind: string) => Array.from({ length: 40 }, (_, i) => `${kind} a${i + 1}=$a${i}$a${i}`)

test.each([
  ['ARGs', ['FROM scratch', 'ARG a0=xxxxxxxx', ...doubled('ARG'), 'LABEL l=$a40']],
  ['ARGs before FROM', ['ARG a0=xxxxxxxx', ...doubled('ARG'), 'FROM scratch']],
  ['ENVs', ['FROM scratch', 'ENV a0=xxxxxxxx', ...doubled('ENV')]],
  ['replacements', ['FROM scratch', 'ARG a=xxxxxxxx', ...Array(40).fill('ARG a=${a//x/xxxxxxxx}')]],
])('%s that grow with every line end in an error, and not in all of the memory', async (_, file) => {
  expect(await failureOf(file.join('\n'))).toMatch(
    /^DOCKERFILE_EXPANSION at line \d+: .*the text is longer than 16777216 characters$/,
  )
})

test('a long text that is said again and again ends in an error', async () => {
  const file = [
    'FROM scratch',
    `ARG a=${'x'.repeat(60_000)}`,
    `ARG b=${'$a'.repeat(200)}`,
    ...Array(10).fill('LABEL l=$b'),
  ]
  expect(await failureOf(file.join('\n'))).toBe(
    'DOCKERFILE_EXPANSION at line 8: the words of this file exceed 67108864 characters in total',
  )
})

test('a pattern and a value that are too long for one another end in an error', async () => {
  const file = ['FROM scratch', `ARG a=${'x'.repeat(60_000)}`, `ARG b=\${a#${'*x?'.repeat(9000)}y}`]
  expect(await failureOf(file.join('\n'))).toMatch(/ in a substitution are too long$/)
  expect(await failureOf(['FROM scratch', 'ARG a=xay', 'ARG b=${a#*a}'].join('\n'))).toBe('all went well')
})

test('more ports than there are end in an error', async () => {
  expect(await failureOf(`FROM scratch\nEXPOSE ${'1-65535 '.repeat(7000)}`)).toMatch(
    /^DOCKERFILE_EXPOSE at line 2: more than 393216 ports are exposed at once$/,
  )
  expect(await failureOf('FROM scratch\nEXPOSE 1-65535 1-65535/udp 1-65535/sctp')).toBe('all went well')
})
