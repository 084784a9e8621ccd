import { utimesSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { solveBench } from '../../../test/kit/solving.ts'
import { listTar } from '../../../test/kit/trees.ts'
import type { Operation } from '../plan/index.ts'
import type { Elsewhere } from './index.ts'

/** A machine whose directories are all as old as that. */
function elsewhere(seconds: number, asked: string[] = []): Elsewhere {
  const timesOf = async (operation: Operation, directories: readonly string[]) => {
    asked.push(`${operation.title}: ${directories.join(' ')}`)
    return new Map(directories.map((path) => [path, seconds]))
  }
  return { name: 'there', timesOf }
}

const file = ['FROM scratch', 'WORKDIR /srv/app', 'COPY . .']

test('directories have the times that they have elsewhere, and files their own', async () => {
  const { folder, make } = solveBench({ 'sub/a': 'a' })
  utimesSync(join(folder, 'sub/a'), 1_600_000_000, 1_600_000_000)
  const asked: string[] = []
  const { paths } = await make(file, { elsewhere: elsewhere(1_700_000_001, asked) })
  expect(asked).toEqual(['[1/2] WORKDIR /srv/app: srv srv/app', '[2/2] COPY . .: srv srv/app srv/app/sub'])
  expect(await listTar(paths.at(-1)!, true)).toEqual([
    '755 0:0 @1700000001 srv/',
    '755 0:0 @1700000001 srv/app/',
    '755 0:0 @1700000001 srv/app/sub/',
    '644 0:0 @1600000000 srv/app/sub/a = a',
  ])
})

test('a layer with times from elsewhere is not that of the same step here', async () => {
  const { make } = solveBench({ 'sub/a': 'a' })
  const there = await make(file, { elsewhere: elsewhere(1) })
  const here = await make(file)
  expect(here.cached).toEqual([])
  expect(here.diffIds).not.toEqual(there.diffIds)
  expect((await make(file)).diffIds).toEqual(here.diffIds)
  expect((await make(file, { elsewhere: elsewhere(2) })).diffIds).toEqual(there.diffIds)
})

test('a directory that is not known elsewhere makes no layer', async () => {
  const { make } = solveBench({ 'sub/a': 'a' })
  const timesOf = async () => new Map([['srv', 1]])
  await expect(make(file, { elsewhere: { name: 'there', timesOf } })).rejects.toThrow('there has no directory srv/app')
})
