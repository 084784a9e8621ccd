import { existsSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../test/kit/cli.ts'
import { listFolder, makeFolder } from './index.ts'

test('a directory is made with those that it is in; the outermost new one is returned', () => {
  const folder = temporaryFolder()
  expect(makeFolder(join(folder, 'a/b/c'))).toBe(join(folder, 'a'))
  expect(statSync(join(folder, 'a/b/c')).isDirectory()).toBe(true)
  expect(makeFolder(join(folder, 'a/b/d'))).toBe(join(folder, 'a/b/d'))
  expect(makeFolder(join(folder, 'a/b'))).toBeUndefined()
})

test('what is no directory, or leads nowhere, is refused', () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'file'), '')
  symlinkSync('nowhere', join(folder, 'link'))
  expect(() => makeFolder(join(folder, 'file'))).toThrow('EEXIST')
  expect(() => makeFolder(join(folder, 'file/below'))).toThrow('ENOTDIR')
  expect(() => makeFolder(join(folder, 'link'))).toThrow('EEXIST')
})

test.skipIf(!existsSync('/proc/self'))('below /proc it fails, where mkdir of Node tries forever', () => {
  expect(() => makeFolder('/proc/tare/below')).toThrow('ENOENT')
})

test('a directory is listed with what stat says; a link to nowhere, and what cannot be read, are left out', () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'file'), 'abc')
  symlinkSync('nowhere', join(folder, 'link'))
  expect(listFolder(folder).map(({ name, stat }) => [name, stat.size])).toEqual([['file', 3]])
  expect(listFolder(join(folder, 'nothing'))).toEqual([])
  expect(listFolder(join(folder, 'file'))).toEqual([])
})
