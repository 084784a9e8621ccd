import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkout, isRoot, openBench, startTare } from './kit/cli.ts'
import { getsThrough, nestingProgram, situationOf, type Who } from './kit/hostile/probes.ts'
import { hasProgram, unlessMissing } from './kit/needs.ts'
import { copyPrograms } from './kit/program-image.ts'
import { type Way, waysToRun } from './kit/sandboxes.ts'

// A hostile RUN: what it tries, first without any wall, where it has to get through, then in every sandbox. The image is perl, its
// libraries and a shell of this machine.

const ready =
  unlessMissing(process.platform === 'linux' && process.arch === 'x64', 'the probes are for Linux on amd64') &&
  unlessMissing(isRoot, 'walls are taken down by root only') &&
  hasProgram('perl') &&
  hasProgram('unshare')
const ways = ready ? waysToRun() : []
const kit = join(checkout, 'test/kit/hostile')
// Of this process, as others run the same test.
const nameOf = (kind: string) => `tare-hostile-${kind}-${process.pid}`
const [key, queue, abstract] = [nameOf('key'), nameOf('queue'), nameOf('socket')]
const shm = 70_000 + process.pid

let folder: string
let loop: string | undefined

beforeAll(() => {
  if (!ready) return
  folder = mkdtempSync(join(tmpdir(), 'tare-hostile-'))
  chmodSync(folder, 0o755)
  writeFileSync(join(folder, 'marker'), 'of the machine')
  writeFileSync(join(folder, 'disk'), Buffer.alloc(1 << 16, 'x'))
  const { status, stdout } = spawnSync('losetup', ['--find', '--show', join(folder, 'disk')], { encoding: 'utf8' })
  if (status === 0) loop = stdout.trim()
  makeImage(join(folder, 'image'))
})

afterAll(() => {
  if (loop !== undefined) spawnSync('losetup', ['--detach', loop])
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
})

/** The files of an image that has perl. */
function makeImage(root: string): void {
  for (const name of ['proc', 'sys', 'dev', 'tmp', 'mnt', 'bin', 'usr/bin'])
    mkdirSync(join(root, name), { recursive: true })
  chmodSync(join(root, 'tmp'), 0o777)
  copyPrograms(root, { perl: 'usr/bin/perl', dash: 'bin/sh' })
  copyFileSync(join(kit, 'probes.pl'), join(root, 'probes.pl'))
  writeFileSync(join(root, 'i386'), nestingProgram(), { mode: 0o755 })
}

function facts(): string {
  const disk = loop?.replace('/dev/loop', '') ?? '-1'
  return [
    `marker=${folder}/marker victim=@victim@ port=@port@ key=${key} shm=${shm} queue=${queue}`,
    `abstract=${abstract} loop=${disk} host=${hostname()}`,
  ].join(' ')
}

/** A command in front of another, which puts on the machine what probes look for. */
const beside = ['perl', join(kit, 'machine.pl'), key, String(shm), queue, abstract]

/** `reached` of each probe, by who tried. */
function readResults(text: string): Map<string, Map<string, boolean>> {
  const found = new Map<string, Map<string, boolean>>()
  for (const [, who = '', name = '', result] of text.matchAll(/\bprobe (\w+): (.*): (reached|refused)$/gm)) {
    const results = found.get(who) ?? new Map<string, boolean>()
    found.set(who, results.set(name, result === 'reached'))
  }
  return found
}

let shown: ReadonlySet<string> | undefined

/** The probes that get through where there are no walls: on the machine itself, or with another root and nothing else. */
function withoutWalls(): ReadonlySet<string> {
  if (shown !== undefined) return shown
  const root = join(folder, 'open')
  makeImage(root)
  spawnSync('mknod', [join(root, 'layer-device'), 'c', '1', '11'])
  const script = [
    `unshare --mount sh -c 'for d in proc sys dev; do mount --rbind /$d ${root}/$d; done; exec chroot ${root} /usr/bin/perl /probes.pl as=chrooted ${facts()}'`,
    `unshare --mount perl ${root}/probes.pl as=machine root=${root} ${facts()}`,
  ].join('\n')
  const [program, ...rest] = [...beside, 'sh', '-c', script]
  const { stdout, stderr } = spawnSync(program!, rest, {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
  })
  const results = [...readResults(stdout).values()]
  const all = new Set(results.flatMap((one) => [...one.keys()]))
  shown = new Set([...all].filter((name) => results.some((one) => one.get(name) === true)))
  for (const name of all) if (!shown.has(name)) console.warn(`skipped: "${name}" gets through nowhere on this machine`)
  if (all.size === 0) throw new Error(stderr)
  return shown
}

test.skipIf(!ready)('at least forty probes succeed without a sandbox', () => {
  expect(withoutWalls().size).toBeGreaterThanOrEqual(40)
})

test.each(ways)('a hostile RUN reaches only what docs/run.md lists: $name', async (way) => {
  const shown = withoutWalls()
  const results = readResults(await attack(way))
  const trials: readonly Who[] = way.bare ? ['root', 'user'] : ['root', 'user', 'lonely']
  const through: Partial<Record<Who, readonly string[]>> = {}
  const promised: Partial<Record<Who, readonly string[]>> = {}
  for (const who of trials) {
    const mine = [...(results.get(who) ?? [])].filter(([name]) => shown.has(name))
    expect([who, mine.length]).toEqual([who, shown.size])
    through[who] = mine.flatMap(([name, reached]) => (reached ? [name] : [])).sort()
    promised[who] = [...shown].filter((name) => getsThrough(name, situationOf(way, who))).sort()
  }
  expect(through).toEqual(promised)
})

/** Builds, with all probes in it, and answers what was printed. */
async function attack(way: Way): Promise<string> {
  const lines = [
    'FROM scratch\nCOPY image /\nADD device.tar /\nARG FACTS',
    `RUN --mount=type=cache,target=/cache --mount=type=tmpfs,target=/memory ${probing('root')}`,
    `USER 1000\nRUN ${probing('user')}`,
    ...(way.bare ? [] : [`USER 0\nRUN --network=none ${probing('lonely')}`]),
  ]
  const bench = openBench({ Dockerfile: `${lines.join('\n')}\n` })
  makeImage(join(bench.context, 'image'))
  const device = join(bench.folder, 'layer-device')
  spawnSync('mknod', [device, 'c', '1', '11'])
  if (existsSync(device))
    execFileSync('tar', ['-cf', join(bench.context, 'device.tar'), '-C', bench.folder, 'layer-device'])
  else execFileSync('tar', ['-cf', join(bench.context, 'device.tar'), '-T', '/dev/null'])
  chmodSync(bench.folder, 0o777)
  const { code, err } = await startTare(['build', '--progress=plain', `--build-arg=FACTS=${facts()}`, bench.context], {
    home: bench.home,
    cwd: bench.folder,
    user: way.user,
    env: way.env,
    wrapper: [...beside, ...(way.wrapper ?? [])],
  }).outcome
  if (code !== 0) throw new Error(err)
  return err
}

function probing(who: Who): string {
  return `LC_ALL=C exec /usr/bin/perl /probes.pl as=${who} $FACTS`
}
