import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openQuickBench } from './kit/call-tare.ts'
import { faultsOf } from './kit/check-store.ts'
import {
  type Bench,
  type FileSpec,
  isRoot,
  type Outcome,
  ordinaryUser,
  program,
  start,
  temporaryFolder,
} from './kit/cli.ts'
import { unlessMissing } from './kit/needs.ts'

// Bad input gives an answer: what happened, where, and what to do; exit code 1, or 125 for a wrong flag.

/** The standard error of a build that has to be refused; nothing of it may stay. */
async function refusedBuild(files: Readonly<Record<string, FileSpec>>, ...flags: string[]): Promise<string> {
  return refused(openQuickBench(files), ['build', '--progress=none', ...flags, 'context'])
}

async function refused({ tare, home }: Bench, argv: readonly string[], code = 1): Promise<string> {
  const outcome = await tare(argv)
  expectAnswer(outcome, code)
  expect(await faultsOf(home)).toEqual([])
  return outcome.err
}

function expectAnswer({ code, out, err }: Outcome, expected = 1): void {
  expect(err).not.toMatch(/bug in tare|\n {4}at /)
  expect({ code, out }, err).toEqual({ code: expected, out: '' })
}

const from = (rest: string) => `FROM scratch\n${rest}\n`

describe('a source of COPY', () => {
  const files = { 'src/app.js': 'x', 'secret.key': 'x', '.dockerignore': '# keys\n\n*.key\n', 'a file': 'x' }

  test.each([
    ['that is ignored', 'COPY secret.key /', /excluded by line 3 of \.dockerignore: \*\.key/],
    [
      'that is misspelt',
      'COPY src/ap.js /',
      /"src\/ap\.js" is not in the build context: not found\n.*Did you mean "src\/app\.js"\?/,
    ],
    ['in a folder that is misspelt', 'COPY scr/app.js /', /Did you mean "src"\?|Did you mean "src\/app\.js"\?/],
    ['that leads out', 'COPY ../../etc/passwd /', /cannot leave the build context \(context\)/],
    ['that is absolute and not there', 'COPY /etc/passwd /', /"etc\/passwd" is not in the build context/],
    ['below a file', 'COPY src/app.js/below /', /"src\/app\.js\/below" is not in the build context/],
    ['of a stage that does not have it', 'COPY --from=0 /nothing /', /"\/nothing" is not in .*not found/],
    [
      'of a stage that does not exist',
      'COPY --from=nope / /',
      /nope: there is no image docker\.io\/library\/nope:latest/,
    ],
  ])('is refused with a reason: one %s', async (_, line, said) => {
    const err = await refusedBuild({ ...files, Dockerfile: `FROM scratch\n${from(line)}` })
    expect(err).toMatch(said)
    expect(err).toContain(`3 | >>> ${line}`)
  })

  test('that its own ignore file hides: the file and the line are named', async () => {
    const more = { 'Dockerfile.dockerignore': 'src\n', Dockerfile: from('COPY src /') }
    expect(await refusedBuild({ ...files, ...more })).toMatch(/line 1 of Dockerfile\.dockerignore: src/)
  })

  test('that meets a file where a folder has to be, or the other way round', async () => {
    const onto = { ...files, Dockerfile: from('COPY src /a\nCOPY src/app.js /a/app.js/x') }
    expect(await refusedBuild(onto)).toMatch(/"\/a\/app\.js" is not a directory but a file/)
    const folder = { ...files, Dockerfile: from('COPY src/app.js /a\nCOPY src /a') }
    expect(await refusedBuild(folder)).toMatch(/cannot copy a directory onto "\/a"/)
  })

  test('that is a symlink out of the context: the file behind it is not reached', async () => {
    const bench = openQuickBench({ Dockerfile: from('COPY passwd /') })
    symlinkSync('/etc/passwd', join(bench.context, 'passwd'))
    expect(await refused(bench, ['build', '--progress=none', 'context'])).toMatch(
      /"passwd" is not in the build context/,
    )
  })
})

