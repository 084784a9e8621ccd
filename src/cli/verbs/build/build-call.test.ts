import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../../../test/kit/cli.ts'
import { captureStreams } from '../../captured-streams.ts'
import { main } from '../../main.ts'
import { readQuestion } from './build-call.ts'

/** What buildx 0.13.1 with the BuildKit of dockerd 26.1 printed. */
interface Recorded {
  readonly dockerfile: string
  readonly flags: readonly string[]
  readonly outline: object
  readonly outlineText: string
  readonly targets: object
  readonly targetsText: string
}

const recorded = JSON.parse(
  readFileSync(join(import.meta.dirname, 'buildx-answers.json'), 'utf8'),
) as readonly Recorded[]

async function call(dockerfile: string, ...flags: readonly string[]) {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'Dockerfile'), dockerfile)
  const captured = captureStreams()
  const env = { TARE_HOME: join(folder, 'home') }
  const code = await main(['build', ...flags, folder], env, captured)
  return { code, out: captured.out(), err: captured.err() }
}

/** Go lists those of one line in random order. */
function sorted(lines: string): string {
  return lines.split('\n').sort().join('\n')
}

interface Item {
  readonly name: string
  readonly location: { readonly ranges: readonly { readonly start: { readonly line: number } }[] }
}

function inOrder(outline: object): object {
  const line = ({ location }: Item) => location.ranges[0]!.start.line
  const byName = (a: Item, b: Item) => line(a) - line(b) || (a.name < b.name ? -1 : 1)
  return Object.fromEntries(
    Object.entries(outline).map(([key, value]) => [key, Array.isArray(value) ? [...value].sort(byName) : value]),
  )
}

test('there are enough of them', () => {
  expect(recorded.length).toBeGreaterThanOrEqual(20)
})

test.each(recorded)('outline and targets are as buildx prints them: $dockerfile', async (one) => {
  const { dockerfile, flags } = one
  const sources = [Buffer.from(dockerfile).toString('base64')]
  const outline = await call(dockerfile, ...flags, '--call=outline,format=json')
  const { sources: said, ...rest } = JSON.parse(outline.out)
  expect(said).toEqual(sources)
  expect(inOrder(rest)).toEqual(inOrder(one.outline))
  expect(Object.keys(rest)).toEqual(Object.keys(one.outline))
  expect(sorted((await call(dockerfile, ...flags, '--call', 'outline')).out)).toBe(sorted(one.outlineText))
  const targets = await call(dockerfile, ...flags, '--print=targets,format=json')
  expect(targets.out).toBe(`${goJson({ ...one.targets, sources })}\n`)
  expect((await call(dockerfile, ...flags, '--call=targets')).out).toBe(one.targetsText)
})

function goJson(value: object): string {
  const escaped = { '<': '\\u003c', '>': '\\u003e', '&': '\\u0026' }
  return JSON.stringify(value, undefined, 2).replace(/[<>&]/g, (char) => escaped[char as keyof typeof escaped])
}

test('the requests describe themselves', async () => {
  const text = await call('FROM scratch\n', '--call=subrequests.describe')
  expect(text.out).toBe(
    `NAME                 VERSION DESCRIPTION
outline              1.0.0   List all parameters current build target supports
targets              1.0.0   List all targets current build supports
subrequests.describe 1.0.0   List available subrequest types
`,
  )
  const json = await call('FROM scratch\n', '--call=subrequests.describe,format=json')
  expect(JSON.parse(json.out)).toMatchObject([
    { name: 'frontend.outline', version: '1.0.0', type: 'rpc', opts: [{ name: 'target' }], inputs: null, refs: null },
    { name: 'frontend.targets', opts: [], metadata: [{ name: 'result.json' }, { name: 'result.txt' }] },
    { name: 'frontend.subrequests.describe', opts: null },
  ])
})

test('check lists its findings as JSON, with the lines and their file', async () => {
  const dockerfile = 'FROM scratch AS Big\nMAINTAINER me\nENTRYPOINT a \\\n  b\n'
  const { code, out } = await call(dockerfile, '--call=check,format=json')
  const { warnings, sources } = JSON.parse(out)
  expect(code).toBe(1)
  expect(warnings.map(({ ruleName }: { ruleName: string }) => ruleName).sort()).toEqual([
    ...['JSONArgsRecommended', 'MaintainerDeprecated', 'StageNameCasing'],
  ])
  expect(warnings).toContainEqual({
    ...{ ruleName: 'StageNameCasing', description: 'Stage names should be lowercase' },
    url: 'https://docs.docker.com/go/dockerfile/rule/stage-name-casing/',
    detail: "Stage name 'Big' should be lowercase",
    location: { ranges: [{ start: { line: 1 }, end: { line: 1 } }] },
  })
  expect(sources).toEqual([
    { fileName: 'Dockerfile', language: 'Dockerfile', data: Buffer.from(dockerfile).toString('base64') },
  ])
  expect((await call(dockerfile, '--call=check,format=json,ignorestatus=true')).code).toBe(0)
  const clean = await call('FROM scratch\n', '--check', '--call=check,format=json')
  expect(JSON.parse(clean.out)).toEqual({ warnings: [], sources: [] })
  expect(clean.code).toBe(0)
})

test('a stage that does not exist, a method or a field is refused, and nothing is printed', async () => {
  for (const [flags, code, message] of [
    [['--call=outline', '--target=no'], 1, /target stage "no" could not be found/],
    [['--call=outlines'], 125, /invalid call "outlines"/],
    [['--call=outline,format=xml'], 125, /invalid field "format=xml"/],
    [['--call=outline,x'], 125, /invalid field "x"/],
    [['--check', '--call=targets'], 125, /cannot be combined/],
  ] as const) {
    const result = await call('FROM scratch\n', ...flags)
    expect(result.code, flags.join(' ')).toBe(code)
    expect(result.out).toBe('')
    expect(result.err).toMatch(message)
  }
})

test.each(['build', '', 'build,format=json'])('--call=%s is a build', (text) => {
  expect(readQuestion({ flags: { call: text } as never, given: new Set() })).toBeUndefined()
})
