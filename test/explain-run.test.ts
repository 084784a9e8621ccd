import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { openAlpine } from './kit/alpine.ts'
import { openQuickBench } from './kit/call-tare.ts'
import { hasRootFilesystem } from './kit/root-filesystem.ts'
import { waysToRun } from './kit/sandboxes.ts'

// Why a RUN is executed again, as the command line says it.

const [way] = hasRootFilesystem ? waysToRun() : []

interface Case {
  readonly was?: string
  readonly is?: string
  readonly flags?: readonly string[]
  readonly next?: readonly string[]
}

async function whyRun({ was = 'RUN true', is = was, flags = [], next = flags }: Case): Promise<string> {
  const { rewrite, tare } = openAlpine(way!, '', { secret: 'opensesame', f: 'one' })
  const build = async (lines: string, more: readonly string[], explain: readonly string[]) => {
    rewrite(`FROM alpine\n${lines}\n`)
    const { code, err } = await tare(['build', ...more, ...explain, 'context'])
    expect([code, code === 0 ? '' : err]).toEqual([0, ''])
    return err
  }
  await build(was, flags, [])
  const err = await build(is, next, ['--explain'])
  expect(err).not.toContain('opensesame')
  return / ! [^\n]*RUN [^\n]*\n((?: {5}[^\n]*\n)+)/.exec(err)?.[1]?.replace(/^ {5}/gm, '').trimEnd() ?? err
}

const secret = (cache: string) => ['--secret', `id=s,src=context/secret,cache=${cache}`]

test.skipIf(way === undefined).each<[string, Case, string]>([
  ['the command', { is: 'RUN echo' }, 'never built here; nearest: RUN true\nthe command changed from "true" to "echo"'],
  ['a variable', { was: 'ARG A=1\nRUN true', next: ['--build-arg', 'A=2'] }, 'the variable A changed from "1" to "2"'],
  ['a new variable', { is: 'ENV B=x\nRUN true' }, 'the variable B is new: "x"'],
  ['a variable less', { was: 'ENV B=x\nRUN echo', is: 'RUN echo' }, 'the variable B is gone; it was "x"'],
  ['the user', { is: 'USER 7\nRUN true' }, 'the user is new: "7"'],
  ['the network', { is: 'RUN --network=none true' }, 'the network changed from "default" to "none"'],
  ['a mount', { is: 'RUN --mount=type=cache,target=/c true' }, 'the mount at /c is new'],
  [
    'another mount',
    { was: 'RUN --mount=type=tmpfs,target=/c,size=1m true', is: 'RUN --mount=type=tmpfs,target=/c,size=2m true' },
    'what is mounted at /c changed',
  ],
  ['a host', { next: ['--add-host', 'h:127.0.0.1'] }, 'the host h is new'],
  [
    'a script',
    { was: 'RUN <<E\ntrue\nE', is: 'RUN <<E\ntrue\n\nE' },
    'never built here; nearest: RUN <<E (true)\nthe command changed from "true\\n" to "true\\n\\n"',
  ],
  [
    'a secret whose content counts',
    { was: 'RUN --mount=type=secret,id=s true', flags: secret('none'), next: secret('content') },
    'the secret "s" changed',
  ],
])('%s is named as the reason', async (_, change, why) => {
  expect(await whyRun(change)).toBe(why)
})

test.skipIf(way === undefined)('of secrets of which one is the beginning of another, nothing is shown', async () => {
  const secrets = ['SHORT', 'LONG'].flatMap((name) => ['--secret', `id=${name},env=${name}`])
  const { tare } = openAlpine(way!, 'ARG A\nRUN --mount=type=secret,id=SHORT --mount=type=secret,id=LONG true\n')
  const build = (a: string) =>
    tare(['build', ...secrets, '--build-arg', `A=${a}`, '--explain', 'context'], {
      env: { SHORT: 'opensesame', LONG: 'opensesame-and-the-rest' },
    })
  await build('none')
  const { code, err } = await build('opensesame-and-the-rest')
  expect(code, err).toBe(0)
  expect(err).toContain('the variable A changed from "none" to "***"')
  expect(err).not.toContain('and-the-rest')
})

test('--metadata-file and the events have the same', async () => {
  const bench = openQuickBench({ a: 'a' })
  const file = 'FROM scratch\nCOPY a /\n'
  const argv = ['build', '--explain', '--metadata-file', 'meta', '-f', '-', bench.context]
  await bench.tare(argv, { input: file })
  const metadata = JSON.parse(readFileSync(`${bench.folder}/meta`, 'utf8')) as Record<string, unknown>
  const never = {
    remembered: false,
    why: 'never built here',
    reasons: [{ kind: 'never', message: 'never built here' }],
  }
  expect(metadata['tare.explain']).toEqual([{ step: '[1/1] COPY a /', ...never }])
  const { err } = await bench.tare(
    ['build', '--explain', '--no-cache', '--progress=rawjson', '-f', '-', bench.context],
    { input: file },
  )
  const events = err
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(events.find(({ type }) => type === 'step-explained')).toMatchObject({
    ...{ remembered: false, why: 'the cache is not used (--no-cache)' },
    reasons: [{ kind: 'disabled', message: 'the cache is not used (--no-cache)' }],
  })
})
