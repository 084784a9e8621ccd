import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { commands } from '../src/cli/commands.ts'
import { parseFlags } from '../src/cli/flags.ts'
import { callTare } from './kit/call-tare.ts'
import { program } from './kit/cli.ts'
import { hasProgram } from './kit/needs.ts'

let folder: string
let home: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tare-completion-'))
  home = join(folder, 'home')
  mkdirSync(join(folder, 'app'))
  mkdirSync(join(folder, 'bin'))
  writeFileSync(join(folder, 'bin/tare'), `#!/bin/sh\nexec ${process.execPath} ${program} "$@"\n`)
  chmodSync(join(folder, 'bin/tare'), 0o755)
  writeFileSync(join(folder, 'app/Dockerfile'), 'FROM scratch AS compile\nFROM scratch AS release\nFROM compile\n')
  for (const tags of [['app:1', 'app:2'], ['127.0.0.1:5000/team/other:x']])
    await tare(['build', '-q', ...tags.flatMap((tag) => ['-t', tag]), join(folder, 'app')])
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function tare(args: readonly string[]): Promise<string> {
  const { code, out, err } = await callTare(args, { home, cwd: folder })
  expect(err === '' || code === 0, err).toBe(true)
  return out
}

/** The words that may follow, and what the shell adds. */
async function answers(...words: readonly string[]): Promise<readonly string[]> {
  const out = await tare(['__complete', ...words])
  return out
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split('\t')[0]!)
}

test('commands, groups and their verbs are completed, but for what is for programs', async () => {
  expect(await answers('bui')).toEqual(['build', 'builder', 'buildx', ':none'])
  expect(await answers('image', 'r')).toEqual(['rebase', 'rm', ':none'])
  expect(await answers('-D', 'system', '')).toEqual(['df', ':none'])
  expect(await answers('__')).toEqual([':none'])
  expect(await answers('completion', '')).toEqual(['bash', 'zsh', 'fish', ':none'])
  expect(await answers('nonsense', '')).toEqual([':none'])
  expect((await answers('')).length).toBeGreaterThan(30)
})

test('flags come from the tables, and each of them is taken', async () => {
  for (const { names, load } of commands) {
    const words = names[0]!.split(' ')
    const found = (await answers(...words, '--')).filter((word) => word.startsWith('--'))
    const verb = await load()
    expect(found, names[0]).toContain('--help')
    for (const word of found.slice(0, -1)) {
      const value = verb.flags[word.slice(2)]!.type === 'bool' ? 'true' : '1'
      expect(parseFlags(verb.flags, [`${word}=${value}`]).given.has(word.slice(2)), `${names[0]} ${word}`).toBe(true)
    }
  }
}, 120_000)

test('names of images, stages, platforms and the words that help quotes are values', async () => {
  expect(await answers('push', 'ap')).toEqual(['app:1', 'app:2', ':none'])
  expect(await answers('image', 'history', '127')).toEqual(['127.0.0.1:5000/team/other:x', ':none'])
  expect(await answers('build', '--target', '', 'x')).toEqual([':directories'])
  expect(await answers('build', 'app', '--target', '')).toEqual(['compile', 'release', ':none'])
  expect(await answers('build', '-f', 'app/Dockerfile', '--target=re')).toEqual(['--target=release', ':none'])
  expect(await answers('build', '-qf', 'app/Dockerfile', '--target', 'c')).toEqual(['compile', ':none'])
  expect(await answers('build', '--platform', 'linux/amd64,linux/arm')).toEqual([
    ...['arm64', 'arm/v7', 'arm/v6'].map((one) => `linux/amd64,linux/${one}`),
    ':none',
  ])
  expect(await answers('build', '--progress', 't')).toEqual(['tty', ':none'])
  expect(await answers('build', '--call=out')).toEqual(['--call=outline', ':none'])
  expect(await answers('build', '-o', 'type=o')).toEqual(['type=oci', ':none'])
  expect(await answers('build', '--output=type=lo')).toEqual(['--output=type=local', ':none'])
  expect(await answers('build', '-o', 'ou')).toEqual([':files'])
  expect(await answers('build', '--cache-to', '')).toEqual([
    ...['registry', 'local', 'inline', 'gha'].map((type) => `type=${type}`),
    ':none',
  ])
  expect(await answers('build', '--attest', 'type=s')).toEqual(['type=sbom', ':none'])
  expect(await answers('build', '--provenance', '')).toEqual(['true', 'false', 'mode=min', 'mode=max', ':none'])
  expect(await answers('build', '--network=')).toEqual([
    ...['default', 'host', 'none'].map((one) => `--network=${one}`),
    ':none',
  ])
  expect(await answers('build', '')).toEqual([':directories'])
  expect(await answers('build', '--file', '')).toEqual([':files'])
  expect(await answers('load', '-i', '')).toEqual([':files'])
  expect(await answers('run', 'app:1', '--')).toEqual([':none'])
  expect(await answers('build', '--', '--')).toEqual([':directories'])
})

