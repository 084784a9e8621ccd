import { expect, test } from 'vitest'
import type { TareEvent } from '../../index.ts'
import { StepStates } from './steps.ts'
import { paint, ttyProgress } from './tty.ts'

const start = (step: number, title: string, at = 0): TareEvent => ({ type: 'step-started', step, title, at })
const done = (step: number, at = 0): TareEvent => ({ type: 'step-done', step, at })

function picture(events: readonly TareEvent[], canvas: Partial<Parameters<typeof paint>[1]> = {}): string {
  const steps = new StepStates()
  for (const event of events) steps.take(event)
  const full = { columns: 50, rows: 20, startedAt: 0, now: 400, final: false, colored: false, ...canvas }
  return paint(steps, full).join('\n')
}

const events: TareEvent[] = [
  start(1, '[internal] load build definition from Dockerfile'),
  { type: 'step-progress', step: 1, name: 'transferring dockerfile', current: 92, at: 0, done: true },
  done(1, 20),
  start(2, '[1/3] ADD rootfs.tar.gz /', 20),
  { type: 'step-cached', step: 2, at: 20 },
  start(3, '[2/3] RUN make', 100),
  { type: 'step-output', step: 3, stream: 'stdout', text: 'one\ntwo\n', at: 200 },
]

test('a picture in the middle of a build shows what runs, for how long, and its last lines', () => {
  expect(picture(events)).toBe(`[+] Building 0.4s (2/3)
 => [internal] load build definition from Doc 0.0s
 => => transferring dockerfile: 92B           0.0s
 => CACHED [1/3] ADD rootfs.tar.gz /          0.0s
 => [2/3] RUN make                            0.3s
 => => # one
 => => # two`)
})

test('the last picture says that all is finished', () => {
  const last = picture([...events, done(3, 350)], { final: true })
  expect(last.split('\n')[0]).toBe('[+] Building 0.4s (3/3) FINISHED')
  expect(last).not.toContain('# one')
})

test('a step that has failed or was canceled says so', () => {
  const failed: TareEvent = { type: 'step-failed', step: 3, message: 'no', at: 350 }
  expect(picture([...events, failed])).toContain('\n => ERROR [2/3] RUN make ')
  expect(picture([...events, { type: 'step-canceled', step: 3, at: 350 }])).toContain('\n => CANCELED [2/3] RUN make ')
})

test('a low window loses what has ended, and keeps what runs', () => {
  expect(picture(events, { rows: 5 })).toBe(`[+] Building 0.4s (2/3)
 => CACHED [1/3] ADD rootfs.tar.gz /          0.0s
 => [2/3] RUN make                            0.3s
 => => # one
 => => # two`)
  expect(picture(events, { rows: 2 }).split('\n')).toHaveLength(2)
})

test('wide characters take two columns, so that no line is longer than the window', () => {
  const lines = picture([start(1, `COPY ${'漢字'.repeat(20)}`)], { columns: 29 }).split('\n')
  expect(lines[1]).toBe(' => COPY 漢字漢字漢字漢  0.4s')
})

test('colours mark what has ended', () => {
  expect(picture([start(1, 'A'), done(1)], { columns: 12, colored: true })).toContain('\x1b[34m => A   0.0s\x1b[0m')
})

test('each picture is one write over the last one; the cursor is hidden, and shown again at the end', () => {
  const writes: string[] = []
  let clock = 0
  const before = process.listenerCount('exit')
  const progress = ttyProgress({
    write: (text) => void writes.push(text),
    isTerminal: true,
    size: () => ({ columns: 13, rows: 24 }),
    env: { NO_COLOR: '1' },
    now: () => clock,
  })
  expect(process.listenerCount('exit')).toBe(before + 1)
  clock = 100
  progress.report(start(1, 'A', 0))
  clock = 150
  progress.report(done(1, 150))
  progress.finish()
  expect(writes.filter((text) => text !== '')).toEqual([
    '\x1b[?25l[+] Building\x1b[K\n => A   0.1s\x1b[K\n\x1b[J',
    '\x1b[?25l\x1b[2A\r[+] Building\x1b[K\n => A   0.1s\x1b[K\n\x1b[J\x1b[?25h',
  ])
  expect(process.listenerCount('exit')).toBe(before)
})

test('of a command’s output the last word of each line is shown, in its color and no wider than the window', () => {
  const output = (text: string): TareEvent => ({ type: 'step-output', step: 3, stream: 'stdout', text, at: 200 })
  const shown = (text: string, colored: boolean) =>
    picture([start(3, 'RUN'), output(`${text}\n`)], { columns: 20, colored })
      .split('\n')
      .at(-1)
  expect(shown('\x1b[31m1%\r\x1b[32m100% of all that there is\x1b[0m\r', true)).toBe(
    ' => => # \x1b[32m100% of all\x1b[0m',
  )
  expect(shown('\x1b[31m1%\r\x1b[32m100%\x1b[0m\r', false)).toBe(' => => # 100%')
  expect(shown('a\tb\x1b[H', true)).toBe(' => => # a    b\\x1b[')
})
