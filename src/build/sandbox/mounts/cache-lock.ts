import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { systemCode } from '../../../support/index.ts'
import { isLiving, nameOfProcess } from '../machine/index.ts'

let count = 0

/** Takes the lock file, and answers what gives it back; undefined while a living process has it. */
export function tryLock(lock: string): (() => void) | undefined {
  const mine = `${nameOfProcess()}-${++count}`
  // Written first and then linked: a lock is never without its holder's name, wherever a process is killed.
  const ready = `${lock}-${mine}`
  writeFileSync(ready, mine)
  try {
    linkSync(ready, lock)
    return () => rmSync(lock, { force: true })
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
  } finally {
    rmSync(ready, { force: true })
  }
  const holder = holderOf(lock)
  if (holder !== undefined && !isLiving(holder)) breakLock(lock, holder, `${lock}-dead-${mine}`)
  return undefined
}

function holderOf(lock: string): string | undefined {
  try {
    return readFileSync(lock, 'utf8')
  } catch {
    return undefined
  }
}

/** Takes a dead process's lock away. Two may try at once: the one that finds it moved a living one's puts that back. */
function breakLock(lock: string, holder: string, aside: string): void {
  try {
    renameSync(lock, aside)
    if (holderOf(aside) !== holder) linkSync(aside, lock)
  } catch {
    // Somebody else was faster.
  }
  rmSync(aside, { force: true })
}
