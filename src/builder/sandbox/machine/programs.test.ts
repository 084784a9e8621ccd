import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../../../test/kit/cli.ts'
import { runProgram } from './index.ts'

/** Whether the process is there, and no zombie. */
function isThere(pid: string): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') Z ')
  } catch {
    return false
  }
}

test('a program that is ended in the middle takes along what it has started', async () => {
  const stop = new AbortController()
  const note = join(temporaryFolder(), 'pid')
  // The child holds the output open, as that of unshare does.
  const running = runProgram(['sh', '-c', 'sleep 600 & echo $! > "$0"; wait', note], undefined, stop.signal)
  await expect.poll(() => readFileSync(note, { encoding: 'utf8', flag: 'a+' })).toMatch(/\n/)
  stop.abort(new Error('enough'))
  await expect(running).rejects.toThrow('enough')
  await expect.poll(() => isThere(readFileSync(note, 'utf8').trim())).toBe(false)
})

test('a program that is ended before it has begun says why', async () => {
  await expect(runProgram(['sleep', '600'], undefined, AbortSignal.abort(new Error('enough')))).rejects.toThrow(
    'enough',
  )
})

test('a program that ends by itself gives its output and its code', async () => {
  const { signal } = new AbortController()
  expect(await runProgram(['sh', '-c', 'cat; echo no >&2; exit 3'], Buffer.from('in'), signal)).toEqual({
    code: 3,
    stdout: Buffer.from('in'),
    stderr: 'no\n',
  })
})
