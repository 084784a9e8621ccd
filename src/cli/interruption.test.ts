import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { captureStreams } from './captured-streams.ts'
import { main } from './main.ts'

function env(): NodeJS.ProcessEnv {
  return { TARE_HOME: mkdtempSync(join(tmpdir(), 'tare-')) }
}

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s ends a command that waits for input, with %d', async (signal, expected) => {
  const before = process.listenerCount(signal)
  const streams = { ...captureStreams(), stdin: new Readable({ read: () => {} }) }
  const done = main(['load'], env(), streams)
  while (streams.stdin.listenerCount('readable') === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  process.emit(signal, signal)
  expect(await done).toBe(expected)
  expect(streams.err()).toBe('Error: canceled\n')
  expect(streams.stdin.destroyed).toBe(true)
  expect(process.listenerCount(signal)).toBe(before)
})

function failing(code: string): Writable {
  return new Writable({
    write: (_chunk, _encoding, done) => done(Object.assign(new Error(`${code}: no`), { code })),
  })
}

test('a reader of standard output that goes away ends the command without a word', async () => {
  const streams = { ...captureStreams(), stdout: failing('EPIPE') }
  expect(await main(['images'], env(), streams)).toBe(141)
  expect(streams.err()).toBe('')
})

test('a full disk behind standard output is told', async () => {
  const streams = { ...captureStreams(), stdout: failing('ENOSPC') }
  expect(await main(['images'], env(), streams)).toBe(1)
  expect(streams.err()).toBe('Error: cannot write to standard output: ENOSPC: no\n')
})

test('a lost standard error changes nothing', async () => {
  const streams = { ...captureStreams(), stderr: failing('EPIPE') }
  expect(await main(['inspect', 'missing'], env(), streams)).toBe(1)
  expect(streams.out()).toBe('[]\n')
})

test('an archive is not written to a terminal, and none is read from one', async () => {
  const terminal = captureStreams({ columns: 80, interactive: true })
  expect(await main(['save', 'x'], env(), terminal)).toBe(1)
  expect(await main(['load'], env(), terminal)).toBe(1)
  expect(await main(['build', '-'], env(), terminal)).toBe(1)
  expect(terminal.out()).toBe('')
  expect(terminal.err()).toBe(`Error: cowardly refusing to save to a terminal. Use the -o flag or redirect
Error: requested load from stdin, but stdin is empty
       Name a file with -i.
ERROR: failed to build: failed to get build context from stdin: stdin is terminal, expected piped context
`)
})
