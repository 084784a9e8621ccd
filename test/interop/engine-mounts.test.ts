import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, onTestFinished, test } from 'vitest'
import { alpineRootfs, isRoot, openBench, temporaryFolder } from '../kit/cli.ts'
import { hasProgram, unlessMissing } from '../kit/needs.ts'
import { copyPrograms } from '../kit/program-image.ts'
import { startDockerDaemon } from './docker-daemon.ts'

// Secrets, agents and cache mounts of steps that an engine executes.

const engines = (process.env['TARE_TEST_ENGINES'] ?? '').split(' ').filter(Boolean)
const mayRun = unlessMissing(engines.length > 0, 'no engine to build on, see TARE_TEST_ENGINES') && hasProgram('docker')
const unique = () => `${process.pid}-${process.hrtime.bigint()}`

function alpineBench(...lines: readonly string[]) {
  const bench = openBench({ Dockerfile: ['FROM scratch', 'ADD alpine.tgz /', ...lines].join('\n') })
  copyFileSync(alpineRootfs, join(bench.context, 'alpine.tgz'))
  return bench
}

/** All files below a folder, also those in gzip, whose bytes have this text, plain or in base64. */
function filesWith(folder: string, text: string): readonly string[] {
  const forms = [text, Buffer.from(text).toString('base64').replace(/=+$/, ''), Buffer.from(text).toString('hex')]
  const found: string[] = []
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const bytes = readFileSync(path)
    const plain = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes
    if (forms.some((form) => plain.includes(form))) found.push(path)
  }
  return found
}

/** What a daemon tells of an image and of all others; the image itself is saved in files below the folder. */
function toldBy(docker: (...args: string[]) => string, image: string, folder: string): string {
  const archive = join(folder, 'saved.tar')
  mkdirSync(join(folder, 'saved'))
  docker('save', '-o', archive, image)
  execFileSync('tar', ['-xf', archive, '-C', join(folder, 'saved')])
  const ids = docker('images', '-aq', '--no-trunc').split('\n').filter(Boolean)
  // Others build there as well, and may have removed one meanwhile.
  const ofEach = ids.flatMap((id) => [
    quietly(() => docker('history', '--no-trunc', id)),
    quietly(() => docker('inspect', id)),
  ])
  return [
    docker('history', '--no-trunc', image),
    docker('inspect', image),
    docker('system', 'df', '-v'),
    ...ofEach,
  ].join()
}

function quietly(read: () => string): string {
  try {
    return read()
  } catch {
    return ''
  }
}

