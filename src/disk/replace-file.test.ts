import { mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../test/kit/cli.ts'
import { onDisk } from '../../test/kit/on-disk.ts'
import { replaceFile, replacementFor, sweepBeside, thisProcess } from './index.ts'

onDisk()

test('a file is replaced in one go, with the mode that was asked for, and nothing is left beside it', () => {
  const folder = temporaryFolder()
  const path = join(folder, 'file')
  writeFileSync(path, 'old', { mode: 0o644 })
  const before = process.umask(0o777)
  try {
    replaceFile(path, 'new', { mode: 0o600, sync: true })
  } finally {
    process.umask(before)
  }
  expect(readFileSync(path, 'utf8')).toBe('new')
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(readdirSync(folder)).toEqual(['file'])
})

test('where a file cannot be replaced it stays, and nothing is left beside it', () => {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'file'))
  expect(() => replaceFile(join(folder, 'file'), 'new')).toThrow(/EISDIR|ENOTEMPTY|EEXIST/)
  expect(readdirSync(folder)).toEqual(['file'])
})

test('what dead processes left of a file is swept, what others write and other files are not', () => {
  const folder = temporaryFolder()
  const path = join(folder, 'config.json')
  const mine = replacementFor(path)
  writeFileSync(mine.path, '')
  const { space } = thisProcess()
  for (const [name, age] of [
    [`.config.json.${space}-4194303-5-aa.part`, 0],
    ['.config.json.0000aaaa-7-99-aa.part', 0],
    ['.config.json.0000aaaa-7-99-bb.part', 310],
    ['.other.json.0000aaaa-7-99-bb.part', 310],
    ['config.json.7.part', 310],
  ] as const) {
    writeFileSync(join(folder, name), '')
    utimesSync(join(folder, name), Date.now() / 1000 - age, Date.now() / 1000 - age)
  }
  sweepBeside(path)
  const left = readdirSync(folder).map((name) => join(folder, name))
  expect(left.sort()).toEqual(
    [
      mine.path,
      ...['.config.json.0000aaaa-7-99-aa.part', '.other.json.0000aaaa-7-99-bb.part', 'config.json.7.part'].map((name) =>
        join(folder, name),
      ),
    ].sort(),
  )
  mine.keep()
  sweepBeside(join(folder, 'none/at/all'))
  expect(statSync(path).size).toBe(0)
})
