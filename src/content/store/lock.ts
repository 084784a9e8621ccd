import { randomBytes } from 'node:crypto'
import { linkSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { systemCode, TareError } from '../../support/index.ts'
import { isRunning, makeFolder, namespaceTag } from './scratch.ts'

const patienceInMs = 30_000
const staleInMs = 60_000

/**
 * Does `work` while no other process does any under the same lock file. The work has to be short: it holds up all others.
 * Throws `STORE_BUSY` after half a minute.
 */
export async function withLock<T>(path: string, work: () => T | Promise<T>): Promise<T> {
  const mine = `${namespaceTag()}-${process.pid}-${randomBytes(4).toString('hex')}`
  makeFolder(dirname(path))
  // Written first and then linked, so that a lock never is without its holder's name. A killed process's is swept as scratch.
  const ready = join(dirname(path), 'scratch', mine)
  makeFolder(dirname(ready))
  try {
    writeFileSync(ready, mine)
    await take(path, ready, mine)
  } finally {
    rmSync(ready, { force: true })
  }
  try {
    return await work()
  } finally {
    rmSync(path, { force: true })
  }
}

async function take(path: string, ready: string, mine: string): Promise<void> {
  for (const start = Date.now(); !tryTake(path, ready, mine); await pause(2 + Math.random() * 8)) {
    if (Date.now() - start < patienceInMs) continue
    throw new TareError('STORE_BUSY', `another process has held the store for half a minute (${path})`, {
      remedy: 'If none is running, remove that file.',
    })
  }
}

function tryTake(path: string, ready: string, mine: string): boolean {
  try {
    linkSync(ready, path)
    return true
  } catch (error) {
    const code = systemCode(error)
    if (code !== 'EEXIST' && !withoutLinks.includes(code ?? '')) throw error
    if (code !== 'EEXIST' && tryWrite(path, mine)) return true
  }
  const holder = holderOf(path)
  if (holder !== undefined && !isHeld(path, holder)) breakLock(path, holder, mine)
  return false
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

// What filesystems without hard links say.
const withoutLinks = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']

function tryWrite(path: string, mine: string): boolean {
  try {
    writeFileSync(path, mine, { flag: 'wx' })
    return true
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    throw error
  }
}

function holderOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function isHeld(path: string, holder: string): boolean {
  const [tag, pid] = holder.split('-')
  if (tag === namespaceTag()) return isRunning(Number(pid))
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat !== undefined && Date.now() - stat.mtimeMs < staleInMs
}

/** Takes a dead process's lock away. Two may try at once: the one that finds it moved a living one's puts that back. */
function breakLock(path: string, holder: string, mine: string): void {
  const aside = `${path}.${mine}`
  try {
    renameSync(path, aside)
  } catch {
    return
  }
  if (holderOf(aside) !== holder) {
    try {
      linkSync(aside, path)
    } catch {
      // Somebody has it again already.
    }
  }
  rmSync(aside, { force: true })
}
