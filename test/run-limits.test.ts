import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { tinyProgramFor } from '../src/builder/sandbox/machine/architectures.ts'
import { addingAlpine, openAlpine, openWay } from './kit/alpine.ts'
import { faultsOf } from './kit/check-store.ts'
import { checkout, start } from './kit/cli.ts'
import { canMount, mountOn } from './kit/needs.ts'
import { processesWith } from './kit/processes.ts'
import { hasRootFilesystem } from './kit/root-filesystem.ts'
import { waysToRun } from './kit/sandboxes.ts'
import { runs } from './kit/scale.ts'

// Commands that go wrong, do too much, or are killed: each has a clear outcome, and the next build works.

const ways = hasRootFilesystem ? waysToRun() : []
// A file without any test would count as failed.
if (ways.length === 0) test.skip('commands need a root filesystem, and a way to run them')

describe.each(ways)('a command that misbehaves: $name', (way) => {
  test.skipIf(process.arch !== 'x64')(
    'a file that is not a program for this machine is rejected with a remedy',
    async () => {
      const { tare, rewrite, home } = openWay(way, {
        foreign: Buffer.from(tinyProgramFor('s390x')!),
        script: 'echo hi\n',
        empty: '',
      })
      const run = async (name: string) => {
        rewrite(`FROM scratch\nCOPY --chmod=755 ${name} /${name}\nRUN ["/${name}"]\n`)
        const { code, err } = await tare(['build', 'context'])
        expect(code).toBe(1)
        expect(err).toContain('Dockerfile:3')
        return err
      }
      expect(await run('script')).toMatch(
        /exec \/script: exec format error: it is neither a program nor a script[\s\S]*#!\/bin\/sh/,
      )
      expect(await run('empty')).toMatch(/exec \/empty: exec format error[\s\S]*The file is empty/)
      expect(await run('foreign')).toMatch(
        /exec \/foreign: exec format error: the program is for s390x[\s\S]*--platform/,
      )
      expect(await faultsOf(home)).toEqual([])
    },
  )

  test('a command that is missing or not executable is rejected with a remedy', async () => {
    const { tare, rewrite } = openWay(way, { a: '' })
    rewrite('FROM scratch\nCOPY a /a\nRUN ["/a"]\n')
    expect((await tare(['build', 'context'])).err).toMatch(/exec: "\/a": permission denied[\s\S]*chmod/)
    rewrite('FROM scratch\nCOPY a /a\nRUN true\n')
    expect((await tare(['build', 'context'])).err).toMatch(/exec: "\/bin\/sh": stat[\s\S]*The filesystem has no shell/)
  })

  test('a command that leaves a daemon, changes /etc/resolv.conf or deletes everything harms nothing outside its step', async () => {
    // Of this process, as others run the same test.
    const seconds = `${process.pid}.47`
    const { tare, rewrite, home } = openAlpine(
      way,
      `RUN (setsid sleep ${seconds} &) ; setsid sleep ${seconds} & echo left\n` +
        'RUN echo nameserver 1.2.3.4 > /etc/resolv.conf; rm -f /etc/resolv.conf; echo tried > /etc/tried\n' +
        'RUN grep -q 1.2.3.4 /etc/resolv.conf || echo "as" before\n' +
        'RUN rm -rf /* 2>/dev/null; exit 0\n',
    )
    const { code, err } = await tare(['build', '--progress=plain', '-t', 'empty', 'context'])
    expect(code, err).toBe(0)
    expect(err).toContain('as before')
    await expect.poll(() => [...processesWith(home), ...processesWith(`sleep ${seconds}`)]).toEqual([])
    rewrite('FROM empty\nRUN true\n')
    expect((await tare(['build', 'context'])).err).toContain('The filesystem has no shell')
    expect(await faultsOf(home)).toEqual([])
  })

  test.skipIf(way.user !== undefined || !canMount())(
    'a command that fills the disk fails with its own message and a remedy',
    async () => {
      const { tare, home, succeed, rewrite } = openAlpine(
        way,
        'RUN dd if=/dev/zero of=/big bs=1M count=200\n',
        {},
        { adds: true },
      )
      mkdirSync(home)
      mountOn(home, '-t', 'tmpfs', '-o', 'size=40m', 'tmpfs')
      const { code, err } = await tare(['build', '--progress=plain', 'context'])
      expect(err).toContain('records out')
      expect(err).toMatch(/exit code: 1\n.*The disk is full\. Free some space/)
      expect(code).toBe(1)
      expect(readdirSync(join(home, 'tare/running/root'))).toEqual([])
      rewrite(`${addingAlpine}RUN echo small > /small\n`)
      await succeed(['build', '-q', 'context'])
    },
  )
})

// These take seconds: one way for each user is enough.
const one = ways.filter((way) => ways.find(({ user }) => user === way.user) === way)

describe.each(one)('limits: $name', (way) => {
  test.skipIf(way.user !== undefined || !canMount())(
    '100,000 files are a layer within 400 MB of memory, in time that grows with their number',
    async () => {
      const { context, options, home, rewrite } = openAlpine(way, '', {}, { adds: true })
      // In memory: how a disk makes and forgets so many files is not the matter.
      mkdirSync(home)
      mountOn(home, '-t', 'tmpfs', 'tmpfs')
      const build = async (folders: number) => {
        rewrite(
          `${addingAlpine}RUN mkdir /m && cd /m && for i in $(seq ${folders}); do mkdir $i && (cd $i; seq 1000 | xargs touch); done\n`,
        )
        const script =
          `import { main } from ${JSON.stringify(join(checkout, 'dist/cli/main.cjs'))}\n` +
          `process.exitCode = await main(${JSON.stringify(['build', '-q', context])}, process.env)\n` +
          'const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage()\n' +
          'console.log("peak", maxRSS * 1024, "time", userCPUTime + systemCPUTime)\n'
        const argv = [process.execPath, '--input-type=module', '-e', script]
        const { code, out, err } = await start(argv, options).outcome
        expect(code, err).toBe(0)
        const [, peak, time] = /peak (\d+) time (\d+)/.exec(out)!.map(Number)
        return { peak: peak!, time: time! }
      }
      const few = await build(10)
      const many = await build(100)
      expect(many.peak).toBeLessThan(400_000_000)
      expect(many.time).toBeLessThan(few.time * 20)
    },
  )

  test('kill -9 at any moment leaves no process, no mount and no incomplete layer, and the next build works', async () => {
    const { home, start, succeed } = openAlpine(
      way,
      'RUN echo one > /one && rm -r /media\n' +
        'RUN --mount=type=cache,target=/c,sharing=locked cat /one > /two && sleep 0.1\n' +
        'FROM scratch\nCOPY --from=alpine / /\n',
    )
    const build = ['build', '-q', '--no-cache', '-t', 'app', 'context']
    const began = Date.now()
    await succeed(build)
    const whole = Date.now() - began
    const times = runs(25)
    for (let i = 0; i < times; i++) {
      const { child, outcome } = start(build)
      await pause(whole * ((i + Math.random()) / times))
      child.kill('SIGKILL')
      await outcome
      await expect.poll(() => processesWith(home)).toEqual([])
      expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(home)
    }
    await succeed(build)
    expect(await succeed(['run', 'app', 'cat', '/etc/alpine-release'])).toBe('3.19.4\n')
    const running = join(home, 'tare/running', way.user === undefined ? 'root' : `user-${way.user}`)
    await expect.poll(() => readdirSync(running)).toEqual([])
    expect(await faultsOf(home)).toEqual([])
  })
})
