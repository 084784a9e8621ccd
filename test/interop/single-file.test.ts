import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { alpineRootfs, checkout, isRoot, openBench, program, start } from '../kit/cli.ts'
import { goldenNames, judgeGolden } from '../kit/golden.ts'
import { hasProgram, unlessMissing } from '../kit/needs.ts'
import { copyPrograms } from '../kit/program-image.ts'
import { waysToRun } from '../kit/sandboxes.ts'
import { type DockerDaemon, startDockerDaemon } from './docker-daemon.ts'

// The single executables, made by scripts/sea.js, without a node beside them.

const out = join(checkout, 'out')
const tare = join(out, `tare-linux-${process.arch}`)
let made = ''

function makeBoth(): string {
  const { status, stderr } = spawnSync(process.execPath, [join(checkout, 'scripts/sea.js')], { encoding: 'utf8' })
  if (status === 0) return ''
  if (!stderr.includes('npm error')) throw new Error(stderr)
  return `npm cannot fetch node 26: ${/npm error (.*)/.exec(stderr)?.[1]}`
}

const isLinux = process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch)

describe.runIf(unlessMissing(isLinux, 'single executables are for Linux'))('the single executable', () => {
  beforeAll(() => {
    made = makeBoth()
  }, 600_000)
  beforeEach((task) => {
    if (made !== '') {
      console.warn(`skipped: ${made}`)
      task.skip(made)
    }
  })

  test('is the same file when it is made again, and names no path of the machine', () => {
    const before = ['x64', 'arm64'].map((arch) => readFileSync(join(out, `tare-linux-${arch}`)))
    expect(makeBoth()).toBe('')
    for (const [i, arch] of ['x64', 'arm64'].entries()) {
      const file = readFileSync(join(out, `tare-linux-${arch}`))
      expect(file.equals(before[i]!), arch).toBe(true)
      expect(file.includes(checkout), arch).toBe(false)
      // The machine in the ELF header.
      expect(file.readUInt16LE(18)).toBe(arch === 'x64' ? 62 : 183)
    }
    expect(readFileSync(join(out, 'LICENSES.txt'), 'utf8')).toMatch(/^Node\.js$/m)
  })

  test('starts without node, under any name, and as executor takes the flags of kaniko', async () => {
    const bench = openBench()
    const env = { PATH: '/nowhere' }
    const { version } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8'))
    expect((await start([tare, '--version'], { ...bench, env }).outcome).out).toBe(`tare version ${version}\n`)
    const executor = join(bench.folder, 'executor')
    copyFileSync(tare, executor)
    expect((await start([executor, '--help'], { ...bench, env }).outcome).out).toContain('--destination')
  })

  test('contains what dist/ has beside the command line, and the packages', async () => {
    const bench = openBench({ Dockerfile: 'FROM scratch\nADD a.tar.xz /\n' })
    const archive = join(bench.folder, 'context/a.tar')
    execFileSync('tar', ['-cf', archive, '-C', checkout, 'package.json'])
    execFileSync('xz', [archive])
    const run = (...args: readonly string[]) => start([tare, ...args], { home: bench.home, cwd: bench.folder }).outcome
    const built = await start([tare, 'build', '-q', '-t', 'app', 'context'], {
      ...{ home: bench.home, cwd: bench.folder },
      env: { PATH: '/nowhere' },
    }).outcome
    expect(built.err).toBe('')
    expect((await run('explore', '--html', 'page.html', 'app')).code).toBe(0)
    expect(readFileSync(join(bench.folder, 'page.html'), 'utf8')).toContain('<script type="application/json"')
    writeFileSync(join(bench.folder, 'registries.conf'), '[[registry]\n')
    const env = { CONTAINERS_REGISTRIES_CONF: join(bench.folder, 'registries.conf') }
    const pulled = await start([tare, 'pull', 'localhost:1/app'], { home: bench.home, cwd: bench.folder, env }).outcome
    expect(pulled.err).toContain('registries.conf:1: expected end of table')
  })

  test.each(waysToRun())('RUN by $name', async ({ user, env, wrapper }) => {
    // The last file cannot be read from outside its user namespace: a helper does, in a process of its own.
    const bench = openBench({
      Dockerfile:
        'FROM scratch\nADD root.tgz /\nRUN echo made > /made && mkdir /own && echo kept > /own/file && chmod 0 /own/file /own\n',
    })
    copyFileSync(alpineRootfs, join(bench.folder, 'context/root.tgz'))
    const home = mkdtempSync(join(tmpdir(), 'tare-single-'))
    chmodSync(home, 0o777)
    for (const path of [bench.folder, join(bench.folder, 'context')]) chmodSync(path, 0o755)
    const run = (...args: readonly string[]) =>
      start([tare, ...args], { home: join(home, 'store'), cwd: bench.folder, user, env, wrapper }).outcome
    try {
      const built = await run('build', '-t', 'app', 'context')
      expect(built.code, built.err).toBe(0)
      expect((await run('image', 'cat', 'app', '/made')).out).toBe('made\n')
      expect((await run('image', 'cat', 'app', '/own/file')).out).toBe('kept\n')
    } finally {
      execFileSync('rm', ['-rf', home])
    }
  })
})

const hasDocker = isLinux && unlessMissing(isRoot, 'dockerd is tried as root only') && hasProgram('dockerd')

