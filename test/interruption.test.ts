import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { closeSync, constants, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as immediately, setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { faultsOf } from './kit/check-store.ts'
import { type Bench, noise, type Outcome, openBench, startTare } from './kit/cli.ts'
import { hasProgram } from './kit/needs.ts'
import { onDisk } from './kit/on-disk.ts'

onDisk()

// Ctrl-C and its kin, at any moment: nothing half-made is ever visible, and the next build works.

describe('a build that is interrupted', () => {
  const large = { Dockerfile: 'FROM scratch\nCOPY large /\nCOPY large /again\n', large: noise(32 << 20) }

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
    ['SIGKILL', undefined],
  ] as const)('by %s, at any moment, leaves nothing incomplete', async (signal, expected) => {
    const bench = openBench(large)
    for (const wait of [60, 120, 170, 220, 280]) {
      const argv = ['build', '--progress=plain', '--no-cache', '-t', 'x', 'context']
      const { child, outcome } = startTare(argv, { home: bench.home, cwd: bench.folder })
      await sleep(wait)
      child.kill(signal)
      const { code, err, signal: by } = await outcome
      // Before its first line of ours runs, a process simply dies of the signal; after its last it has succeeded.
      if (code !== 0 && by === undefined) {
        expect({ code, wait }).toEqual({ code: expected, wait })
        expect(err).toMatch(/canceled/)
        expect(err).not.toMatch(/bug in tare/)
      }
      const faults = await faultsOf(bench.home)
      if (signal !== 'SIGKILL') expect(faults).toEqual([])
      else expect(faults.filter((fault) => !/^tare\/(?:scratch|leases|lock)/.test(fault))).toEqual([])
    }
    await bench.succeed(['build', '-q', '-t', 'x', 'context'])
    expect(await faultsOf(bench.home)).toEqual([])
  })

  const quick = {
    Dockerfile: `FROM scratch\n${Array.from({ length: 300 }, (_, i) => `COPY . /${i}/`).join('\n')}\n`,
    ...Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`file${i}`, String(i)])),
  }

  /** Builds until it is disturbed in the middle: on a busy machine, all may be done before what it prints is read. */
  async function disturb(bench: Bench, disturbance: (child: ChildProcess) => void): Promise<Outcome> {
    for (;;) {
      const argv = ['build', '--progress=plain', '--no-cache', '-t', 'x', 'context']
      const { child, outcome } = startTare(argv, { home: bench.home, cwd: bench.folder })
      disturbance(child)
      const ended = await outcome
      if (ended.code !== 0) return ended
      await bench.succeed(['rmi', 'x'])
    }
  }

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('by %s stops between quick steps, and tags no image', async (signal, expected) => {
    const bench = openBench(quick)
    const { code } = await disturb(bench, (child) => {
      child.stderr!.on('data', (chunk) => {
        if (!child.killed && /#[4-9] /.test(String(chunk))) child.kill(signal)
      })
    })
    expect(code).toBe(expected)
    expect(await bench.succeed(['images', '-q'])).toBe('')
    expect(await faultsOf(bench.home)).toEqual([])
  })

  test('by a reader that closes the pipe stops as for SIGPIPE, and tags no image', async () => {
    const bench = openBench(quick)
    const { code } = await disturb(bench, (child) => child.stderr!.once('data', () => child.stderr!.destroy()))
    expect(code).toBe(141)
    expect(await bench.succeed(['images', '-q'])).toBe('')
    expect(await faultsOf(bench.home)).toEqual([])
  })

  test('while reading its context from standard input stops', async () => {
    const bench = openBench()
    const argv = ['build', '--progress=plain', '-']
    let taken = 0
    const { child, outcome } = startTare(argv, { home: bench.home, input: endless() })
    // More than a pipe holds: somebody reads.
    await expect.poll(() => taken).toBeGreaterThan(32)
    child.kill('SIGINT')
    expect((await outcome).code).toBe(130)
    expect(await faultsOf(bench.home)).toEqual([])

    async function* endless() {
      for (;;) {
        yield noise(1 << 16)
        taken++
        // A reader who is faster than this must not keep the clock from being heard.
        await immediately()
      }
    }
  })
})

