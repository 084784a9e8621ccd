import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { alpineRootfs, isRoot, noise, openBench, startTare, temporaryFolder } from '../kit/cli.ts'
import { canMount, hasProgram, mountOn, unlessMissing } from '../kit/needs.ts'
import { relayTo } from '../kit/relay.ts'
import { runs } from '../kit/scale.ts'
import { startDockerDaemon } from './docker-daemon.ts'

// Builds on an engine that are interrupted, and ways to it that are cut.

const engines = (process.env['TARE_TEST_ENGINES'] ?? '').split(' ').filter(Boolean)
const mayRun = unlessMissing(engines.length > 0, 'no engine to build on, see TARE_TEST_ENGINES')

/** Whether a process with this word in its command line runs on this machine, where the engines are. */
function isRunning(word: string): boolean {
  return execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
    .split('\n')
    .some((line) => line.startsWith('sleep ') && line.includes(word))
}

describe.skipIf(!mayRun)('a build on an engine', () => {
  test.each(engines)(
    'that is interrupted leaves no process there, even one that ignores SIGTERM: %s',
    async (engine) => {
      const seconds = String(100_000 + Math.floor(Math.random() * 800_000))
      const bench = openBench({
        Dockerfile: `FROM scratch\nADD alpine.tgz /\nRUN trap '' TERM INT; while :; do sleep ${seconds}; done\n`,
      })
      copyFileSync(alpineRootfs, join(bench.context, 'alpine.tgz'))
      const args = ['build', '--builder', engine, '--network=none', '-t', 'x', bench.context]
      const { child, outcome } = startTare(args, { home: bench.home })
      await expect.poll(() => isRunning(seconds)).toBe(true)
      child.kill('SIGINT')
      const { code, signal } = await outcome
      expect(code === 0 && signal === undefined).toBe(false)
      // It takes about as long as the engine needs to kill a container.
      await expect.poll(() => isRunning(seconds)).toBe(false)
      expect(await bench.succeed(['images', '-q'])).toBe('')
    },
  )

  test.each(engines)('whose way is cut once asks again, since nobody knows what has been done: %s', async (engine) => {
    const relay = await relayTo(engine)
    const large = noise(2_000_000, `once ${process.hrtime.bigint()}`)
    const bench = openBench({ Dockerfile: 'FROM scratch\nCOPY large /\n', large })
    relay.cutAfter(1_000_000)
    let isOver = false
    const restore = () => {
      if (relay.sent() + relay.received() >= 1_000_000) relay.cutAfter(Number.POSITIVE_INFINITY)
      else if (!isOver) setImmediate(restore)
    }
    restore()
    const outputs = ['-o', 'out', '-o', 'type=image']
    const { code, err } = await bench.tare(['build', '--builder', relay.address, '-t', 'x', ...outputs, bench.context])
    isOver = true
    expect(err).toMatch(/EngineAgain: .* is gone.*; it answers again, and is asked again/)
    expect(code).toBe(0)
    expect(readFileSync(join(bench.folder, 'out/large')).equals(large)).toBe(true)
  })

  test.each(engines)('whose way is cut at any byte is whole, or fails and names nothing: %s', async (engine) => {
    const relay = await relayTo(engine)
    const bench = openBench({ Dockerfile: 'FROM scratch\nCOPY a /\n', a: noise(200_000, `${process.hrtime.bigint()}`) })
    const build = (tag: string) => bench.tare(['build', '--builder', relay.address, '-t', tag, bench.context])
    const first = await build('whole')
    expect(first.err).not.toMatch(/ERROR/)
    const total = relay.sent() + relay.received()
    const id = await bench.succeed(['images', '-q', '--no-trunc', 'whole'])
    let cut = 0
    for (let i = 0; i < runs(100); i++) {
      const { home } = bench
      execFileSync('rm', ['-rf', home])
      relay.cutAfter(Math.floor(Math.random() * total * 1.2))
      const { code, err } = await build('cut')
      relay.cutAfter(Number.POSITIVE_INFINITY)
      const named = await bench.succeed(['images', '-q', '--no-trunc', 'cut'])
      expect(code === 0 ? named : 'failed').toBe(code === 0 ? id : 'failed')
      if (code !== 0) {
        cut++
        expect(named).toBe('')
        expect(err).toMatch(/ERROR: .*(engine|relay\.sock)/)
      }
    }
    expect(cut).toBeGreaterThan(0)
    expect((await build('again')).code).toBe(0)
    if (!engine.includes('://')) return
    // Temporary names of builds that ended are removed by the next one; other tests may be building there.
    const images = () =>
      execFileSync('docker', ['-H', engine, 'images', '-q', 'tare.invalid/build'], { encoding: 'utf8' })
    await expect.poll(images).toBe('')
  })
})

