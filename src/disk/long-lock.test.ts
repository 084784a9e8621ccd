import { spawnSync } from 'node:child_process'
import { lutimesSync, mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { temporaryFolder } from '../../test/kit/cli.ts'
import { onDisk } from '../../test/kit/on-disk.ts'
import { isLocked, Owners, thisProcess, tryLock } from './index.ts'

onDisk()

function openFolder() {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'locks'))
  const owners = (self = thisProcess()) => {
    const made = new Owners(join(folder, 'alive'), self)
    onTestFinished(() => made.leave())
    return made
  }
  return { folder: join(folder, 'locks'), alive: join(folder, 'alive'), lock: join(folder, 'locks/lock'), owners }
}

test('one has the lock at a time, and nothing else is left beside it', () => {
  const { folder, lock, owners } = openFolder()
  const mine = owners()
  const release = tryLock(lock, mine)
  expect(release).toBeDefined()
  expect(isLocked(lock, mine)).toBe(true)
  expect(tryLock(lock, mine)).toBeUndefined()
  expect(readdirSync(folder)).toEqual(['lock'])
  release!()
  expect(readdirSync(folder)).toEqual([])
  expect(isLocked(lock, mine)).toBe(false)
  expect(tryLock(lock, mine)).toBeDefined()
})

test.skipIf(process.platform !== 'linux')('the lock of a process that is gone is taken over', () => {
  const { folder, lock, owners } = openFolder()
  const { pid } = spawnSync('true')
  symlinkSync(`${thisProcess().space}-${pid}-12345-1`, lock)
  expect(isLocked(lock, owners())).toBe(false)
  expect(tryLock(lock, owners())).toBeUndefined()
  expect(tryLock(lock, owners())).toBeDefined()
  expect(readdirSync(folder)).toEqual(['lock'])
})

test('a lock of another boot is kept as long as its process touches its mark, however old the lock is', () => {
  const { lock, alive, owners } = openFolder()
  const other = owners({ space: '0000aaaa', pid: 7, start: 99 })
  const release = tryLock(lock, other)
  lutimesSync(lock, 1000, 1000)
  const mine = owners()
  expect(tryLock(lock, mine)).toBeUndefined()
  const mark = join(alive, '0000aaaa-7-99')
  const ago = (seconds: number) => utimesSync(mark, Date.now() / 1000 - seconds, Date.now() / 1000 - seconds)
  ago(280)
  expect(tryLock(lock, mine)).toBeUndefined()
  expect(isLocked(lock, mine)).toBe(true)
  ago(310)
  expect(isLocked(lock, mine)).toBe(false)
  expect(tryLock(lock, mine)).toBeUndefined()
  const taken = tryLock(lock, mine)
  expect(taken).toBeDefined()
  release!()
  expect(isLocked(lock, mine)).toBe(true)
  taken!()
})

test('a lock of the version before, a file with a name that tells no boot, is kept for five minutes', () => {
  const { lock, owners } = openFolder()
  writeFileSync(lock, '4242-12345-1')
  expect(isLocked(lock, owners())).toBe(true)
  const past = Date.now() / 1000 - 310
  utimesSync(lock, past, past)
  expect(isLocked(lock, owners())).toBe(false)
})
