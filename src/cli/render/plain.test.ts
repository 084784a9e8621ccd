import { expect, test } from 'vitest'
import type { TareEvent } from '../../index.ts'
import { openProgress } from './progress.ts'

async function render(
  events: readonly TareEvent[],
  mode: 'plain' | 'rawjson' | 'quiet' | 'tty' = 'plain',
): Promise<string> {
  let text = ''
  let clock = 0
  const progress = await openProgress(mode, {
    write: (more) => {
      text += more
    },
    isTerminal: false,
    size: () => ({ columns: 80, rows: 24 }),
    env: {},
    now: () => clock,
  })
  for (const event of events) {
    if ('at' in event) clock = event.at
    progress.report(event)
  }
  progress.finish()
  return text
}

const start = (step: number, title: string, at = 0): TareEvent => ({ type: 'step-started', step, title, at })
const done = (step: number, at = 0): TareEvent => ({ type: 'step-done', step, at })
const output = (step: number, text: string, at: number): TareEvent => ({
  ...{ type: 'step-output', stream: 'stdout' },
  ...{ step, text, at },
})

test('a build is told in the form of BuildKit', async () => {
  const events: TareEvent[] = [
    start(1, '[internal] load build definition from Dockerfile', 1000),
    { type: 'step-progress', step: 1, name: 'transferring dockerfile', current: 92, at: 1000, done: true },
    done(1, 1012),
    start(2, '[internal] load build context', 1012),
    { type: 'step-progress', step: 2, name: 'transferring context', current: 0, at: 1012 },
    { type: 'step-progress', step: 2, name: 'transferring context', current: 2048, at: 1052, done: true },
    done(2, 1070),
    start(3, '[1/2] ADD rootfs.tar.gz /', 1070),
    { type: 'step-cached', step: 3, at: 1071 },
    start(4, '[2/2] COPY a b', 1071),
    done(4, 2571),
  ]
  expect(await render(events)).toBe(`#1 [internal] load build definition from Dockerfile
#1 transferring dockerfile: 92B done
#1 DONE 0.0s

#2 [internal] load build context
#2 transferring context: 2.05kB 0.0s done
#2 DONE 0.1s

#3 [1/2] ADD rootfs.tar.gz /
#3 CACHED

#4 [2/2] COPY a b
#4 DONE 1.5s
`)
})

test('a step that fails is told again at the end, with what it had printed', async () => {
  const events: TareEvent[] = [
    start(5, '[2/2] RUN make'),
    output(5, 'one\ntw', 123),
    output(5, 'o\nthree', 250),
    { type: 'step-failed', step: 5, message: 'exit code: 2', at: 300 },
  ]
  expect(await render(events)).toBe(`#5 [2/2] RUN make
#5 0.123 one
#5 0.250 two
#5 0.300 three
#5 ERROR: exit code: 2
------
 > [2/2] RUN make:
0.123 one
0.250 two
0.300 three
------
`)
})

test('steps that run side by side do not mix their lines', async () => {
  const events: TareEvent[] = [
    start(1, 'A', 0),
    start(2, 'B', 10),
    output(1, 'a1\n', 20),
    output(2, 'b1\n', 30),
    output(1, 'a2\n', 40),
    done(2, 50),
    done(1, 60),
  ]
  expect(await render(events)).toBe(`#1 A
#1 0.020 a1
#1 0.040 a2
#1 DONE 0.1s

#2 B
#2 0.020 b1
#2 DONE 0.0s
`)
})

test('a step that falls silent gives the floor to another', async () => {
  const events: TareEvent[] = [
    start(1, 'A', 0),
    start(2, 'B', 10),
    output(2, 'b1\n', 1500),
    done(1, 1600),
    done(2, 1700),
  ]
  expect(await render(events)).toBe(`#1 A
#1 ...

#2 B
#2 1.490 b1
#2 DONE 1.7s

#1 A
#1 DONE 1.6s
`)
})

test('how far a long task is is told every five seconds', async () => {
  const events: TareEvent[] = [start(1, 'A')]
  for (let at = 0; at <= 11_000; at += 500)
    events.push({ type: 'step-progress', step: 1, name: 'sha256:ab', current: at * 1000, total: 30_000_000, at })
  events.push(done(1, 11_000))
  expect(await render(events)).toBe(`#1 A
#1 sha256:ab 5.00MB / 30.00MB 5.0s
#1 sha256:ab 10.00MB / 30.00MB 10.0s
#1 DONE 11.0s
`)
})

test('what a command prints cannot steer the terminal', async () => {
  const text = await render([
    start(1, 'RUN \x1b[2J'),
    { type: 'step-progress', step: 1, name: 'a\u202eb\n', current: 0, at: 0, done: true },
    output(1, '\x1b[2Jgone \x1b', 0),
    output(1, '[32mgreen\x1b[0m 1%\r2%\n', 0),
    { type: 'step-failed', step: 1, message: 'no\x9b2J\nway', at: 0 },
  ])
  const line = '0.000 \\x1b[2Jgone \x1b[32mgreen\x1b[0m 1%\r2%\n'
  expect(text).toBe(
    `#1 RUN \\x1b[2J\n#1 a\\u202eb\\x0a done\n#1 ${line}#1 ERROR: no\\x9b2J\\x0away\n------\n > RUN \\x1b[2J:\n${line}------\n`,
  )
})

test('a canceled step says so', async () => {
  expect(await render([start(1, 'A'), { type: 'step-canceled', step: 1, at: 5 }])).toBe('#1 A\n#1 CANCELED\n')
})

test('rawjson is the events, one a line; quiet is nothing; tty without a terminal is plain', async () => {
  const events = [start(1, 'A'), done(1)]
  expect(await render(events, 'rawjson')).toBe(events.map((event) => `${JSON.stringify(event)}\n`).join(''))
  expect(await render(events, 'quiet')).toBe('')
  expect(await render(events, 'tty')).toBe('#1 A\n#1 DONE 0.0s\n')
})
