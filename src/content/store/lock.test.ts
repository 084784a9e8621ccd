import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../../test/kit/cli.ts'
import { programOf } from '../../../test/kit/other-process.ts'
import { Store } from './index.ts'
import { withLock } from './lock.ts'
import { namespaceTag, ProcessFiles } from './scratch.ts'

/** Takes the lock of its first argument, says so, and keeps it. */
const holding = `
  import { withLock } from './src/content/store/lock.ts'
  setInterval(() => {}, 1000)
  await withLock(process.argv[2]!, () => new Promise((go) => {
    console.log('held')
    process.once('SIGUSR2', () => go(undefined))
  }))
  process.exit(0)
`

/** Adds one to the number in a file, so often that two at once would be seen. */
const counting = `
  import { readFileSync, writeFileSync } from 'node:fs'
  import { withLock } from './src/content/store/lock.ts'
  const [, , lock, file, times] = process.argv
  for (let i = 0; i < Number(times); i++)
    await withLock(lock!, async () => {
      const count = Number(readFileSync(file!, 'utf8'))
      await new Promise((go) => setTimeout(go, Math.random()))
      writeFileSync(file!, String(count + 1))
    })
`

test('of processes that work under a lock, one works at a time, also after one was killed', async () => {
  const folder = temporaryFolder()
  const [lock, file] = [join(folder, 'lock'), join(folder, 'count')]
  writeFileSync(file, '0')
  const [hold, count] = await Promise.all([programOf(holding), programOf(counting)])
  const dead = hold(lock)
  await dead.line()
  const others = Array.from({ length: 4 }, () => count(lock, file, '40'))
  await new Promise((go) => setTimeout(go, 150))
  expect(readFileSync(file, 'utf8')).toBe('0')
  dead.child.kill('SIGKILL')
  expect(await Promise.all(others.map(({ ended }) => ended))).toEqual([0, 0, 0, 0])
  expect(readFileSync(file, 'utf8')).toBe('160')
  expect(readdirSync(folder).sort()).toEqual(['count', 'scratch'])
  // Only the killed one's own may be left, for the next sweep.
  expect(readdirSync(join(folder, 'scratch')).filter((name) => !name.includes(`-${dead.child.pid}-`))).toEqual([])
})

test('a lock that a living process holds is waited for', async () => {
  const lock = join(temporaryFolder(), 'lock')
  const holder = (await programOf(holding))(lock)
  await holder.line()
  let entered = false
  const mine = withLock(lock, () => {
    entered = true
  })
  await new Promise((go) => setTimeout(go, 200))
  expect(entered).toBe(false)
  holder.child.kill('SIGUSR2')
  await mine
  expect(await holder.ended).toBe(0)
  expect(existsSync(lock)).toBe(false)
})

test('a lock of another PID namespace is waited for while it is young', async () => {
  const lock = join(temporaryFolder(), 'lock')
  writeFileSync(lock, '00000000-1-abcdef')
  let entered = false
  const mine = withLock(lock, () => {
    entered = true
  })
  await new Promise((go) => setTimeout(go, 200))
  expect(entered).toBe(false)
  const past = Date.now() / 1000 - 61
  utimesSync(lock, past, past)
  await mine
  expect(existsSync(lock)).toBe(false)
})

test('a lock goes when the work fails, and the failure comes out', async () => {
  const lock = join(temporaryFolder(), 'a/b/lock')
  const failing = withLock(lock, () => {
    throw new Error('no')
  })
  await expect(failing).rejects.toThrow('no')
  expect(existsSync(lock)).toBe(false)
})

test('names that many processes give at once are all there afterwards', async () => {
  const home = join(temporaryFolder(), 'home')
  const tagging = await programOf(`
    import { parseReference } from './src/oci/index.ts'
    import { Store } from './src/content/store/index.ts'
    const store = new Store(process.argv[2]!)
    for (let i = 0; i < 15; i++)
      await store.keep({ mediaType: 'm', digest: 'sha256:' + 'a'.repeat(64), size: 1 }, [parseReference('n' + process.argv[3] + ':' + i)], new Date(0))
  `)
  const processes = ['a', 'b', 'c'].map((id) => tagging(home, id))
  expect(await Promise.all(processes.map(({ ended }) => ended))).toEqual([0, 0, 0])
  expect(new Set(new Store(home).entries().map(({ name }) => `${name!.repository}:${name!.tag}`)).size).toBe(45)
})

test('files of dead processes are swept, those of living ones and young ones of other machines stay', async () => {
  const folder = join(temporaryFolder(), 'scratch')
  const reserve = await programOf(`
    import { writeFileSync } from 'node:fs'
    import { ProcessFiles } from './src/content/store/scratch.ts'
    writeFileSync(new ProcessFiles(process.argv[2]!).reserve(), '')
    console.log('made')
    setInterval(() => {}, 1000)
  `)
  const [living, dead] = [reserve(folder), reserve(folder)]
  await Promise.all([living.line(), dead.line()])
  dead.child.kill('SIGKILL')
  await dead.ended
  const files = new ProcessFiles(folder)
  const mine = files.reserve()
  mkdirSync(mine)
  writeFileSync(join(mine, 'deep'), '')
  for (const [name, days] of [
    ['young', 0.9],
    ['old', 1.1],
  ] as const) {
    const path = join(folder, `00000000-1-${name}`)
    writeFileSync(path, '')
    const time = Date.now() / 1000 - days * 86_400
    utimesSync(path, time, time)
  }
  files.sweep()
  const left = readdirSync(folder)
    .map((name) => name.replace(/-[0-9a-f]{12}$/, ''))
    .sort()
  const tag = namespaceTag()
  expect(left).toEqual(['00000000-1-young', `${tag}-${process.pid}`, `${tag}-${living.child.pid}`].sort())
  expect(files.living().length).toBe(3)
})

test('a lease of a process that was killed protects nothing any more', async () => {
  const home = join(temporaryFolder(), 'home')
  const leasing = await programOf(`
    import { Store } from './src/content/store/index.ts'
    new Store(process.argv[2]!).lease()
    console.log('leased')
    setInterval(() => {}, 1000)
  `)
  const other = leasing(home)
  await other.line()
  const store = new Store(home)
  const digest = store.blobs.write(Buffer.from('made while it worked'))
  expect(store.collect(new Set()).removed).toEqual([])
  other.child.kill('SIGKILL')
  await other.ended
  expect(store.collect(new Set()).removed).toEqual([digest])
})
