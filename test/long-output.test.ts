import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openAlpine } from './kit/alpine.ts'
import { hasRootFilesystem } from './kit/root-filesystem.ts'
import { waysToRun } from './kit/sandboxes.ts'

// Commands that print without end, or nearly.

const ways = hasRootFilesystem ? waysToRun() : []

/** A script that prints so many bytes of lines, ten megabytes at a time: the `head -c` of busybox takes seconds for so many. */
const printing = (bytes: number) =>
  `yes "a line that is printed again and again" | head -c 10000000 > /tmp/lines; n=0; while [ $n -lt ${bytes / 1e7} ]; do cat /tmp/lines; n=$((n + 1)); done`

/** What logs of commands there are, as one text. */
function logsIn(home: string): string {
  const logs = join(home, 'tare/logs')
  return readdirSync(logs, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'latin1'))
    .join('')
}

/** The most memory that the process has had so far, in bytes; 0 once it is gone. */
function peakOf(pid: number): number {
  try {
    return Number(/^VmHWM:\s*(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024
  } catch {
    return 0
  }
}

describe.each(ways)('output: $name', (way) => {
  test('of a command that prints 300 MB the beginning and the end are shown and kept, and it notices nothing', async () => {
    const { start, home } = openAlpine(
      way,
      `RUN ${printing(300_000_000)}; echo; echo "and the reason" >&2; echo "and the end"; exit 7\n`,
    )
    const { child, outcome } = start(['build', '--progress=plain', '-t', 'app', 'context'], { home })
    let peak = 0
    const watch = setInterval(() => {
      peak = Math.max(peak, peakOf(child.pid!))
    }, 20)
    const { code, err } = await outcome
    clearInterval(watch)
    const log = logsIn(home)
    for (const text of [err, log]) {
      expect(text).toContain('[output clipped, log limit 2MiB reached]')
      expect(text).toMatch(/and the end\n/)
      expect(text).toContain('and the reason')
    }
    expect({ code, said: err.includes('exit code: 7') }).toEqual({ code: 1, said: true })
    expect(log.length).toBeLessThan(2.2 * 2 ** 20)
    expect(err.length).toBeLessThan(6 * 2 ** 20)
    expect(peak).toBeGreaterThan(20 * 2 ** 20)
    expect(peak).toBeLessThan(350 * 2 ** 20)
  })
})

describe.each(ways.slice(0, 1))('output: $name', (way) => {
  test('without a limit all is shown and kept, no faster than it is read', async () => {
    const size = 70_000_000
    const { start, home } = openAlpine(way, `RUN ${printing(size)}\n`)
    const env = { BUILDKIT_STEP_LOG_MAX_SIZE: '-1' }
    const { child, outcome } = start(['build', '--progress=plain', '-t', 'app', 'context'], { home, env })
    // Nobody reads, until the command is kept from printing.
    child.stderr!.pause()
    const written = () => {
      try {
        const logs = join(home, 'tare/logs')
        const [build = ''] = readdirSync(logs)
        const [log = ''] = readdirSync(join(logs, build))
        return statSync(join(logs, build, log)).size
      } catch {
        return 0
      }
    }
    for (let same = 0, last = 0; same < 20 || last === 0; ) {
      await new Promise((resolve) => setTimeout(resolve, 50))
      const now = written()
      same = now === last ? same + 1 : 0
      last = now
    }
    expect(written()).toBeLessThan(size / 4)
    child.stderr!.resume()
    expect((await outcome).code).toBe(0)
    expect(logsIn(home).length).toBe(size)
  })

  test('with another limit so much is shown, and what is no number is refused', async () => {
    const { tare } = openAlpine(way, 'RUN seq 1000\n')
    const build = (size: string) =>
      tare(['build', '--no-cache', '--progress=plain', '-t', 'app', 'context'], {
        env: { BUILDKIT_STEP_LOG_MAX_SIZE: size },
      })
    const { err, code } = await build('1000')
    expect({ code, err }).toMatchObject({ code: 0, err: expect.stringContaining('log limit 1000B reached]') })
    expect(await build('2MB')).toMatchObject({ code: 1, err: expect.stringContaining('BUILDKIT_STEP_LOG_MAX_SIZE') })
  })
})
