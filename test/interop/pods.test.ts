import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { checkout, isRoot } from '../kit/cli.ts'
import { hasProgram, unlessMissing } from '../kit/needs.ts'
import { copyPrograms } from '../kit/program-image.ts'
import { type DockerDaemon, startDockerDaemon } from './docker-daemon.ts'

// RUN in real containers, by what these allow. The image is node and the tools that RUN needs, of this machine.

const ready =
  unlessMissing(isRoot, 'dockerd is tried as root only') &&
  ['dockerd', 'docker', 'perl', 'setpriv', 'unshare'].every((program) => hasProgram(program))

const unconfined = ['--security-opt', 'seccomp=unconfined']
const nothingMore = ['--security-opt', 'no-new-privileges']
const user = ['--user', '1000', '--env', 'HOME=/tmp']
const closed = ['--read-only', '--tmpfs', '/tmp:exec', '--env', 'TARE_HOME=/tmp/store']

interface Expected {
  /** The sandbox; undefined: there is none. */
  readonly by: 'namespace' | 'chroot' | undefined
  /** What the doctor says. */
  readonly told: readonly RegExp[]
  readonly untold?: readonly RegExp[]
  /** What is done in the container first. */
  readonly first?: string
  /** Whether files can be given to others, and whether /proc is real; what a build says where there is no sandbox. */
  readonly build: { readonly chown: boolean; readonly proc: boolean } | RegExp
}

const whole = { chown: true, proc: true }
const copies = /works on a plain copy .* TARE_HOME to a folder on a volume/
const seccompRefuses = /cannot create a user namespace.*seccompProfile.type: Unconfined/s

const settings: Readonly<Record<string, readonly [flags: readonly string[], expected: Expected]>> = {
  'Docker’s default': [
    [],
    {
      by: 'chroot',
      told: [seccompRefuses, /With chroot, \/proc in a step contains only copies/],
      build: { chown: true, proc: false },
    },
  ],
  'no seccomp profile': [unconfined, { by: 'namespace', told: [copies], untold: [/loopback/], build: whole }],
  'no seccomp profile, and the store on a volume': [
    [...unconfined, '--volume', '/store', '--env', 'TARE_HOME=/store'],
    { by: 'namespace', told: [/Parts of \/proc are masked/], untold: [copies], build: whole },
  ],
  'no seccomp profile, and no new privileges': [
    [...unconfined, ...nothingMore],
    { by: 'namespace', told: [copies], build: whole },
  ],
  'the right to mount, and no volume': [
    [...unconfined, '--cap-add', 'SYS_ADMIN'],
    { by: 'namespace', told: [copies], build: whole },
  ],
  'no seccomp profile, and neither perl nor another tool for the loopback': [
    unconfined,
    {
      by: 'namespace',
      told: [/the loopback interface stays down: .*install iproute2/, /Nothing here can load seccomp filters/],
      first: 'rm /usr/bin/perl',
      build: whole,
    },
  ],
  'a user': [user, { by: undefined, told: [seccompRefuses], build: /cannot create a user namespace/ }],
  'a user without seccomp profile and new privileges': [
    [...user, ...unconfined, ...nothingMore],
    {
      by: 'namespace',
      told: [/chown to others fails: .*no_new_privs.*allowPrivilegeEscalation: true/],
      build: { chown: false, proc: true },
    },
  ],
  'no capabilities': [
    ['--cap-drop', 'ALL'],
    {
      by: undefined,
      told: [/no CAP_SYS_CHROOT, CAP_CHOWN/, /capabilities.add: \[SETUID, SETGID, SETFCAP\]/],
      build: /no CAP_SYS_ADMIN, and no CAP_SETUID, CAP_SETGID, CAP_SETFCAP/,
    },
  ],
  'neither capabilities nor seccomp profile': [
    ['--cap-drop', 'ALL', ...unconfined],
    { by: undefined, told: [/no CAP_SETUID/], build: /CAP_SETUID/ },
  ],
  'a read-only root without a volume': [
    [...unconfined, '--read-only'],
    {
      by: undefined,
      told: [/the store \(.*\) is not writable/],
      build: /cannot be written: the filesystem is read-only/,
    },
  ],
  'a read-only root and a tmpfs': [
    [...unconfined, ...closed],
    { by: 'namespace', told: [/Parts of \/proc are masked/], untold: [copies], build: whole },
  ],
}