const mayStart = unlessMissing(isRoot, 'dockerd is tried as root only') && hasProgram('dockerd') && hasProgram('docker')

/** A dockerd of the test's own, below this folder; undefined if it does not start here, which is said. */
async function ownDaemon(home: string) {
  const daemon = await startDockerDaemon(home)
  if (typeof daemon === 'string') {
    console.warn(`skipped: ${daemon}`)
    return undefined
  }
  const address = `unix://${join(home, 'docker.sock')}`
  return { daemon, address, pid: Number(readFileSync(join(home, 'pid'), 'utf8')) }
}

/** Ends what a killed daemon has left: its containerd, its containers, its mounts. They name its folder. */
function endRest(home: string): void {
  for (const line of execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' }).split('\n')) {
    const [, pid, args = ''] = /^ *(\d+) (.*)$/.exec(line) ?? []
    if (pid !== undefined && args.includes(home) && Number(pid) !== process.pid) spawnSync('kill', ['-KILL', pid])
  }
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
  for (const mount of mounts.filter((path) => path.startsWith(`${home}/`)).reverse()) spawnSync('umount', ['-l', mount])
}

describe.skipIf(!mayStart)('an engine of a test’s own', () => {
  test('that is killed in mid-build is told as lost, and nothing is named', async () => {
    const home = join(temporaryFolder(), 'docker')
    const own = await ownDaemon(home)
    if (own === undefined) return
    onTestFinished(() => endRest(home))
    const seconds = String(100_000 + Math.floor(Math.random() * 800_000))
    const bench = openBench({ Dockerfile: `FROM scratch\nADD alpine.tgz /\nRUN sleep ${seconds}\n` })
    copyFileSync(alpineRootfs, join(bench.context, 'alpine.tgz'))
    const args = ['build', '--builder', own.address, '--network=none', '-t', 'x', bench.context]
    const { outcome } = startTare(args, { home: bench.home })
    await expect.poll(() => isRunning(seconds), { timeout: 20_000 }).toBe(true)
    process.kill(own.pid, 'SIGKILL')
    const { code, err } = await outcome
    expect(code).toBe(1)
    expect(err).toMatch(/ERROR: .*the engine unix:.* is gone/)
    expect(await bench.succeed(['images', '-q'])).toBe('')
  })

  test.skipIf(!canMount())('whose disk is full says so, and builds what has room', async () => {
    const home = join(temporaryFolder(), 'docker')
    mkdirSync(home)
    mountOn(home, '-t', 'tmpfs', '-o', 'size=40m', 'tmpfs')
    const own = await ownDaemon(home)
    if (own === undefined) return
    onTestFinished(() => own.daemon.stop())
    const bench = openBench({ Dockerfile: 'FROM scratch\nCOPY large /\n', large: noise(60_000_000), small: 'small' })
    const build = ['build', '--builder', own.address, '-t', 'x']
    const { code, err } = await bench.tare([...build, bench.context])
    expect(code).toBe(1)
    expect(err).toMatch(/ERROR: .*the engine unix:.* failed: .*no space left on device/)
    expect(await bench.succeed(['images', '-q'])).toBe('')
    expect(own.daemon.docker(['images', '-q'])).toBe('')
    // It may need a moment to remove what has failed.
    const input = 'FROM scratch\nCOPY small /\n'
    const small = async () => (await bench.tare([...build, '-f', '-', bench.context], { input })).code
    await expect.poll(small, { timeout: 20_000, interval: 500 }).toBe(0)
  })
})