describe('a save', () => {
  /** Starts it until it was caught in the middle. */
  async function cut(bench: Bench, signal: NodeJS.Signals): Promise<Outcome> {
    for (;;) {
      writeFileSync(join(bench.folder, 'x.tar'), 'before')
      const { child, outcome } = startTare(['save', '-o', 'x.tar', 'x'], { home: bench.home, cwd: bench.folder })
      const begun = () => readdirSync(bench.folder).some((name) => name.endsWith('.part'))
      while (child.exitCode === null && !begun()) await sleep(2)
      child.kill(signal)
      const ended = await outcome
      if (ended.code !== 0) return ended
    }
  }

  test('that is killed leaves the previous file unchanged', async () => {
    const bench = openBench({ Dockerfile: 'FROM scratch\nCOPY large /\n', large: noise(64 << 20) })
    await bench.succeed(['build', '-q', '-t', 'x', 'context'])
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
      const { code, signal: by } = await cut(bench, signal)
      expect(code ?? by).toBe({ SIGINT: 130, SIGTERM: 143, SIGKILL: 'SIGKILL' }[signal])
      expect(readFileSync(join(bench.folder, 'x.tar'), 'utf8')).toBe('before')
      if (signal !== 'SIGKILL') expect(readdirSync(bench.folder).filter((name) => name.endsWith('.part'))).toEqual([])
    }
    expect(await faultsOf(bench.home)).toEqual([])
  })
})

describe.skipIf(process.platform === 'win32' || !hasProgram('mkfifo'))('a command that reads a named pipe', () => {
  const verbs = [
    ['load', ['load', '-q', '-i', 'pipe']],
    ['import', ['import', 'pipe', 'x']],
    ['append', ['image', 'append', '-t', 'x', 'scratch', 'pipe']],
  ] as const

  test.each(verbs)('ends when it is told to, although nobody writes: %s', async (_, argv) => {
    const bench = openBench({ Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' })
    execFileSync('mkfifo', ['pipe'], { cwd: bench.folder })
    const { child, outcome } = startTare(argv, { home: bench.home, cwd: bench.folder })
    let writer: number | undefined
    await expect.poll(() => (writer ??= openToWrite(join(bench.folder, 'pipe'))), { timeout: 20_000 }).toBeDefined()
    child.kill('SIGTERM')
    expect(await outcome).toMatchObject({ code: 143, err: 'Error: canceled\n' })
    closeSync(writer!)
    expect(await faultsOf(bench.home)).toEqual([])
  })

  test.each(verbs)('takes all that somebody writes: %s', async (_, argv) => {
    const bench = openBench({ Dockerfile: 'FROM scratch\nCOPY large /\n', large: noise(3 << 20) })
    await bench.succeed(['build', '-q', '-t', 'y', 'context'])
    if (argv[0] === 'load') await bench.succeed(['save', '-o', 'tar', 'y'])
    else execFileSync('tar', ['-cf', 'tar', '-C', 'context', 'large'], { cwd: bench.folder })
    execFileSync('mkfifo', ['pipe'], { cwd: bench.folder })
    const { outcome } = startTare(argv, { home: bench.home, cwd: bench.folder })
    const writer = spawn('sh', ['-c', 'cat tar > pipe'], { cwd: bench.folder })
    expect(await outcome).toMatchObject({ code: 0 })
    if (writer.exitCode === null) await new Promise((done) => writer.once('exit', done))
    const name = argv[0] === 'load' ? 'y' : 'x'
    expect((await bench.tare(['image', 'cat', name, '/large'])).bytes).toHaveLength(3 << 20)
  })
})

/** Opens a pipe for writing, if somebody reads it. */
function openToWrite(path: string): number | undefined {
  try {
    return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
  } catch {
    return undefined
  }
}
