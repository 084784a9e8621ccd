import { lstatSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { systemCode, TareError, ticks } from '../support/index.ts'
import { makeFolder } from './folders.ts'
import { keepTouching, stopTouching } from './held-locks.ts'
import type { Owners } from './owners.ts'
import { isRunning, nameOf, ownerOf, thisProcess } from './process.ts'

const patienceInMs = 30_000
/** A short-lived lock that has not been touched for this long is stale. */
const usuallyStale = 5_000

let count = 0

/**
 * Runs `work` under an exclusive lock. The work must be short, because everyone else waits; longer work has to call `showLife`. Throws the error
 * `busy` returns if the lock cannot be taken within 30 seconds, or `LOCK_INVALID`.
 */
export async function withLock<T>(
  path: string,
  work: () => T | Promise<T>,
  busy: () => Error,
  staleInMs = usuallyStale,
): Promise<T> {
  const mine = newHolder()
  makeFolder(dirname(path))
  const stillness = new Stillness()
  for (const start = ticks(); !tryTake(path, mine, (lock) => isHeldNow(lock, stillness, staleInMs)); ) {
    if (ticks() - start > patienceInMs) throw busy()
    await pause(2 + Math.random() * 8)
  }
  keepTouching(path)
  try {
    return await work()
  } finally {
    stopTouching(path)
    giveBack(path, mine)
  }
}

/** Takes a long-lived lock and returns the function that releases it; undefined if a living process holds it. */
export function tryLock(path: string, owners: Owners): (() => void) | undefined {
  owners.announce()
  const mine = newHolder(nameOf(owners.self))
  const taken = tryTake(path, mine, ({ holder, changed }) => owners.isAlive(holder, changed))
  return taken ? () => giveBack(path, mine) : undefined
}

/** Whether a living process holds a lock taken with `tryLock`. */
export function isLocked(path: string, owners: Owners): boolean {
  const lock = look(path)
  return lock !== undefined && owners.isAlive(lock.holder, lock.changed)
}

interface Lock {
  /** The name of the process holding it. */
  readonly holder: string
  /** Milliseconds since 1970. */
  readonly changed: number
}

/** Measures how long a lock has not changed by the observer's own clock: the lock's timestamp may come from a clock that is wrong. */
class Stillness {
  private seen = ''
  private since = 0

  of({ holder, changed }: Lock): number {
    const now = ticks()
    if (this.seen !== `${holder} ${changed}`) {
      this.seen = `${holder} ${changed}`
      this.since = now
    }
    return now - this.since
  }
}

function newHolder(name = nameOf(thisProcess())): string {
  return `${name}-${++count}`
}

function isHeldNow(lock: Lock, stillness: Stillness, staleInMs: number): boolean {
  const owner = ownerOf(lock.holder)
  if (owner?.space === thisProcess().space) return isRunning(owner)
  return stillness.of(lock) < staleInMs
}

function tryTake(path: string, mine: string, isHeld: (lock: Lock) => boolean): boolean {
  if (create(path, mine)) return true
  const lock = look(path)
  if (lock === undefined) refuseOthers(path)
  else if (!isHeld(lock)) breakLock(path, lock.holder, mine)
  return false
}

/** Throws `LOCK_INVALID` if there is something that can be no lock, however long it is waited for. */
function refuseOthers(path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (stat === undefined || stat.isSymbolicLink() || stat.isFile()) return
  const kind = stat.isDirectory() ? 'a directory' : 'a special file'
  throw new TareError('LOCK_INVALID', `${path} is ${kind}, where a lock belongs`, { remedy: 'Remove it.' })
}

// Errors of filesystems without symbolic links.
const withoutLinks = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']

/**
 * Creates the lock unless it exists. It is a dangling symlink whose target names the holder: created atomically with its content, even on a full
 * disk.
 */
function create(path: string, mine: string): boolean {
  try {
    symlinkSync(mine, path)
    return true
  } catch (error) {
    const code = systemCode(error)
    if (code === 'EEXIST') return false
    if (!withoutLinks.includes(code ?? '')) throw error
  }
  try {
    writeFileSync(path, mine, { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    throw error
  }
}

function look(path: string): Lock | undefined {
  try {
    const stat = lstatSync(path)
    if (stat.isSymbolicLink()) return { holder: readlinkSync(path), changed: stat.mtimeMs }
    // Reading a pipe would wait for somebody who writes.
    return stat.isFile() ? { holder: readFileSync(path, 'utf8'), changed: stat.mtimeMs } : undefined
  } catch {
    return undefined
  }
}

/** Removes a dead process's lock. Only one process may do so at a time: the lock might already be a faster process's new one. */
function breakLock(path: string, dead: string, mine: string): void {
  const breaking = `${path}.break`
  if (!create(breaking, mine)) {
    const other = look(breaking)
    if (other === undefined) refuseOthers(breaking)
    const owner = other === undefined ? undefined : ownerOf(other.holder)
    // Breaking a lock takes no time; an older breaker was killed while doing so.
    const isOver =
      owner?.space === thisProcess().space
        ? !isRunning(owner)
        : other !== undefined && Math.abs(Date.now() - other.changed) > usuallyStale
    if (isOver) rmSync(breaking, { force: true })
    return
  }
  try {
    if (look(path)?.holder === dead) rmSync(path, { force: true })
  } finally {
    rmSync(breaking, { force: true })
  }
}

/** Releases the lock, unless another process has taken it over. */
function giveBack(path: string, mine: string): void {
  if (look(path)?.holder === mine) rmSync(path, { force: true })
}