describe('a Dockerfile', () => {
  test.each([
    ['with an unknown instruction', from('COPPY a /'), /line 2: unknown instruction: COPPY \(did you mean COPY\?\)/],
    ['with an unknown flag', from('COPY --chwon=1 a /'), /unknown flag: --chwon \(did you mean chown\?\)/],
    ['that is empty', '', /the Dockerfile cannot be empty/],
    ['of nothing but comments', '# nothing\n\n', /no instructions/],
    ['of bytes', new Uint8Array([0, 1, 2, 255, 254]), /unknown instruction/],
    ['in UTF-16', Buffer.from('\ufeffFROM scratch\n', 'utf16le'), /is UTF-16 \(little-endian\), not UTF-8/],
    [
      'whose comment is not UTF-8',
      Buffer.concat([Buffer.from('# caf\xe9\n', 'latin1'), Buffer.from('FROM nosuch\n')]),
      /nosuch/,
    ],
    ['that is a folder', undefined, /Dockerfile is a folder, not a file/],
  ] as const)('is refused with a reason: one %s', async (_, content, said) => {
    expect(await refusedBuild({ Dockerfile: content, a: 'a' })).toMatch(said)
  })

  test('that is missing: another of nearly that name is proposed', async () => {
    expect(await refusedBuild({ Dockerfil: 'FROM scratch\n' })).toMatch(
      /there is no Dockerfile in context\n.*-f context\/Dockerfil/,
    )
    expect(await refusedBuild({}, '-f', 'nope')).toMatch(/nope does not exist/)
    expect(await refusedBuild({ Dockerfile: 'FROM scratch\n' }, '-f', 'context')).toMatch(/context: it is a folder/)
  })

  test('that is far too large is not read', async () => {
    const bench = openQuickBench({ Dockerfile: '' })
    truncateSync(join(bench.context, 'Dockerfile'), 3e9)
    const command = ['build', '--progress=none', 'context']
    expect(await refused(bench, command)).toMatch(/Dockerfile is too large for a text file \(3000000000 bytes\)/)
    expect(await refused(bench, [...command, '-f', 'context/Dockerfile'])).toMatch(
      /too large for a text file \(3000000000 bytes\)/,
    )
  })

  test('with a byte order mark, or CRLF, is read', async () => {
    const { succeed } = openQuickBench({ Dockerfile: '\ufeffFROM scratch\r\nCOPY a /\r\n', a: 'a' })
    expect(await succeed(['build', '-q', 'context'])).toMatch(/^sha256:/)
  })
})

