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
  process.stderr.write(JSON.stringify(loaded.map((name) => name.slice('NativeModule '.length))))
})
`

async function loadedBy(argv: readonly string[], { folder, home }: { folder: string; home: string }) {
  const preload = join(folder, 'preload.cjs')
  writeFileSync(preload, tellLoaded)
  const outcome = await start([process.execPath, '--require', preload, program, ...argv], { home, cwd: folder }).outcome
  expect(outcome.code, outcome.err).toBe(0)
  return JSON.parse(outcome.err) as string[]
}

test.each([
  ['images', ['images']],
  ['inspect', ['inspect', 'app']],
  ['history', ['history', 'app']],
  ['save', ['save', '-o', 'app.tar', 'app']],
  ['a remembered build', ['build', '-q', '-t', 'app', 'context']],
])('%s loads no network, no compression, no processes and no threads', async (_, argv) => {
  const bench = openBench({ Dockerfile: 'FROM scratch\nCOPY file /\n', file: 'text' })
  await bench.succeed(['build', '-t', 'app', 'context'])
  const loaded = await loadedBy(argv, bench)
  expect(loaded).toContain('crypto')
  for (const name of ['http', 'https', 'tls', 'zlib', 'child_process', 'worker_threads'])
    expect(loaded).not.toContain(name)
})

test('what is loaded is told of a verb that needs it', async () => {
  const bench = openBench()
  expect(await loadedBy(['doctor'], bench)).toContain('child_process')
})