describe.skipIf(!ready)('RUN in a container with', () => {
  let folder: string
  let daemon: DockerDaemon | string

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tare-pods-'))
    chmodSync(folder, 0o755)
    daemon = await startDockerDaemon(join(folder, 'docker'), 'overlay2')
    if (typeof daemon === 'string') return
    const root = join(folder, 'root')
    const tools = ['perl', 'tar', 'setpriv', 'unshare', 'nsenter', 'mount', 'env', 'prlimit', 'hostname', 'sleep']
    const more = ['mkdir', 'mkfifo', 'mknod', 'chown', 'chmod', 'cat', 'head', 'rm', 'du', 'readlink', 'ln', 'cp']
    const programs = Object.fromEntries([...tools, ...more].map((name) => [name, `usr/bin/${name}`]))
    copyPrograms(root, { ...programs, dash: 'bin/sh', node: 'usr/bin/node' })
    for (const name of ['proc', 'sys', 'dev', 'etc', 'root', 'tmp']) mkdirSync(join(root, name), { recursive: true })
    chmodSync(join(root, 'tmp'), 0o1777)
    // The program itself, as it was built, and something to build.
    for (const name of ['bin', 'dist', 'package.json'])
      cpSync(join(checkout, name), join(root, 'tare', name), { recursive: true })
    copyPrograms(join(root, 'context/image'), { dash: 'bin/sh', chown: 'bin/chown' })
    writeFileSync(join(root, 'context/Dockerfile'), dockerfile)
    const image = join(folder, 'image.tar')
    execFileSync('tar', ['-cf', image, '-C', root, '.'])
    daemon.docker(['import', image, 'pod'])
  })
  beforeEach((task) => {
    if (typeof daemon === 'string') task.skip(daemon)
  })
  afterAll(async () => {
    if (daemon !== undefined && typeof daemon !== 'string') await daemon.stop()
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  })

  test.each(Object.entries(settings))('%s', (_, [flags, { by, told, untold = [], first = ':', build }]) => {
    const { docker } = daemon as DockerDaemon
    const tare = 'node /tare/bin/tare.js'
    const script = `${first}; ${tare} doctor 2>&1; echo ==; ${tare} build --progress=plain -t x /context 2>&1; echo "code $?"`
    const out = docker(['run', '--rm', '--network=none', ...flags, 'pod', '/bin/sh', '-c', script])
    const [doctor = '', said = ''] = out.split('==\n')
    expect(/^ {2}(\w+) +works, used by RUN/m.exec(doctor)?.[1], doctor).toBe(by)
    for (const words of told) expect(doctor).toMatch(words)
    for (const words of untold) expect(doctor).not.toMatch(words)
    if (build instanceof RegExp) {
      expect(said).toMatch(build)
      expect(said).toMatch(/^code 1$/m)
      return
    }
    expect(said).toMatch(/^code 0$/m)
    expect(said).toMatch(new RegExp(` chown ${build.chown ? 0 : 1}$`, 'm'))
    expect(said).toMatch(new RegExp(` proc ${build.proc ? 0 : 1}$`, 'm'))
    expect(said).toMatch(/ to the stream$/m)
    expect(said).toMatch(/ what was made is there$/m)
    expect(said.match(/NoRealProc/g)?.length ?? 0).toBe(by === 'chroot' ? 1 : 0)
  })
})

const dockerfile = `FROM scratch
COPY image /
RUN chown 5:6 /bin; echo "chown $?"; test -e /proc/self/status; echo "proc $?"; echo to the stream > /dev/stdout; echo made > /made
RUN read -r word < /made; test "$word" = made; test ! -e /missing && echo what was made is there
`
