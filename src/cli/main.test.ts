import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { captureStreams } from './captured-streams.ts'
import { commands, groups } from './commands.ts'
import { main } from './main.ts'

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const streams = captureStreams()
  const code = await main(argv, {}, streams)
  return { code, out: streams.out(), err: streams.err() }
}

test.each([
  ['build --x .', "unknown flag: --x\nSee 'tare build --help'.\n"],
  ['image ls --digest', "unknown flag: --digest\nDid you mean --digests?\nSee 'tare image ls --help'.\n"],
  ['--foo', "unknown flag: --foo\nSee 'tare --help'.\n"],
  [
    'build',
    '"tare build" requires 1 argument\nUsage:  tare build [OPTIONS] PATH | URL | -\nSee \'tare build --help\'.\n',
  ],
  [
    'images a b',
    '"tare images" requires at most 1 argument\nUsage:  tare images [OPTIONS] [REPOSITORY[:TAG]]\nSee \'tare images --help\'.\n',
  ],
  [
    'save',
    '"tare save" requires at least 1 argument\nUsage:  tare save [OPTIONS] IMAGE [IMAGE...]\nSee \'tare save --help\'.\n',
  ],
  ['load x', '"tare load" accepts no arguments\nSee \'tare load --help\'.\n'],
  ['imags', "tare: 'imags' is not a tare command\nDid you mean 'tare images'?\nSee 'tare --help'.\n"],
  ['image lst', "tare: 'image lst' is not a tare command\nDid you mean 'tare image ls'?\nSee 'tare image --help'.\n"],
  [
    'ps',
    "tare: 'ps' is not a tare command\ntare keeps no containers; `tare run` runs a command in an image.\nSee 'tare --help'.\n",
  ],
  [
    'build --progress=fancy .',
    'invalid progress mode "fancy"\nThe modes are auto, none, plain, quiet, rawjson, tty.\nSee \'tare build --help\'.\n',
  ],
])('tare %s is a wrong command line', async (line, message) => {
  const code = /flag|mode/.test(message) ? 125 : 1
  expect(await run(...line.split(' '))).toEqual({ code, out: '', err: message })
})

test.each([
  ['buildx ls', /no builder instances to manage; `tare doctor`/],
  ['buildx inspect', /no builder instances/],
  ['buildx version', /`tare version`/],
  ['buildx bake', /does not read bake files; call `tare build`/],
  ['bake', /does not read bake files/],
  ['buildx imagetools create -t a b', /`tare index create`/],
  ['buildx imagetools inspect a', /`tare image manifest`/],
  ['manifest', /`tare image manifest`/],
  ['manifest inspect x', /`tare image manifest`/],
  ['manifest create x y', /`tare index create`/],
  ['create x', /keeps no containers/],
  ['commit x', /no containers to commit/],
  ['search alpine', /does not search registries; `tare registry ls`/],
  ['info', /`tare doctor`/],
  ['network ls', /no networks/],
  ['help buildx ls', /no builder instances/],
])('tare %s says what does the same, or that nothing does', async (line, message) => {
  const { code, out, err } = await run(...line.split(' '))
  expect({ code, out }).toEqual({ code: 1, out: '' })
  expect(err).toMatch(/is not a tare command\n/)
  expect(err).toMatch(message)
})

test.each([
  'rm',
  'rmj',
  'rmii',
  'remove',
  'prune',
  'image rmm',
  'image prunee',
  'builder prun',
  'registry rn',
  'manifest rm x',
])('tare %s does not lead to what removes', async (line) => {
  const { code, err } = await run(...line.split(' '))
  expect(code).toBe(1)
  expect(err).not.toMatch(/tare .*(?:rmi|rm|remove|prune)['`]/)
})

test('every command that an explanation names is there', () => {
  const source = readFileSync(new URL('missing.ts', import.meta.url), 'utf8')
  for (const [, name] of source.matchAll(/`tare ([a-z]+(?: [a-z]+)?)/g))
    expect(
      commands.flatMap(({ names }) => names).some((known) => known === name || known === name!.split(' ')[0]) ||
        Object.hasOwn(groups, name!.split(' ')[0]!),
      name,
    ).toBe(true)
})

test.each([
  ['build --push .', 'ERROR: failed to build: tag is needed when pushing to registry\n'],
  ['build -o type=tarball .', 'ERROR: failed to build: exporter "tarball" could not be found\n'],
  ['build --build-context x .', 'ERROR: failed to build: invalid context value: x, expected key=value\n'],
  ['build -f - -', "ERROR: failed to build: invalid argument: can't use stdin for both build context and dockerfile\n"],
  ['save --platform linux/arm64 x', 'Error: --platform is not supported by tare yet\n'],
])('tare %s is refused with what is the matter', async (line, message) => {
  const { code, out, err } = await run(...line.split(' '))
  expect({ code, out }).toEqual({ code: 1, out: '' })
  expect(err.slice(0, message.length)).toBe(message)
})

test('help stands on every level', async () => {
  const root = await run('--help')
  expect(root.out).toMatch(/^Usage: {2}tare \[OPTIONS\] COMMAND\n/)
  expect(root.out).toContain('\nCommon Commands:\n  build       Build an image from a Dockerfile\n')
  expect(await run('help')).toEqual(root)
  expect(await run()).toEqual(root)
  const image = await run('image', '--help')
  expect(image.out).toMatch(/^Usage: {2}tare image COMMAND\n\nManage images\n\nCommands:\n {2}append /)
  expect(await run('help', 'image')).toEqual(image)
  expect(await run('image')).toEqual({ code: 0, out: '', err: image.out })
})

test('a verb’s help is made of its flags, and no line is wider than the window', async () => {
  const { out } = await run('help', 'image', 'ls')
  expect(out).toContain(
    'Usage:  tare image ls [OPTIONS] [REPOSITORY[:TAG]]\n\nList images\n\nAliases:\n  tare images, ',
  )
  expect(out).toContain('\n  -a, --all             Show all images (default hides intermediate images)\n')
  expect(out).toContain("\n                        'json':             Print in JSON format\n")
  expect(await run('image', 'ls', '--help')).toEqual({ code: 0, out, err: '' })
  for (const { names } of commands) {
    const help = (await run(...names[0]!.split(' '), '--help')).out
    const written = help
      .split(/\nAliases:\n.*\n|\n\n/)
      .slice(2)
      .join('\n')
      .split('\n')
    expect(written.filter((line) => line.length > 80)).toEqual([])
  }
})

test('the version is that of the package', async () => {
  expect((await run('--version')).out).toMatch(/^tare version \d+\.\d+\.\d+\n$/)
  const { out } = await run('version', '--format', '{{.Client.Version}}')
  expect((await run('-v')).out).toBe(`tare version ${out}`)
  expect((await run('version', '-f', '{{.Server.Version}}')).out).toBe(out)
  expect((await run('version', '-f', '{{.Client.Foo}}')).err).toContain('map has no entry for key "Foo"')
})

test('every command can be loaded, and no name is given twice', async () => {
  const names = commands.flatMap((command) => command.names)
  expect(new Set(names).size).toBe(names.length)
  for (const command of commands) expect((await command.load()).usage).not.toBe('')
})
