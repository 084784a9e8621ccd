import { lstatSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { systemCode } from '../support/index.ts'
import { makeFolder } from './folders.ts'
import { keepTouching, stopTouching } from './held-locks.ts'
import type { Owners } from './owners.ts'
import { isRunning, nameOf, ownerOf, thisProcess } from './process.ts'

const patienceInMs = 30_000
/** A lock that is held for moments, and that nobody has touched for so long, is nobody's. */
const staleInMs = 5_000

let count = 0

/**
 * Does `work` while no other process does any under the same lock. The work has to be short: it holds up all others; where it may not
 * be, it calls `showLife` meanwhile. Throws what `busy` answers after half a minute.
 */
export async function withLock<T>(path: string, work: () => T | Promise<T>, busy: () => Error): Promise<T> {
  const mine = newHolder()
  makeFolder(dirname(path))
  const stillness = new Stillness()
  for (const start = performance.now(); !tryTake(path, mine, (lock) => isHeldNow(lock, stillness)); ) {
    if (performance.now() - start > patienceInMs) throw busy()
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

/** Takes a lock that is kept for long, and answers what gives it back; undefined while a living process has it. */
export function tryLock(path: string, owners: Owners): (() => void) | undefined {
  owners.announce()
  const mine = newHolder(nameOf(owners.self))
  const taken = tryTake(path, mine, ({ holder, changed }) => owners.isAlive(holder, changed))
  return taken ? () => giveBack(path, mine) : undefined
}

/** Whether a living process has the lock, which is one of `tryLock`. */
export function isLocked(path: string, owners: Owners): boolean {
  const lock = look(path)
  return lock !== undefined && owners.isAlive(lock.holder, lock.changed)
}

interface Lock {
  /** The name of its process. */
  readonly holder: string
  /** Milliseconds since 1970. */
  readonly changed: number
}

/** How long a lock has been as it is, by the clock of whoever looks: that of its own time may be wrong. */
class Stillness {
  private seen = ''
  private since = 0

  of({ holder, changed }: Lock): number {
    const now = performance.now()
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

function isHeldNow(lock: Lock, stillness: Stillness): boolean {
  const owner = ownerOf(lock.holder)
  if (owner?.space === thisProcess().space) return isRunning(owner)
  return stillness.of(lock) < staleInMs
}

function tryTake(path: string, mine: string, isHeld: (lock: Lock) => boolean): boolean {
  if (create(path, mine)) return true
  const lock = look(path)
  if (lock !== undefined && !isHeld(lock)) breakLock(path, lock.holder, mine)
  return false
}

// What filesystems without symbolic links say.
const withoutLinks = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']

/** Makes the lock, unless there is one: a link to nothing, which holds its holder's name from the first moment on, and on a full disk. */
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
    const holder = stat.isSymbolicLink() ? readlinkSync(path) : readFileSync(path, 'utf8')
    return { holder, changed: stat.mtimeMs }
  } catch {
    return undefined
  }
}

/** Takes a dead process's lock away. Only one does at a time: it might be that of somebody else who was faster. */
function breakLock(path: string, dead: string, mine: string): void {
  const breaking = `${path}.break`
  if (!create(breaking, mine)) {
    const other = look(breaking)
    const owner = other === undefined ? undefined : ownerOf(other.holder)
    // That takes no time, unless its process was killed over it.
    const isOver =
      owner?.space === thisProcess().space
        ? !isRunning(owner)
        : other !== undefined && Math.abs(Date.now() - other.changed) > staleInMs
    if (isOver) rmSync(breaking, { force: true })
    return
  }
  try {
    if (look(path)?.holder === dead) rmSync(path, { force: true })
  } finally {
    rmSync(breaking, { force: true })
  }
}

/** Gives the lock back, unless somebody has taken it away. */
function giveBack(path: string, mine: string): void {
  if (look(path)?.holder === mine) rmSync(path, { force: true })
}
