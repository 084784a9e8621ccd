import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../../../test/kit/cli.ts'
import { onDisk } from '../../../../test/kit/on-disk.ts'
import { type TreeSpec, treeOf } from '../../../../test/kit/trees.ts'
import { makeSpreadDirectories, makeSpreadFolder } from './index.ts'

onDisk()

const manyIn = (folder: string): Record<string, TreeSpec> =>
  Object.fromEntries(Array.from({ length: 1200 }, (_, i) => [`${folder}/f${i}`, '']))

function flagsOf(path: string): string | undefined {
  const { status, stdout } = spawnSync('lsattr', ['-d', path], { encoding: 'utf8' })
  return status === 0 ? stdout.split(' ')[0] : undefined
}

test('the upper directories of many files are made, with the disk’s flag for directories far from each other', ({
  skip,
}) => {
  const folder = temporaryFolder()
  makeSpreadFolder(join(folder, 'probe'))
  if (flagsOf(join(folder, 'probe'))?.includes('T') !== true) skip('this disk has no such flag, or lsattr is missing')
  const members = { ...manyIn('a/b/c'), 'two\nlines/x/': {}, '-R/y': '', 'caf\udce9/z/': {}, file: '' }
  makeSpreadDirectories(treeOf(members).root, join(folder, 'at'))
  for (const path of ['', 'a', 'a/b', 'a/b/c', 'two\nlines', 'two\nlines/x', '-R'])
    expect([path, flagsOf(join(folder, 'at', path))?.includes('T')]).toEqual([path, true])
  expect(existsSync(join(folder, 'at/a/b/c/f0'))).toBe(false)
})

test('of any number of directories only some are made, however deep', () => {
  const folder = temporaryFolder()
  const wide = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`d${i}/`, {}]))
  makeSpreadDirectories(treeOf(wide).root, join(folder, 'wide'))
  expect(readdirSync(join(folder, 'wide')).length).toBeLessThan(300)
  makeSpreadDirectories(treeOf(manyIn('deep/'.repeat(1000).slice(0, -1))).root, join(folder, 'deep'))
  expect(existsSync(join(folder, 'deep', 'deep/'.repeat(20)))).toBe(false)
  makeSpreadDirectories(treeOf({ ...manyIn('a'), [`${'n'.repeat(300)}/x`]: '' }).root, join(folder, 'long'))
  expect(readdirSync(join(folder, 'long'))).toEqual(['a'])
})

test('for a few files nothing is made', () => {
  const folder = temporaryFolder()
  makeSpreadDirectories(treeOf({ 'a/b': 'x' }).root, join(folder, 'at'))
  expect(existsSync(join(folder, 'at'))).toBe(false)
})
