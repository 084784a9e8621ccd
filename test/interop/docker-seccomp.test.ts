import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type SeccompProfile, seccompProfile } from '../../src/builder/sandbox/seccomp/index.ts'
import { isRoot } from '../kit/cli.ts'
import { hasProgram, unlessMissing } from '../kit/needs.ts'
import { type DockerDaemon, startDockerDaemon } from './docker-daemon.ts'

// The rules of system calls that Docker gives a container are those that we give a step.

// What Docker 20.10 allowed, and newer ones do not; and what these have learned since.
const dropped = ['io_uring_enter', 'io_uring_register', 'io_uring_setup']
const learned = [
  'clock_settime64',
  ...['cachestat', 'fchmodat2', 'futex_requeue', 'futex_wait', 'futex_wake', 'map_shadow_stack', 'name_to_handle_at'],
  ...['pkey_alloc', 'pkey_free', 'pkey_mprotect', 'process_vm_readv', 'process_vm_writev', 'quotactl_fd'],
]
// Of Docker's capabilities, the one that rules ask for.
const usual = ['sys_chroot']
const ready =
  unlessMissing(process.arch === 'x64', 'the container’s program is for amd64') &&
  unlessMissing(isRoot, 'dockerd is tried as root only') &&
  hasProgram('dockerd') &&
  hasProgram('docker')

describe.skipIf(!ready)('Docker’s seccomp profile', () => {
  let folder: string
  let daemon: DockerDaemon | string
  let isOld: boolean

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tare-docker-seccomp-'))
    daemon = await startDockerDaemon(join(folder, 'docker'))
    if (typeof daemon === 'string') return
    const image = join(folder, 'image.tar')
    writeFileSync(join(folder, 'pause'), pausingProgram(), { mode: 0o755 })
    execFileSync('tar', ['-cf', image, '-C', folder, 'pause'])
    daemon.docker(['import', image, 'pausing'])
    isOld = Number.parseInt(daemon.docker(['version', '--format', '{{.Server.Version}}']), 10) < 26
  })
  beforeEach((task) => {
    if (typeof daemon === 'string') task.skip(daemon)
  })
  afterAll(async () => {
    if (daemon !== undefined && typeof daemon !== 'string') await daemon.stop()
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  })

  /** What dockerd tells its runtime of a container. */
  function profileOf(flags: readonly string[]): SeccompProfile {
    const { docker } = daemon as DockerDaemon
    const id = docker(['run', '--detach', '--network=none', ...flags, 'pausing', '/pause']).trim()
    try {
      const [config = ''] = execFileSync('find', [join(folder, 'docker/exec'), '-path', `*${id}/config.json`], {
        encoding: 'utf8',
      }).split('\n')
      return JSON.parse(readFileSync(config, 'utf8')).linux.seccomp
    } finally {
      docker(['rm', '--force', id])
    }
  }

  test.each(['none', 'sys_admin', 'sys_time', 'sys_nice', 'dac_read_search'])(
    'is ours, with %s besides the usual capabilities',
    (capability) => {
      const more = capability === 'none' ? [] : [capability]
      const theirs = profileOf(more.flatMap((name) => ['--cap-add', name]))
      const ours = seccompProfile('x64', [...usual, ...more])!
      expect(ours.architectures).toEqual(theirs.architectures)
      expect([ours.defaultAction, ours.defaultErrnoRet]).toEqual([theirs.defaultAction, theirs.defaultErrnoRet ?? 1])
      expect(rulesOf(ours, isOld)).toEqual(rulesOf(theirs, isOld))
    },
  )

  test('is ours without any capability, and then nobody changes the root', () => {
    const theirs = profileOf(['--cap-drop', 'all'])
    expect(rulesOf(seccompProfile('x64', [])!, isOld)).toEqual(rulesOf(theirs, isOld))
    expect(rulesOf(theirs, isOld)).not.toContain('chroot allow')
  })
})

/** A line for each call and condition, less what has changed since Docker 20.10 where that is asked. */
function rulesOf({ syscalls }: SeccompProfile, isOld: boolean): readonly string[] {
  const lines = syscalls.flatMap(({ names, action, errnoRet, args }) => {
    const conditions = (args ?? []).map(({ index, op, value, valueTwo = 0 }) => `${index} ${op} ${value} ${valueTwo}`)
    const does = action === 'SCMP_ACT_ALLOW' ? 'allow' : `error ${errnoRet ?? 1}`
    return names.map((name) => [name, does, ...conditions].join(' '))
  })
  // Families of sockets are not told apart by Docker 20.10, nor the memory of other nodes.
  const changed = new Set([...dropped, ...learned, 'socket', 'set_mempolicy_home_node', 'clone3', 'process_madvise'])
  return [...new Set(lines)].filter((line) => !isOld || !changed.has(line.split(' ')[0]!)).sort()
}

/** A program that calls pause(2) for ever. */
function pausingProgram(): Buffer {
  const code = Buffer.from('b8220000000f05ebf7', 'hex')
  const bytes = Buffer.alloc(120 + code.length)
  Buffer.from('7f454c4602010100', 'hex').copy(bytes)
  const base = 0x400000
  for (const [at, value] of [
    [16, 2],
    [18, 62],
    [52, 64],
    [54, 56],
    [56, 1],
  ] as const)
    bytes.writeUInt16LE(value, at)
  for (const [at, value] of [
    [20, 1],
    [64, 1],
    [68, 5],
  ] as const)
    bytes.writeUInt32LE(value, at)
  for (const [at, value] of [
    [24, base + 120],
    [32, 64],
    [80, base],
    [88, base],
    [96, bytes.length],
    [104, bytes.length],
    [112, 4096],
  ] as const)
    bytes.writeBigUInt64LE(BigInt(value), at)
  code.copy(bytes, 120)
  return bytes
}
