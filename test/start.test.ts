import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openBench, program, start } from './kit/cli.ts'

// What a call loads is most of the time that a short one takes.

/** Preloaded: tells at the end which modules of Node were loaded, beside those that every start of Node loads. */
const tellLoaded = `
const before = new Set(process.moduleLoadList)
process.on('exit', () => {
  const loaded = process.moduleLoadList.filter((name) => name.startsWith('NativeModule ') && !before.has(name))
  require('node:fs').writeSync(2, JSON.stringify(loaded.map((name) => name.slice('NativeModule '.length))))
})
`

async function loadedBy(argv: readonly string[], { folder, home }: { folder: string; home: string }) {
  const preload = join(folder, 'preload.cjs')
  writeFileSync(preload, tellLoaded)
  const outcome = await start([process.execPath, '--require', preload, program, ...argv], { home, cwd: folder }).outcome
  expect(outcome.code, outcome.err).toBe(0)
  return JSON.parse(outcome.err) as string[]
}

async function withImage() {
  const bench = openBench({ Dockerfile: 'FROM scratch\nCOPY file /\n', file: 'text' })
  await bench.succeed(['build', '-t', 'app', 'context'])
  return bench
}

test.each([
  ['images', ['images']],
  ['inspect', ['inspect', 'app']],
  ['history', ['history', 'app']],
  ['save', ['save', '-o', 'app.tar', 'app']],
  ['a remembered build', ['build', '-q', '-t', 'app', 'context']],
])('%s loads no network, no compression, no processes and no threads', async (_, argv) => {
  const loaded = await loadedBy(argv, await withImage())
  expect(loaded).toContain('vm')
  for (const name of ['http', 'https', 'tls', 'zlib', 'child_process', 'worker_threads'])
    expect(loaded).not.toContain(name)
})

test.each([
  ['images', ['images']],
  ['inspect', ['inspect', 'app']],
  ['a remembered build', ['build', '-q', '-t', 'app', 'context']],
])('%s hashes the little that it reads without node:crypto, and prints without streams', async (_, argv) => {
  const loaded = await loadedBy(argv, await withImage())
  for (const name of ['crypto', 'os', 'perf_hooks', 'net', 'fs/promises']) expect(loaded).not.toContain(name)
})

test('saving loads neither the streams of a terminal nor what reads lines', async () => {
  const loaded = await loadedBy(['save', '-o', 'app.tar', 'app'], await withImage())
  for (const name of ['fs/promises', 'net', 'perf_hooks']) expect(loaded).not.toContain(name)
})

test('what is written to /dev/null needs no stream', async () => {
  const bench = await withImage()
  const preload = join(bench.folder, 'preload.cjs')
  writeFileSync(preload, tellLoaded)
  const call = `exec ${process.execPath} --require ${preload} ${program} inspect app >/dev/null`
  const { err } = await start(['sh', '-c', call], { home: bench.home, cwd: bench.folder }).outcome
  expect(JSON.parse(err)).not.toContain('net')
})

test('what is loaded is told of a verb that needs it', async () => {
  const bench = openBench()
  expect(await loadedBy(['doctor'], bench)).toContain('child_process')
})
