import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { serve } from '../../test/kit/serve.ts'
import { captureStreams } from './captured-streams.ts'
import { main } from './main.ts'

// What is named by others, wherever the command line prints it.

const hostile = '\x1b]0;owned\x07\x9b2J\x7f\u202etxt.exe\u2066\r'
const steering = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/

function openBench() {
  const folder = mkdtempSync(join(tmpdir(), 'tare-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, 'context'))
  const run = async (argv: readonly string[], columns?: number) => {
    const streams = captureStreams(columns === undefined ? {} : { columns })
    const env = { TARE_HOME: join(folder, 'home'), PATH: process.env['PATH'], DOCKER_CONFIG: folder, NO_COLOR: '1' }
    const code = await main(argv, env, streams)
    return { code, out: streams.out(), err: streams.err() }
  }
  const build = (dockerfile: string, columns?: number, ...flags: readonly string[]) => {
    writeFileSync(join(folder, 'context/Dockerfile'), dockerfile)
    return run(['build', '-t', 'app', ...flags, join(folder, 'context')], columns)
  }
  return { folder, run, build }
}

/** Without the sequences that a live picture is made of. */
function withoutPicture(text: string): string {
  return text.replace(/\x1b\[(?:\?25[lh]|\d*[AKJ])\r?/g, '')
}

describe.each([
  ['a terminal', 120],
  ['a file', undefined],
])('on %s', (_name, columns) => {
  test('nothing of an image steers it: tables, details and progress', async () => {
    const { run, build } = openBench()
    const built = await build(`FROM scratch\nLABEL a="${hostile}"\nCMD ["${hostile}"]\n`, columns, '--progress=plain')
    expect(built).toMatchObject({ code: 0 })
    expect(built.err).not.toMatch(steering)
    for (const argv of [
      ['history', '--no-trunc', 'app'],
      ['history', '--no-trunc', '--format', 'table {{.CreatedBy}}', 'app'],
      ['images', '--format', 'table {{.Repository}}'],
    ]) {
      const { code, out } = await run(argv, columns)
      expect(code, argv.join(' ')).toBe(0)
      expect(out, argv.join(' ')).not.toMatch(steering)
    }
    expect((await run(['history', '--no-trunc', 'app'], columns)).out).toContain('\\x1b]0;owned\\x07\\x9b2J')
  })

  test('a template and JSON are raw only where no terminal is', async () => {
    const { run, build } = openBench()
    await build(`FROM scratch\nLABEL a="${hostile}"\n`, undefined, '-q')
    const template = await run(['inspect', '-f', '{{.Config.Labels.a}}', 'app'], columns)
    const json = await run(['inspect', 'app'], columns)
    expect(JSON.parse(json.out)[0].Config.Labels.a).toBe(hostile)
    for (const { out } of [template, json, await run(['inspect', '-f', '{{json .Config}}', 'app'], columns)])
      if (columns === undefined) expect(out).toContain('\u202etxt.exe\u2066')
      else expect(out).not.toMatch(steering)
    if (columns === undefined) expect(template.out).toContain(hostile)
    else expect(template.out).toContain('\\x1b]0;owned\\x07\\x9b2J\\x7f\\u202etxt.exe\\u2066')
  })

  test('nothing of a Dockerfile that fails steers it: warnings, excerpts and errors', async () => {
    const { build } = openBench()
    for (const flags of [
      ['--progress=plain'],
      ['--progress=tty'],
      ['--progress=rawjson'],
      ['--check'],
      ['--debug'],
      ['-q'],
    ])
      for (const dockerfile of [
        `FROM scratch AS a\nCOPY "nowhere${hostile}" /x\n`,
        `FROM scratch\nENV A=$B${hostile}\nLABEL b=$${'C'}\nCOPY ${hostile.replace('\r', '')} /\n`,
        `FROM scratch\n${hostile} x\n`,
        `FROM Na${hostile}me\n`,
      ]) {
        const { code, out, err } = await build(dockerfile, columns, ...flags)
        expect(code).not.toBe(0)
        expect(withoutPicture(out + err)).not.toMatch(steering)
      }
  })

  test('nothing that was typed or that does not exist steers it', async () => {
    const { run, folder } = openBench()
    for (const argv of [
      [`im${hostile}ages`],
      ['images', `--qui${hostile}et`],
      ['images', '-f', `a${hostile}=b`],
      ['images', '--format', `{{.X${hostile}}}`],
      ['inspect', `a${hostile}`],
      ['inspect', `--type=${hostile}`, 'a'],
      ['rmi', `a${hostile}`],
      ['load', '-i', join(folder, `a${hostile}`)],
      ['build', join(folder, `a${hostile}`)],
      ['run', '-v', `${hostile}:/x`, 'a'],
      ['image', `x${hostile}`],
      ['copy', `oci:${hostile}`, `oci:${folder}/x`],
      ['build', '--iidfile', `/nowhere/${hostile}`, folder],
    ]) {
      const { code, out, err } = await run(argv, columns)
      expect(code, argv.join(' ')).not.toBe(0)
      expect(out + err, argv.join(' ')).not.toMatch(steering)
    }
  })

  test('nothing that a registry says steers it', async () => {
    const address = await serve((request, response) => {
      if (request.url?.includes('/tags/')) return void response.end(JSON.stringify({ tags: ['a', `b${hostile}`] }))
      response.statusCode = request.url === '/v2/' ? 200 : 400
      response.end(JSON.stringify({ errors: [{ code: 'DENIED', message: `no${hostile}\nLogin Succeeded` }] }))
    })
    const { run } = openBench()
    const name = `${address.slice('http://'.length)}/team/app`
    for (const argv of [
      ['pull', '--insecure', name],
      ['image', 'manifest', '--insecure', name],
      ['registry', 'ls', '--insecure', name],
      ['registry', 'rm', '--insecure', name],
    ]) {
      const { out, err } = await run(argv, columns)
      expect(out + err, argv.join(' ')).not.toMatch(steering)
      expect(out + err, argv.join(' ')).not.toMatch(/^Login Succeeded/m)
    }
  })
})

test('an error has its code with --debug, and as JSON where the rest is JSON', async () => {
  const { run, build, folder } = openBench()
  const dockerfile = 'FROM scratch\nCOPY nowhere /\n'
  expect((await build(dockerfile)).err).not.toContain('COPY_SOURCE_MISSING')
  expect((await build(dockerfile, undefined, '--debug')).err).toContain(
    '\nCode: COPY_SOURCE_MISSING (docs/errors.md)\n',
  )
  expect((await run(['--debug', 'history', 'nope'])).err).toContain('\nCode: IMAGE_UNKNOWN (docs/errors.md)\n')
  const { code, err } = await build(dockerfile, undefined, '--progress=rawjson')
  expect(code).toBe(1)
  const lines = err
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(lines.at(-1)).toEqual({
    ...{ type: 'error', code: 'COPY_SOURCE_MISSING', message: '"nowhere" is not in the build context: not found' },
    remedy: `Paths are relative to the build context (${join(folder, 'context')}).`,
    where: { file: 'Dockerfile', line: 2, endLine: 2 },
  })
  const usage = await run(['build', '--progress=rawjson', '--secret-leak=x', folder])
  expect(usage.code).toBe(125)
  expect(JSON.parse(usage.err)).toMatchObject({ type: 'error', message: expect.stringContaining('secret-leak') })
})

test('a secret in the image is told in a block of its own, in every way to show progress', async () => {
  const { folder, run } = openBench()
  writeFileSync(join(folder, 'context/token'), 'correct-horse-battery')
  writeFileSync(join(folder, 'context/Dockerfile'), 'FROM scratch\nCOPY token /token\n')
  const block = `WARNING: SecretLeaked: secret "t" is in /token, written by [1/1] COPY token /token
Dockerfile:2
--------------------
   1 |     FROM scratch
   2 | >>> COPY token /token
--------------------
Anyone who has the image has the secret. Keep it out of files that stay.
With --secret-leak=error the build fails; --secret-leak=allow turns this warning off.
`
  const secret = `id=t,src=${join(folder, 'context/token')}`
  const build = ['build', '-t', 'app', '--secret', secret, join(folder, 'context')]
  for (const flags of [['--progress=plain'], ['--progress=tty'], ['--progress=none'], ['-q']])
    for (const columns of [80, undefined]) {
      const { code, err } = await run([...build, ...flags], columns)
      expect(code).toBe(0)
      expect(withoutPicture(err), flags.join(' ')).toContain(block)
    }
  const quiet = await run([...build, '-q'])
  expect(quiet.err).toBe(block)
  expect((await run([...build, '--secret-leak=error'])).code).toBe(1)
  for (const flags of [['--secret-leak=allow'], ['--allow-secret-leak']])
    expect((await run([...build, '-q', ...flags])).err).toBe('')
  expect((await run([...build, '--secret-leak=maybe'])).code).toBe(125)
  expect((await run([...build, '--secret-leak=error', '--allow-secret-leak'])).code).toBe(125)
})
