import { lstatSync } from 'node:fs'
import type { DirectoryPlace, Moment } from '../../../files/tree/index.ts'
import { ticks } from '../../../support/index.ts'
import { findProgram, runProgram } from '../machine/index.ts'
import { hasMountsBelow } from './mount-flags.ts'

// For fewer files, to start a program takes longer than to look at them.
const enough = 2000
// Milliseconds. The kernel's clock for files is behind by up to a tick, which takes 1 to 10 ms.
const slack = 20
// Milliseconds, after which a clock that goes wrong slowly could hide a change.
const longest = 15_000

/**
 * Whether certainly nothing in the directory at the path has changed since its places were read: no file, name or right, since each such change sets the
 * time of a file or directory that nobody can set otherwise. find(1) tells in a third of the time that looking at every file takes here.
 * If it says that there may be changes, that may be from before.
 */
export async function isUnchanged(path: string, places: readonly DirectoryPlace[]): Promise<boolean> {
  const find = findProgram('find')
  if (find === undefined || places.reduce((sum, { fileCount }) => sum + fileCount, 0) < enough) return false
  try {
    const first = places.reduce((one, { readAt }) => (readAt.time < one.time ? readAt : one), places[0]!.readAt)
    if (!isTimeSince(first) || !isAt(path, places[0]!) || hasMountsBelow(path)) return false
    const isInSeconds = places.some(({ hasWholeSeconds }) => hasWholeSeconds)
    const since = (isInSeconds ? Math.floor(first.time / 1000) * 1000 : first.time) - slack
    const { code, stdout, stderr } = await runProgram([
      ...[find, path, '-newerct', `@${(since / 1000).toFixed(3)}`, '-print', '-quit'],
    ])
    return code === 0 && stdout.length === 0 && stderr === '' && isTimeSince(first) && isAt(path, places[0]!)
  } catch {
    return false
  }
}

function isAt(path: string, { dev, ino }: DirectoryPlace): boolean {
  const stat = lstatSync(path)
  return stat.dev === dev && stat.ino === ino
}

/** Whether the time of day has not been set back since then: a change would then look older. */
function isTimeSince({ running, time }: Moment): boolean {
  const passed = Date.now() - time
  const elapsed = ticks() - running
  // Clocks are corrected slowly by at most a thousandth.
  return elapsed < longest && passed >= elapsed - 3 - elapsed / 1000
}