describe.skipIf(!mayRun)('on an engine', () => {
  const dockerOf =
    (engine: string) =>
    (...args: string[]) =>
      execFileSync('docker', ['-H', engine, ...args], { encoding: 'utf8', stdio: 'pipe', maxBuffer: 1 << 28 })

  test.each(engines)(
    'a secret is there for its step, and nowhere in what the engine keeps or tells: %s',
    async (engine) => {
      const docker = dockerOf(engine)
      const bench = alpineBench(
        'RUN --mount=type=secret,id=file,target=/run/s wc -c < /run/s > /size; echo the secret is $(cat /run/s)',
        'RUN --mount=type=secret,id=file,required=true,uid=7,mode=0440 stat -c "%u %a" /run/secrets/file > /mode',
        'RUN test ! -e /run/s && test ! -s /run/secrets/file',
      )
      const secret = `hidden-${unique()}-secret`
      const name = `secret-${unique()}`
      const flags = ['--network=none', '--no-cache', '--load', '--progress=plain', '-t', name, bench.context]
      const args = ['build', '--builder', engine, '--secret', 'id=file,env=TARE_TEST_SECRET', ...flags]
      const { code, out, err } = await bench.tare(args, { env: { TARE_TEST_SECRET: secret } })
      onTestFinished(() => void docker('rmi', '-f', name))
      expect(code, err).toBe(0)
      expect(err).toMatch(/the secret is \*+/)
      expect(out + err).not.toContain(secret)
      const show = ['run', '--rm', '--network=none', name, 'cat', '/size', '/mode']
      expect(docker(...show)).toBe(`${secret.length}\n7 440\n`)
      const folder = temporaryFolder()
      expect(toldBy(docker, name, folder)).not.toContain(secret)
      expect(filesWith(folder, secret)).toEqual([])
      expect(filesWith(bench.home, secret)).toEqual([])
    },
  )

  test.each(engines)(
    'a secret or an agent that the build was not given is refused before anything runs: %s',
    async (engine) => {
      for (const [mount, code] of [
        ['type=secret,id=other,required=true', 'SECRET_MISSING'],
        ['type=ssh,id=other,required=true', 'SSH_MISSING'],
      ]) {
        const bench = alpineBench(`RUN --mount=${mount} true`)
        const given = ['--secret', 'id=file,env=TARE_TEST_SECRET']
        const args = ['--debug', 'build', '--builder', engine, '--network=none', ...given, '-t', 'x', bench.context]
        const { code: status, err } = await bench.tare(args, { env: { TARE_TEST_SECRET: 'hidden value' } })
        expect(status).toBe(1)
        expect(err).toContain(code)
        expect(err).toMatch(/Dockerfile:3/)
        expect(err).not.toContain('hidden value')
      }
    },
  )

  test.runIf(hasProgram('ssh-keygen', '-?')).each(engines)(
    'a step has the keys of the agent it names, and of no other: %s',
    async (engine) => {
      const bench = alpineBench(
        'COPY root /',
        'RUN --mount=type=ssh,id=one ssh-add -l > /one',
        'RUN --mount=type=ssh,id=two ssh-add -l > /two',
        'RUN --mount=type=ssh ssh-add -l > /default; echo $? >> /default',
        'RUN --mount=type=ssh,id=three ssh-add -l > /three 2>&1 && exit 9; test -z "$SSH_AUTH_SOCK" || echo $SSH_AUTH_SOCK',
        'RUN ssh-add -l 2> /none || test -z "$SSH_AUTH_SOCK"',
      )
      copyPrograms(join(bench.context, 'root'), { 'ssh-add': '/usr/bin/ssh-add' })
      const [one, two, file] = ['one', 'two', 'file'].map((name) => newKey(join(bench.folder, name)))
      const agents = await Promise.all([agentWith(one!.path), agentWith(two!.path)])
      const ssh = [`one=${agents[0]}`, `two=${agents[1]}`, `default=${file!.path}`].flatMap((value) => ['--ssh', value])
      const flags = ['--network=none', '--no-cache', ...ssh, '-o', 'out', bench.context]
      await bench.succeed(['build', '--builder', engine, ...flags])
      const listed = (name: string) => readFileSync(join(bench.folder, 'out', name), 'utf8').split('\n')
      const fingerprints = (name: string) => listed(name).flatMap((line) => /SHA256:\S+/.exec(line)?.[0] ?? [])
      expect(fingerprints('one')).toEqual([one!.fingerprint])
      expect(fingerprints('two')).toEqual([two!.fingerprint])
      expect(fingerprints('default')).toEqual([file!.fingerprint])
      expect(fingerprints('three')).toEqual([])
      const secretLine = readFileSync(file!.path, 'utf8').split('\n')[2]!
      expect(filesWith(join(bench.folder, 'out'), secretLine)).toEqual([])
    },
  )

  test.each(engines)('a cache mount keeps its files from build to build, and out of the image: %s', async (engine) => {
    const id = `cache-${unique()}`
    const bench = alpineBench(
      'ARG TURN',
      `RUN --mount=type=cache,id=${id},target=/cache echo $TURN >> /cache/turns && cat /cache/turns > /seen`,
      `RUN --mount=type=cache,id=${id}-other,target=/cache ls /cache > /other`,
    )
    const seen = async (turn: number, ...more: string[]) => {
      const flags = ['--network=none', '--build-arg', `TURN=${turn}`, '-o', 'out', ...more, bench.context]
      await bench.succeed(['build', '--builder', engine, ...flags])
      const read = (name: string) => readFileSync(join(bench.folder, 'out', name), 'utf8')
      expect(read('other')).toBe('')
      expect(quietly(() => read('cache/turns'))).toBe('')
      return read('seen').trim().split('\n').map(Number)
    }
    expect(await seen(1)).toEqual([1])
    expect(await seen(2)).toEqual([1, 2])
    // From the cache of steps.
    expect(await seen(2)).toEqual([1, 2])
    // BuildKit then empties the mounts of these steps as well.
    expect(await seen(3, '--no-cache')).toEqual([3])
    expect(await seen(4)).toEqual([3, 4])
  })
})

interface Key {
  readonly path: string
  readonly fingerprint: string
}

function newKey(path: string): Key {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', path])
  const told = execFileSync('ssh-keygen', ['-l', '-f', path], { encoding: 'utf8' })
  return { path, fingerprint: /SHA256:\S+/.exec(told)![0] }
}

/** Returns the socket of an agent that has this key, until the test has ended. */
async function agentWith(key: string): Promise<string> {
  const socket = join(temporaryFolder(), 'agent')
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' })
  onTestFinished(() => void agent.kill())
  const add = () => spawnSync('ssh-add', ['-q', key], { env: { ...process.env, SSH_AUTH_SOCK: socket } }).status
  await expect.poll(add).toBe(0)
  return socket
}

const mayStart = unlessMissing(isRoot, 'dockerd is tried as root only') && hasProgram('dockerd') && hasProgram('docker')

describe.skipIf(!mayStart)('an engine of a test’s own', () => {
  test('has no secret in any of its files, nor in what it logs', async () => {
    const home = join(temporaryFolder(), 'docker')
    const daemon = await startDockerDaemon(home, 'vfs', ['--debug'])
    if (typeof daemon === 'string') return console.warn(`skipped: ${daemon}`)
    onTestFinished(() => daemon.stop())
    const bench = alpineBench(
      'RUN --mount=type=secret,id=file wc -c < /run/secrets/file > /size',
      'RUN --mount=type=secret,id=file false < /run/secrets/file',
    )
    const secret = `hidden-${unique()}-secret`
    const args = ['build', '--builder', `unix://${home}/docker.sock`, '--network=none', '-t', 'x', bench.context]
    const given = ['--secret', 'id=file,env=TARE_TEST_SECRET']
    // The second step fails, so that there is something to report.
    const { err } = await bench.tare([...args, ...given], { env: { TARE_TEST_SECRET: secret } })
    expect(err).toMatch(/exit code: 1/)
    expect(daemon.said()).toMatch(/level=debug/)
    expect(daemon.said()).not.toContain(secret)
    expect(filesWith(home, secret)).toEqual([])
    // What is looked for would be found.
    expect(filesWith(home, 'wc -c').length).toBeGreaterThan(0)
  })
})