test('nothing that a terminal would obey is offered, and a damaged store offers nothing', async () => {
  const odd = join(folder, 'odd')
  mkdirSync(odd)
  writeFileSync(join(odd, 'Dockerfile'), 'FROM scratch AS good\nARG X=\u001b[2J\nFROM scratch AS \u001b[31mbad\n')
  expect(await answers('build', 'odd', '--target', '')).toEqual([':none'])
  const broken = join(folder, 'broken')
  mkdirSync(broken)
  writeFileSync(join(broken, 'index.json'), '\u001b[2J')
  const result = await callTare(['__complete', 'push', ''], { home: broken })
  expect(result.out + result.err).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/)
  expect(result.code).toBe(0)
})

test('a shell that is not known is refused', async () => {
  const result = await callTare(['completion', 'tcsh'], { home })
  expect(result).toMatchObject({ code: 1, out: '' })
  expect(result.err).toContain('The shells are bash, zsh, fish.')
})

const environment = () => ({ ...process.env, TARE_HOME: home, PATH: `${folder}/bin:${process.env['PATH']}` })

function inShell(shell: string, script: string): readonly string[] {
  const out = execFileSync(shell, ['-c', script], { cwd: folder, env: environment(), encoding: 'utf8' })
  return out.split('\n').filter(Boolean)
}

/** Completes a line as bash does, words split at its separators. */
function bash(line: string): readonly string[] {
  const words = line.split(/(?<=[:=])|(?=[:=])|\s+/).filter((word, i, all) => word !== '' || i === all.length - 1)
  const quoted = words.map((word) => `'${word}'`).join(' ')
  return inShell(
    'bash',
    `source <(tare completion bash); COMP_LINE='${line}' COMP_POINT=${line.length}; COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}
     _tare; printf '%s\\n' "\${COMPREPLY[@]}"`,
  )
}

test.runIf(hasProgram('bash'))('bash completes words with colons and equals signs', () => {
  expect(bash('tare bui')).toEqual(['build', 'builder', 'buildx'])
  expect(bash('tare image ')).toContain('rebase')
  expect(bash('tare push app:')).toEqual(['1', '2'])
  expect(bash('tare push 127.0.0.1:5000/te')).toEqual(['5000/team/other:x'])
  expect(bash('tare build app --target=r')).toEqual(['release'])
  expect(bash('tare build app --target ')).toEqual(['compile', 'release'])
})

describe.runIf(hasProgram('zsh'))('zsh', () => {
  test('runs the script and gets names with their help', () => {
    const said = inShell(
      'zsh',
      `autoload -U compinit && compinit -D -u; source <(tare completion zsh)
       _describe() { print -rl -- "\${(@P)2}" }; _files() { print -r -- "files $*" }
       words=(tare image reb); CURRENT=3; _tare; words=(tare push app:); CURRENT=3; _tare; words=(tare build ''); CURRENT=3; _tare`,
    )
    expect(said).toEqual([
      'rebase:Put the layers of an image onto another base image',
      'app\\:1:',
      'app\\:2:',
      'files -/',
    ])
  })
})

describe.runIf(hasProgram('fish'))('fish', () => {
  test('completes names with their help', () => {
    const complete = (line: string) => inShell('fish', `tare completion fish | source; complete -C '${line}'`)
    expect(complete('tare image reb')).toEqual(['rebase\tPut the layers of an image onto another base image'])
    expect(complete('tare push app:')).toEqual(['app:1', 'app:2'])
    expect(complete('tare build app --target=re')).toEqual(['--target=release'])
  })
})
