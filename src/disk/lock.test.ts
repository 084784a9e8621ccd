import { execFileSync } from 'node:child_process'
import {
  existsSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../test/kit/cli.ts'
import { onDisk } from '../../test/kit/on-disk.ts'
import { programOf } from '../../test/kit/other-process.ts'
import { isLocked, ownersIn, showLife, tryLock, withLock } from './index.ts'

onDisk()

const busy = () => new Error('busy')

/** Takes the lock of its first argument, says so, and keeps it. */
const holding = `
  import { withLock } from './src/disk/index.ts'
  setInterval(() => {}, 1000)
  await withLock(process.argv[2]!, () => new Promise((go) => {
    console.log('held')
    process.once('SIGUSR2', () => go(undefined))
  }), () => new Error('busy'))
  process.exit(0)
`

/** Adds one to the number in a file, so often that two at once would be seen. */
const counting = `
  import { readFileSync, writeFileSync } from 'node:fs'
  import { withLock } from './src/disk/index.ts'
  const [, , lock, file, times] = process.argv
  for (let i = 0; i < Number(times); i++)
    await withLock(lock!, async () => {
      const count = Number(readFileSync(file!, 'utf8'))
      await new Promise((go) => setTimeout(go, Math.random()))
      writeFileSync(file!, String(count + 1))
    }, () => new Error('busy'))
`

test('of processes that work under a lock, one works at a time, also after one was killed', async () => {
  const folder = temporaryFolder()
  const [lock, file] = [join(folder, 'lock'), join(folder, 'count')]
  writeFileSync(file, '0')
  const [hold, count] = await Promise.all([programOf(holding), programOf(counting)])
  const dead = hold(lock)
  await dead.line()
  const others = Array.from({ length: 4 }, () => count(lock, file, '40'))
  await sleep(150)
  expect(readFileSync(file, 'utf8')).toBe('0')
  dead.child.kill('SIGKILL')
  expect(await Promise.all(others.map(({ ended }) => ended))).toEqual([0, 0, 0, 0])
  expect(readFileSync(file, 'utf8')).toBe('160')
  expect(readdirSync(folder)).toEqual(['count'])
})

test('a lock that a living process holds is waited for', async () => {
  const lock = join(temporaryFolder(), 'lock')
  const holder = (await programOf(holding))(lock)
  await holder.line()
  let entered = false
  const mine = withLock(
    lock,
    () => {
      entered = true
    },
    busy,
  )
  await sleep(200)
  expect(entered).toBe(false)
  holder.child.kill('SIGUSR2')
  await mine
  expect(await holder.ended).toBe(0)
  expect(existsSync(lock)).toBe(false)
})

test('a lock of another boot is waited for while it changes, and taken over when it does not, whatever its date', async () => {
  const folder = temporaryFolder()
  // Milliseconds.
  const stale = 500
  const late = async (ahead: number): Promise<number> => {
    const lock = join(folder, `lock${ahead}`)
    symlinkSync('00000000-1-77-1', lock)
    const touch = (n: number) => lutimesSync(lock, Date.now() / 1000 + ahead + n, Date.now() / 1000 + ahead + n)
    touch(0)
    let entered = 0
    let last = performance.now()
    const mine = withLock(
      lock,
      () => {
        entered = performance.now()
      },
      busy,
      stale,
    )
    for (let n = 1; n <= 6; n++) {
      await sleep(stale / 5)
      // Only where this process was held up for as long as a lock may be silent.
      if (entered !== 0) break
      last = performance.now()
      touch(n / 10)
    }
    await mine
    expect(existsSync(lock)).toBe(false)
    return entered - last
  }
  // The one that the version before wrote is a file.
  const old = join(folder, 'lock')
  writeFileSync(old, '00000000-1-abcdef')
  utimesSync(old, 1000, 1000)
  const begun = performance.now()
  const [first, ...others] = await Promise.all([
    withLock(old, () => performance.now() - begun, busy, stale),
    ...[0, -3600, 3600].map(late),
  ])
  for (const time of [first!, ...others]) expect(time).toBeGreaterThan(stale * 0.9)
})

test('whoever holds a lock for longer touches it, also in work that lets no timer run', async () => {
  const lock = join(temporaryFolder(), 'lock')
  const old = Date.now() / 1000 - 100
  await withLock(
    lock,
    async () => {
      lutimesSync(lock, old, old)
      await expect.poll(() => lstatSync(lock).mtimeMs).toBeGreaterThan(old * 1000 + 50_000)
      await sleep(600)
      lutimesSync(lock, old, old)
      const touched = () => lstatSync(lock).mtimeMs > old * 1000 + 50_000
      const until = performance.now() + 60_000
      while (!touched() && performance.now() < until) showLife()
      expect(touched()).toBe(true)
    },
    busy,
  )
})

test.each([
  ['a directory', 'a directory', (path: string) => mkdirSync(path)],
  ['a pipe', 'a special file', (path: string) => execFileSync('mkfifo', [path])],
])('%s in the place of a lock is told at once, and stays', async (_, said, put) => {
  const folder = temporaryFolder()
  const lock = join(folder, 'lock')
  put(lock)
  let entered = false
  const enter = () => {
    entered = true
  }
  const refusal = { code: 'LOCK_INVALID', message: `${lock} is ${said}, where a lock belongs` }
  await expect(withLock(lock, enter, busy)).rejects.toMatchObject(refusal)
  expect(() => tryLock(lock, ownersIn(folder))).toThrow(expect.objectContaining(refusal))
  expect(isLocked(lock, ownersIn(folder))).toBe(false)
  rmSync(lock, { recursive: true })
  // What takes over the lock of a dead process is a lock too.
  symlinkSync('00000000-1-77-1', lock)
  put(`${lock}.break`)
  await expect(withLock(lock, enter, busy, 0)).rejects.toMatchObject({
    ...refusal,
    message: `${lock}.break is ${said}, where a lock belongs`,
  })
  expect(entered).toBe(false)
  expect(readdirSync(folder)).toEqual(expect.arrayContaining(['lock', 'lock.break']))
})

test('a lock that was taken away is not given back by its old holder', async () => {
  const lock = join(temporaryFolder(), 'lock')
  await withLock(
    lock,
    () => {
      rmSync(lock)
      symlinkSync('00000000-1-77-1', lock)
    },
    busy,
  )
  expect(readlinkSync(lock)).toBe('00000000-1-77-1')
})

test('a lock goes when the work fails, and the failure comes out', async () => {
  const lock = join(temporaryFolder(), 'a/b/lock')
  const failing = withLock(
    lock,
    () => {
      throw new Error('no')
    },
    busy,
  )
  await expect(failing).rejects.toThrow('no')
  expect(existsSync(lock)).toBe(false)
})
