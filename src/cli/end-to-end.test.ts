import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { captureStreams } from './captured-streams.ts'
import { main } from './main.ts'

const sha = /^sha256:[0-9a-f]{64}$/

interface Outcome {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** A folder with a store of its own and a context to build: a Dockerfile and a file beside it. */
function openBench(dockerfile = 'FROM scratch\nCOPY hello.txt /\nCMD ["/bin/sh"]\n') {
  const folder = mkdtempSync(join(tmpdir(), 'tare-'))
  const context = join(folder, 'context')
  mkdirSync(context)
  writeFileSync(join(context, 'Dockerfile'), dockerfile)
  writeFileSync(join(context, 'hello.txt'), 'hello\n')
  const tare = async (argv: readonly string[], input?: string | Uint8Array, home = 'home'): Promise<Outcome> => {
    const streams = captureStreams(input === undefined ? {} : { input })
    const code = await main(argv, { TARE_HOME: join(folder, home), PATH: process.env['PATH'] }, streams)
    return { code, out: streams.out(), err: streams.err() }
  }
  return { folder, context, tare }
}

test('an image is built, listed, looked at, named anew and removed', async () => {
  const { context, tare } = openBench()
  const built = await tare(['build', '--network=host', '--no-cache', '--progress=plain', '-t', 'app', context])
  expect(built).toMatchObject({ code: 0, out: '' })
  expect(built.err).toMatch(/^#1 \[internal\] load build definition from Dockerfile\n/)
  expect(built.err).toMatch(/\n#\d+ \[1\/1\] COPY hello\.txt \/\n/)

  const { out: id } = await tare(['build', '-q', '-t', 'app', context])
  expect(id.trimEnd()).toMatch(sha)
  const short = id.slice('sha256:'.length, 'sha256:'.length + 12)
  const list = await tare(['images'])
  expect(list.out.split('\n')[0]).toMatch(/^REPOSITORY {3}TAG {7}IMAGE ID {7}CREATED +SIZE$/)
  expect(list.out.split('\n')[1]).toMatch(new RegExp(`^app {10}latest {4}${short} {3}.* ago +6B$`))
  expect((await tare(['image', 'ls', '-q', 'app:latest'])).out).toBe(`${short}\n`)

  expect((await tare(['inspect', '-f', '{{.Id}} {{json .Config.Cmd}} {{.RepoTags}}', 'app'])).out).toBe(
    `${id.trimEnd()} ["/bin/sh"] [app:latest]\n`,
  )
  const history = await tare(['history', '--format', '{{.CreatedBy}} {{.Size}}', 'app'])
  expect(history.out).toBe('CMD ["/bin/sh"] 0B\nCOPY hello.txt / # buildkit 6B\n')

  expect(await tare(['tag', 'app', 'team/app:2'])).toEqual({ code: 0, out: '', err: '' })
  expect((await tare(['rmi', 'app'])).out).toBe('Untagged: app:latest\n')
  const removed = await tare(['rmi', 'team/app:2'])
  expect(removed.out).toContain(`Untagged: team/app:2\n`)
  expect(removed.out).toContain(`Deleted: ${id.trimEnd()}\n`)
  expect((await tare(['images', '-q'])).out).toBe('')
})

test('a saved image is the same image after it is loaded elsewhere', async () => {
  const { folder, context, tare } = openBench()
  const { out: id } = await tare(['build', '-q', '-t', 'app:1', context])
  const file = join(folder, 'app.tar')
  expect(await tare(['save', '-o', file, 'app:1'])).toEqual({ code: 0, out: '', err: '' })
  expect((await tare(['load', '-i', file], undefined, 'other')).out).toBe('Loaded image: app:1\n')
  expect((await tare(['load'], readFileSync(file), 'third')).out).toBe('Loaded image: app:1\n')
  for (const home of ['other', 'third'])
    expect((await tare(['images', '-q', '--no-trunc'], undefined, home)).out).toBe(id)
})

test('a Dockerfile comes from standard input, with a context or alone', async () => {
  const { context, tare } = openBench()
  const dockerfile = 'FROM scratch\nCOPY hello.txt /there\nLABEL a=b\n'
  expect(await tare(['build', '-q', '-t', 'x', '-f', '-', context], dockerfile)).toMatchObject({ code: 0 })
  expect((await tare(['inspect', '-f', '{{.Config.Labels}}', 'x'])).out).toBe('map[a:b]\n')
  expect(await tare(['build', '-q', '-t', 'y', '-'], 'FROM scratch\nENV A=1\n')).toMatchObject({ code: 0 })
  expect((await tare(['inspect', '-f', '{{index .Config.Env 1}}', 'y'])).out).toBe('A=1\n')
})

test('a build that fails shows the line, leaves no image and no file', async () => {
  const { folder, context, tare } = openBench('FROM scratch\nCOPY helo.txt /\nCMD ["/bin/sh"]\n')
  const iidfile = join(folder, 'id')
  writeFileSync(iidfile, 'stale')
  const metadata = join(folder, 'metadata.json')
  const flags = ['--progress=none', '--iidfile', iidfile, '--metadata-file', metadata]
  const { code, out, err } = await tare(['build', '-t', 'app', ...flags, context])
  expect({ code, out }).toEqual({ code: 1, out: '' })
  expect(err).toMatch(/^Dockerfile:2\n-{20}\n {3}1 \| {5}FROM scratch\n {3}2 \| >>> COPY helo\.txt \/\n/)
  expect(err).toMatch(/\n-{20}\nERROR: failed to build: .*helo\.txt/)
  expect(readdirSync(folder).filter((name) => name !== 'home')).toEqual(['context'])
  expect((await tare(['images', '-q'])).out).toBe('')
})

test('a build writes its id and its metadata where it is told', async () => {
  const { folder, context, tare } = openBench()
  const [iidfile, metadata] = [join(folder, 'id'), join(folder, 'metadata.json')]
  const { out } = await tare(['build', '-q', '-t', 'app', '--iidfile', iidfile, '--metadata-file', metadata, context])
  expect(`${readFileSync(iidfile, 'utf8')}\n`).toBe(out)
  expect(JSON.parse(readFileSync(metadata, 'utf8'))).toMatchObject({
    'containerimage.config.digest': out.trimEnd(),
    'image.name': 'docker.io/library/app:latest',
  })
})

test('an archive can be written beside the image', async () => {
  const { folder, context, tare } = openBench()
  const file = join(folder, 'oci.tar')
  expect((await tare(['build', '-q', '-t', 'app', '-o', `type=oci,dest=${file}`, context])).code).toBe(0)
  expect((await tare(['load', '-i', file], undefined, 'other')).out).toMatch(/^Loaded image: app:latest\n$/)
})

test('checks are told after a build, and alone', async () => {
  const { context, tare } = openBench('FROM scratch as base\nCOPY hello.txt /\n')
  const built = await tare(['build', '--progress=none', context])
  expect(built.err).toBe(`
 1 warning found (use --debug to expand):
 - FromAsCasing: 'as' and 'FROM' keywords' casing do not match (line 1)
`)
  const checked = await tare(['build', '--check', '--progress=none', context])
  expect(checked.code).toBe(1)
  expect(checked.out).toMatch(/^WARNING: FromAsCasing - https:.*\n'as' and/)
  expect(checked.out).toMatch(/\nCheck complete, 1 warning has been found!\n$/)
})

test('what does not exist is told as docker does', async () => {
  const { context, tare } = openBench()
  await tare(['build', '-q', '-t', 'app', context])
  expect(await tare(['inspect', 'missing'])).toEqual({
    code: 1,
    out: '[]\n',
    err: 'Error response from tare: No such image: missing\n',
  })
  const both = await tare(['inspect', '-f', '{{.Os}}', 'missing', 'app'])
  expect(both).toMatchObject({ code: 1, out: 'linux\n' })
  for (const argv of [
    ['history', 'missing'],
    ['tag', 'missing', 'x'],
    ['rmi', 'missing'],
  ]) {
    const { code, out, err } = await tare(argv)
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toMatch(/^Error: .*missing/)
  }
  expect((await tare(['rmi', '-f', 'missing'])).code).toBe(0)
  expect((await tare(['build', '-t', 'A:b', context])).err).toMatch(/^ERROR: failed to build: invalid tag "A:b": /)
})

test('what nobody needs is removed only after a yes', async () => {
  const { context, tare } = openBench()
  await tare(['build', '-q', context])
  const question = 'WARNING! This will remove all dangling images.\nAre you sure you want to continue? [y/N] '
  expect(await tare(['image', 'prune'], 'n\n')).toEqual({ code: 0, out: question, err: '' })
  expect((await tare(['images', '-q'])).out).not.toBe('')
  const pruned = await tare(['image', 'prune'], 'y\n')
  expect(pruned.out.slice(question.length)).toMatch(
    /^Deleted Images:\n(?:untagged: .*\n)?deleted: sha256:[0-9a-f]{64}\n\nTotal reclaimed space: \S+B\n$/,
  )
  expect((await tare(['images', '-q'])).out).toBe('')
  expect((await tare(['builder', 'prune', '-af'])).out).toMatch(/Total reclaimed space: \S+B\n$/)
})

test('the use of the disk is a table of docker’s four lines', async () => {
  const { context, tare } = openBench()
  await tare(['build', '-q', '-t', 'app', context])
  const { out } = await tare(['system', 'df'])
  expect(out.split('\n').map((line) => line.split(/ {2,}/)[0])).toEqual([
    ...['TYPE', 'Images', 'Containers', 'Local Volumes', 'Build Cache', ''],
  ])
  expect((await tare(['system', 'df', '--format', '{{.Type}} {{.TotalCount}}'])).out).toMatch(/^Images 1\n/)
})

test('a filesystem is imported with what is to be changed', async () => {
  const { folder, context, tare } = openBench()
  await tare(['build', '-q', '-t', 'app', context])
  await tare(['save', '-o', join(folder, 'any.tar'), 'app'])
  const argv = ['import', '-c', 'CMD ["/x"]', '-m', 'by hand', join(folder, 'any.tar'), 'imported:1']
  const { code, out } = await tare(argv)
  expect({ code, id: sha.test(out.trimEnd()) }).toEqual({ code: 0, id: true })
  expect((await tare(['inspect', '-f', '{{.Config.Cmd}} {{.Comment}}', 'imported:1'])).out).toBe('[/x] by hand\n')
})

test('help asks for no store', async () => {
  const { folder, tare } = openBench()
  await tare(['build', '--help'])
  await tare(['--version'])
  expect(existsSync(join(folder, 'home'))).toBe(false)
})