describe('the command line', () => {
  test.each([
    [['biuld', '.'], 1, /'biuld' is not a tare command\nDid you mean 'tare build'\?/],
    [['build', '--progres=plain', '.'], 125, /unknown flag: --progres\nDid you mean --progress\?/],
    [['build'], 1, /requires 1 argument/],
    [['build', '--progress=loud', '.'], 125, /invalid progress mode "loud"/],
    [['build', 'nofolder'], 1, /the build context nofolder does not exist/],
    [['build', '-t', 'UPPER', 'context'], 1, /invalid tag "UPPER"/],
    [['build', '--platform', 'a/b/c/d', 'context'], 1, /more than three parts/],
    [['build', '--target', 'nope', 'context'], 1, /nope/],
    [['build', '--build-context', 'x', 'context'], 1, /invalid context value: x, expected key=value/],
    [['build', '--build-context', 'x=ftp://y', 'context'], 1, /has an unknown scheme: ftp/],
    [['save', 'nope', '-o', 'x.tar'], 1, /No such image: nope:latest/],
    [['save', '--format', 'zip', 'nope'], 125, /invalid format "zip"\nThe formats are docker, docker-legacy, oci/],
    [['load', '-i', 'nope.tar'], 1, /nope\.tar/],
    [['import', 'nope.tar'], 1, /nope\.tar/],
    [['import', '-c', 'RUN x', 'context/Dockerfile'], 1, /RUN is not supported in a change/],
    [['tag', 'nope', 'x'], 1, /No such image: nope/],
    [['images', '--filter', 'nope=1'], 1, /invalid filter "nope=1"/],
    [['images', '--format', '{{'], 1, /\{\{|template/],
  ])('refuses %j with a code and a reason', async (argv, code, said) => {
    const bench = openQuickBench({ Dockerfile: 'FROM scratch\n' })
    expect(await refused(bench, argv, code)).toMatch(said)
  })
})

const canBeOrdinary = unlessMissing(isRoot, 'only root can make files that the one who builds may not read')

describe('files of the context', () => {
  test.skipIf(!canBeOrdinary)('that may not be read are named, and matter only where they are copied', async () => {
    const bench = openQuickBench({
      Dockerfile: from('COPY a closed* /'),
      closed: { content: 'x', mode: 0o000 },
      a: 'a',
      'locked/file': 'x',
    })
    chmodSync(bench.folder, 0o777)
    chmodSync(join(bench.context, 'locked'), 0o700)
    const run = (...argv: string[]) =>
      bench.tare(['build', '--progress=none', ...argv, 'context'], { user: ordinaryUser })
    const closed = await run()
    expectAnswer(closed)
    expect(closed.err).toMatch(/cannot read .*context\/closed: permission denied\n.*\.dockerignore/)
    writeFileSync(join(bench.context, 'Dockerfile'), from('COPY . /'))
    writeFileSync(join(bench.context, '.dockerignore'), 'closed\n')
    const locked = await run()
    expectAnswer(locked)
    expect(locked.err).toMatch(/locked.*permission denied|permission denied.*locked/)
    writeFileSync(join(bench.context, '.dockerignore'), 'closed\nlocked\n')
    expect((await run()).code).toBe(0)
    writeFileSync(join(bench.context, 'Dockerfile'), from('COPY a /'))
    writeFileSync(join(bench.context, '.dockerignore'), '')
    expect((await run()).code).toBe(0)
    expect(await faultsOf(bench.home)).toEqual([])
  })

  test('that are pipes and sockets neither hold up a build nor break it', async () => {
    const bench = openQuickBench({ Dockerfile: from('COPY . /'), a: 'a', 'deep/b': 'b' })
    execFileSync('mkfifo', [join(bench.context, 'deep/pipe')])
    const server = createServer().listen(join(bench.context, 'socket'))
    try {
      await bench.succeed(['build', '-q', '-t', 'x', 'context'])
    } finally {
      server.close()
    }
    expect(await faultsOf(bench.home)).toEqual([])
  })

  test('with names that no text can hold are copied byte for byte', async () => {
    const bench = openQuickBench({ Dockerfile: from('COPY . /'), a: 'a' })
    const name = Buffer.concat([Buffer.from(`${bench.context}/caf`), Buffer.from([0xe9, 0x1b])])
    writeFileSync(name, 'x')
    mkdirSync(join(bench.context, 'new\nline'))
    await bench.succeed(['build', '-q', '-t', 'x', 'context'])
    await bench.succeed(['save', '-o', 'x.tar', 'x'])
    expect(await bench.succeed(['load', '-i', 'x.tar'], { home: join(bench.folder, 'other') })).toMatch(/x:latest/)
    expect(await faultsOf(bench.home)).toEqual([])
  })
})

test('a Node that is too old says so in one line, before anything is loaded', async () => {
  const folder = temporaryFolder()
  const version = join(folder, 'version.cjs')
  for (const [node, tooOld] of [
    ['18.20.8', true],
    ['20.18.3', true],
    ['20.19.0', false],
  ] as const) {
    writeFileSync(
      version,
      `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${node}' } })
Object.defineProperty(process, 'version', { value: 'v${node}' })`,
    )
    const { code, err } = await start([process.execPath, '--require', version, program, 'help']).outcome
    expect({ code, err }).toEqual({
      code: tooOld ? 1 : 0,
      err: tooOld ? `tare needs Node.js 20.19 or newer, and this is v${node}.\n` : '',
    })
  }
})

test('a cache folder that cannot be written harms nothing', async () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'file'), '')
  for (const XDG_CACHE_HOME of [join(folder, 'file'), '/proc', ''])
    expect(await start([process.execPath, program, '--version'], { env: { XDG_CACHE_HOME } }).outcome).toMatchObject({
      code: 0,
      err: '',
    })
})