describe.skipIf(!hasDocker)('in a container without node, the single executable', () => {
  let folder: string
  let daemon: DockerDaemon | string

  beforeAll(async () => {
    made = makeBoth()
    if (made !== '') return
    folder = mkdtempSync(join(tmpdir(), 'tare-single-'))
    chmodSync(folder, 0o755)
    daemon = await startDockerDaemon(join(folder, 'docker'), 'overlay2')
    if (typeof daemon === 'string') return
    for (const [name, programs] of [
      ['empty', {}],
      ['tools', tools],
    ] as const) {
      const root = join(folder, name)
      for (const at of ['proc', 'sys', 'dev', 'etc', 'root', 'tmp']) mkdirSync(join(root, at), { recursive: true })
      copyPrograms(root, { [tare]: 'usr/bin/tare', ...programs })
      const archive = join(folder, `${name}.tar`)
      execFileSync('tar', ['-cf', archive, '-C', root, '.'])
      daemon.docker(['import', '--change', 'ENTRYPOINT ["/usr/bin/tare"]', archive, name])
    }
  }, 600_000)
  beforeEach((task) => {
    const missing = made !== '' ? made : typeof daemon === 'string' ? daemon : undefined
    if (missing !== undefined) task.skip(missing)
  })
  afterAll(async () => {
    if (daemon !== undefined && typeof daemon !== 'string') {
      spawnSync('docker', ['-H', `unix://${folder}/docker/docker.sock`, 'rm', '-f', 'golden'])
      await daemon.stop()
      // The daemon leaves the host's network namespace mounted, once a container had it.
      spawnSync('umount', ['-l', join(folder, 'docker/exec/netns/default')])
    }
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  })

  const docker = (...args: readonly string[]) => (daemon as DockerDaemon).docker(args)

  test('builds with workers what node builds', async () => {
    const bench = openBench({ Dockerfile: 'FROM scratch\nADD root.tgz /\nCOPY large /\nCOPY large /again\n' })
    copyFileSync(alpineRootfs, join(bench.folder, 'context/root.tgz'))
    writeFileSync(join(bench.folder, 'context/large'), randomBytes(40e6))
    const build = ['build', '-q', '--build-arg', 'SOURCE_DATE_EPOCH=1']
    const mounts = ['--network=none', '-v', `${bench.folder}/context:/context:ro`, '-v', '/store']
    const id = docker('run', '--rm', ...mounts, '-e', 'TARE_HOME=/store', 'empty', ...build, '/context')
    const other = await start([process.execPath, program, ...build, 'context'], { home: bench.home, cwd: bench.folder })
      .outcome
    expect(id).toBe(other.out)
  })

  test.each([
    ['oci', ['--cap-add=SYS_ADMIN', '--security-opt', 'seccomp=unconfined']],
    ['namespace', ['--security-opt', 'seccomp=unconfined']],
    ['chroot', []],
  ])('executes RUN by %s', (isolation, flags) => {
    const context = join(folder, `context-${isolation}`)
    mkdirSync(context)
    copyFileSync(alpineRootfs, join(context, 'root.tgz'))
    writeFileSync(join(context, 'Dockerfile'), 'FROM scratch\nADD root.tgz /\nRUN id > /made && chown 5:6 /made\n')
    const script = `tare build --isolation=${isolation} -t app /context && tare image cat app /made`
    const mounts = ['--network=none', '-v', `${context}:/context:ro`, '-v', '/store', '-e', 'TARE_HOME=/store']
    const said = docker('run', '--rm', ...flags, ...mounts, '--entrypoint=/bin/sh', 'tools', '-c', script)
    expect(said).toContain('uid=0(root)')
  })

  test.skipIf(goldenNames.length === 0)('builds the images of Docker', { timeout: 900_000 }, async () => {
    const work = mkdtempSync(join(folder, 'golden-'))
    const mount = [
      '-v',
      `${work}:${work}`,
      '--network=host',
      '--cap-add=SYS_ADMIN',
      '--security-opt',
      'seccomp=unconfined',
    ]
    docker('run', '-d', '--name', 'golden', ...mount, '--entrypoint=/bin/sleep', 'tools', 'infinity')
    const command = join(folder, 'tare')
    const socket = join(folder, 'docker/docker.sock')
    // With the environment as it is, except what belongs to this machine.
    writeFileSync(
      command,
      `#!/bin/sh
names=$(env | sed -n '/^\\(PATH\\|HOME\\|PWD\\|TMPDIR\\)=/d; s/^\\([A-Za-z_][A-Za-z_0-9]*\\)=.*/-e \\1/p')
case $PWD in ${work}*) at=$PWD ;; *) at=/ ;; esac
exec docker -H unix://${socket} exec -w "$at" $names golden /usr/bin/tare "$@"
`,
    )
    chmodSync(command, 0o755)
    const { verdicts, said } = await judgeGolden(command, { env: { TMPDIR: work } })
    const words = Object.fromEntries(goldenNames.map((name) => [name, verdicts.get(name)?.word ?? 'not run']))
    for (const [name, word] of Object.entries(words)) expect(['identical', 'same'], `${name}\n${said}`).toContain(word)
  })
})

const at = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, `usr/bin/${name}`]))

/** What RUN needs. */
const tools = {
  ...at(['perl', 'tar', 'setpriv', 'unshare', 'nsenter', 'mount', 'umount', 'env', 'prlimit', 'hostname', 'crun']),
  ...at([
    'mkdir',
    'mkfifo',
    'mknod',
    'chown',
    'chmod',
    'cat',
    'head',
    'rm',
    'du',
    'readlink',
    'ln',
    'cp',
    'mv',
    'stat',
  ]),
  dash: 'bin/sh',
  sleep: 'bin/sleep',
}
