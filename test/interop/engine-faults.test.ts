import { execFileSync } from 'node:child_process'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { alpineRootfs, noise, openBench, startTare } from '../kit/cli.ts'
import { unlessMissing } from '../kit/needs.ts'
import { relayTo } from '../kit/relay.ts'
import { runs } from '../kit/scale.ts'

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
    // Temporary names of builds that ended are removed by the next one.
    const images = execFileSync('docker', ['-H', engine, 'images', '-q', 'tare.invalid/build'], { encoding: 'utf8' })
    expect(images).toBe('')
  })
})
