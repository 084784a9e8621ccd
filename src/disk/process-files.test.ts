import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { temporaryFolder } from '../../test/kit/cli.ts'
import { onDisk } from '../../test/kit/on-disk.ts'
import { programOf } from '../../test/kit/other-process.ts'
import { nameOfProcess, type Owner, Owners, ProcessFiles, thisProcess } from './index.ts'

onDisk()

/** Processes that share a folder: this one, and others that are made up. */
function openShared() {
  const home = temporaryFolder()
  const alive = join(home, 'alive')
  const filesOf = (self: Owner = thisProcess(), pace = { touch: 30_000, silence: 300_000 }) => {
    const owners = new Owners(alive, self, pace)
    onTestFinished(() => owners.leave())
    return new ProcessFiles(join(home, 'scratch'), owners)
  }
  return { alive, folder: join(home, 'scratch'), filesOf }
}

const neighbour = { space: '0000aaaa', pid: 7, start: 99 }

function date(path: string, secondsFromNow: number): void {
  const time = Date.now() / 1000 + secondsFromNow
  utimesSync(path, time, time)
}

const reserving = `
  import { writeFileSync } from 'node:fs'
  import { ownersIn, ProcessFiles } from './src/disk/index.ts'
  const [, , folder, alive] = process.argv
  writeFileSync(new ProcessFiles(folder!, ownersIn(alive!)).reserve(), '')
  console.log('made')
  if (process.argv[4] !== 'end') setInterval(() => {}, 1000)
`

test('files of dead processes of this boot are swept, with their marks; those of living ones stay', async () => {
  const { alive, folder, filesOf } = openShared()
  const reserve = await programOf(reserving)
  const [living, dead] = [reserve(folder, alive), reserve(folder, alive)]
  await Promise.all([living.line(), dead.line()])
  dead.child.kill('SIGKILL')
  await dead.ended
  const mine = filesOf().make(['deep'])
  expect(existsSync(join(mine, 'deep'))).toBe(true)
  expect(readdirSync(alive).length).toBe(3)
  filesOf().sweep()
  const pids = (path: string) => readdirSync(path).map((name) => Number(name.split('-')[1]))
  expect(pids(folder).sort()).toEqual([living.child.pid!, process.pid].sort())
  expect(pids(alive).sort()).toEqual([living.child.pid!, process.pid].sort())
  expect(filesOf().living().length).toBe(2)
})

test('a process that ends takes its mark along, and is not kept up by it', async () => {
  const { alive, folder } = openShared()
  const other = (await programOf(reserving))(folder, alive, 'end')
  expect(await other.ended).toBe(0)
  expect(readdirSync(alive)).toEqual([])
})

test('a process that was killed and that nobody waits for is dead', async () => {
  const { folder, filesOf } = openShared()
  // The shell becomes a program that never waits for its child.
  const shell = spawn('sh', ['-c', 'sleep 100 & echo $!; exec sleep 100'], { stdio: ['ignore', 'pipe', 'ignore'] })
  onTestFinished(() => {
    shell.kill('SIGKILL')
  })
  const pid = Number(await new Promise((resolve) => shell.stdout.once('data', resolve)))
  mkdirSync(folder)
  writeFileSync(join(folder, `${thisProcess().space}-${pid}-abcdef`), '')
  await expect.poll(() => filesOf().living().length).toBe(1)
  process.kill(pid, 'SIGKILL')
  await expect.poll(() => filesOf().living().length).toBe(0)
})

test('a process id that another process has now is not its owner', () => {
  const { folder, filesOf } = openShared()
  mkdirSync(folder)
  const { space, pid, start } = thisProcess()
  writeFileSync(join(folder, `${space}-${pid}-${start! - 1}-abcdef`), '')
  writeFileSync(join(folder, `${space}-0-1-abcdef`), '')
  filesOf().sweep()
  expect(readdirSync(folder)).toEqual([])
})

test('files of another boot stay while its process touches its mark, however old they are, and go when it is silent', () => {
  const { alive, folder, filesOf } = openShared()
  const made = filesOf(neighbour).make()
  date(made, -86_400)
  const mark = join(alive, '0000aaaa-7-99')
  date(mark, -280)
  filesOf().sweep()
  expect(existsSync(made)).toBe(true)
  expect(filesOf().owners.hasNeighbours()).toBe(true)
  date(mark, -310)
  expect(filesOf().owners.hasNeighbours()).toBe(false)
  filesOf().sweep()
  expect([readdirSync(folder), readdirSync(alive)]).toEqual([[], []])
})

test('a mark is touched again and again, by a timer and by work that lets no timer run', async () => {
  const { alive, filesOf } = openShared()
  const files = filesOf(neighbour, { touch: 100, silence: 1000 })
  files.reserve()
  const mark = join(alive, '0000aaaa-7-99')
  const long = Date.now() - 400_000
  date(mark, -500)
  await expect.poll(() => statSync(mark).mtimeMs).toBeGreaterThan(long)
  date(mark, -500)
  const until = performance.now() + 60_000
  while (statSync(mark).mtimeMs <= long && performance.now() < until) files.owners.touchIfDue()
  expect(statSync(mark).mtimeMs).toBeGreaterThan(long)
})

test('a folder that was removed is not made again for the mark alone, and is for what is written next', async () => {
  const { alive, folder, filesOf } = openShared()
  const files = filesOf(neighbour, { touch: 50, silence: 1000 })
  files.reserve()
  rmSync(alive, { recursive: true })
  await sleep(200)
  files.owners.touchIfDue()
  expect(existsSync(alive)).toBe(false)
  files.reserve()
  expect([existsSync(alive), existsSync(folder)]).toEqual([true, true])
})

test('a mark that is dated ahead counts from now on: a living process touches it again, a dead one goes silent', async () => {
  const { alive, folder, filesOf } = openShared()
  mkdirSync(folder)
  mkdirSync(alive)
  writeFileSync(join(folder, '0000aaaa-7-99-abcdef'), '')
  const mark = join(alive, '0000aaaa-7-99')
  writeFileSync(mark, '')
  date(mark, 3600)
  const mine = filesOf(thisProcess(), { touch: 30_000, silence: 300 })
  mine.sweep()
  expect(readdirSync(folder).length).toBe(1)
  await sleep(400)
  mine.sweep()
  expect(readdirSync(folder)).toEqual([])
})

test.each([
  ['young', -200, true],
  ['old', -310, false],
  ['dated ahead', 3600, false],
])('what the versions left that made no marks goes by its own time: %s', (_, age, stays) => {
  const { folder, filesOf } = openShared()
  mkdirSync(folder)
  for (const name of ['deadbeef-1-aa', '4242-1234-1', 'anything', '0000aaaa-7-99-aa']) {
    writeFileSync(join(folder, name), '')
    date(join(folder, name), age)
  }
  filesOf().sweep()
  expect(readdirSync(folder).length).toBe(stays ? 3 : 0)
})

test('a process that was taken for dead learns that, and is known again when it has announced itself', () => {
  const { alive, filesOf } = openShared()
  const { owners } = filesOf()
  const life = owners.announce()
  owners.check(life)
  rmSync(join(alive, nameOfProcess()))
  expect(() => owners.check(life)).toThrow(expect.objectContaining({ code: 'STORE_LOST' }))
  const next = owners.announce()
  owners.check(next)
  expect(() => owners.check(life)).toThrow(expect.objectContaining({ code: 'STORE_LOST' }))
})
