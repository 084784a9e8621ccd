import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ownersIn, ProcessFiles } from '../../../disk/index.ts'
import { diskTime, ProcCopies } from './proc-copies.ts'

const isRoot = process.geteuid?.() === 0

/** Two steps one after the other: whether the second has the settings of the first, after what was done to them. */
async function isKept(work: (proc: string, root: string) => void): Promise<boolean> {
  const home = mkdtempSync(join(tmpdir(), 'tare-proc-'))
  onTestFinished(() => rmSync(home, { recursive: true, force: true }))
  const copies = new ProcCopies(new ProcessFiles(join(home, 'running'), ownersIn(join(home, 'alive'))))
  const [first, second] = ['first', 'second'].map((name) => join(home, name, 'proc')) as [string, string]
  for (const proc of [first, second]) mkdirSync(join(proc, 'self'), { recursive: true })
  copies.put(first)
  const made = statSync(join(first, 'sys')).ino
  // The clock of the disk goes in steps of some milliseconds.
  await new Promise((resolve) => setTimeout(resolve, 50))
  const since = diskTime(join(home, 'since'))
  work(first, join(home, 'first'))
  copies.takeBack(join(home, 'first'), since, join(home, 'aside'))
  copies.put(second)
  const name = 'sys/kernel/osrelease'
  expect(readFileSync(join(second, name), 'utf8')).toBe(readFileSync(join('/proc', name), 'utf8'))
  copies.close()
  return statSync(join(second, 'sys')).ino === made
}

test.skipIf(!isRoot)('the next step has the same copies of settings where nobody has touched them', async () => {
  expect(await isKept((proc) => readFileSync(join(proc, 'sys/kernel/osrelease')))).toBe(true)
})

const past = new Date(1e9)
test.skipIf(!isRoot).each<[string, (proc: string, root: string) => void]>([
  ['is written', (proc) => appendFileSync(join(proc, 'sys/kernel/osrelease'), 'x')],
  [
    'is written and dated back',
    (proc) => {
      writeFileSync(join(proc, 'sys/kernel/osrelease'), 'x')
      utimesSync(join(proc, 'sys/kernel/osrelease'), past, past)
    },
  ],
  ['gets a mode', (proc) => chmodSync(join(proc, 'sys/vm'), 0o777)],
  ['gets a mode, all of it', (proc) => chmodSync(join(proc, 'sys'), 0o777)],
  ['is new', (proc) => writeFileSync(join(proc, 'sys/new'), '')],
  ['is new, further down', (proc) => mkdirSync(join(proc, 'sys/net/new'))],
  ['is gone', (proc) => rmSync(join(proc, 'sys/vm'), { recursive: true })],
  ['has another name elsewhere', (proc, root) => linkSync(join(proc, 'sys/kernel/osrelease'), join(root, 'name'))],
  [
    'is a link',
    (proc) => {
      rmSync(join(proc, 'sys'), { recursive: true })
      symlinkSync('/proc/sys', join(proc, 'sys'))
    },
  ],
  [
    'is below a link',
    (proc, root) => {
      renameSync(proc, join(root, 'elsewhere'))
      symlinkSync('elsewhere', proc)
    },
  ],
])('the next step has copies of its own where something %s', async (_, work) => {
  expect(await isKept(work)).toBe(false)
})
