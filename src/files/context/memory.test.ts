import { linkSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder, writeFiles } from '../../../test/kit/cli.ts'
import { sha256 } from '../../support/index.ts'
import { digestOf } from '../layer/index.ts'
import type { RegularFile } from '../tree/index.ts'
import { ContextMemory, openDirectory } from './index.ts'

const digest = sha256('x')
const sight = { size: 5, mtimeMs: 1_000_123.5, ctimeMs: 1_000_200, ino: 7 }
const later = 2_000_000

function memoryOf(text?: string): ContextMemory {
  return new ContextMemory(() => text)
}

test('what was learnt is recalled while the file looks the same, and not a moment longer', () => {
  const memory = memoryOf()
  memory.learn('d', 'a', sight, digest, later)
  expect(memory.recall('d', 'a', { ...sight })).toBe(digest)
  expect(memory.recall('', 'a', sight)).toBeUndefined()
  expect(memory.recall('d', 'b', sight)).toBeUndefined()
  for (const change of [{ size: 6 }, { mtimeMs: 1 }, { ctimeMs: 1_000_200.001 }, { ino: 8 }])
    expect(memory.recall('d', 'a', { ...sight, ...change })).toBeUndefined()
})

test('it is the same after a night on disk', () => {
  const memory = memoryOf()
  memory.learn('', 'a\udcff', sight, digest, later)
  memory.learn('d/e', 'b', sight, digest, later)
  const text = memory.encode()
  const next = memoryOf(text)
  expect(next.recall('', 'a\udcff', sight)).toBe(digest)
  expect(next.recall('d/e', 'b', sight)).toBe(digest)
  expect(next.encode()).toBeUndefined()
})

test('a folder that nobody looked into is kept as it was', () => {
  const memory = memoryOf()
  memory.learn('a', 'x', sight, digest, later)
  memory.learn('b', 'x', sight, digest, later)
  const next = memoryOf(memory.encode())
  next.learn('a', 'y', sight, digest, later)
  const third = memoryOf(next.encode())
  expect(third.recall('b', 'x', sight)).toBe(digest)
  expect(third.recall('a', 'y', sight)).toBe(digest)
})

test('a file that changed a moment before it was seen is not trusted', () => {
  const racy = (changed: object, seen: number) => {
    const memory = memoryOf()
    memory.learn('', 'a', { ...sight, ...changed }, digest, seen)
    return memory.recall('', 'a', { ...sight, ...changed }) === undefined
  }
  expect(racy({}, sight.ctimeMs + 49)).toBe(true)
  expect(racy({}, sight.ctimeMs + 51)).toBe(false)
  // A clock of whole seconds can hide a change for longer.
  expect(racy({ mtimeMs: 1_000_000, ctimeMs: 1_001_000 }, 1_002_900)).toBe(true)
  expect(racy({ mtimeMs: 1_000_000, ctimeMs: 1_001_000 }, 1_003_001)).toBe(false)
  // An mtime in the future was set by somebody, and says nothing of when.
  expect(racy({ mtimeMs: 9e12 }, sight.ctimeMs + 51)).toBe(false)
})

test('files that are gone are forgotten, and a folder without any leaves nothing', () => {
  const memory = memoryOf()
  memory.learn('d', 'a', sight, digest, later)
  memory.learn('d', 'b', sight, digest, later)
  const next = memoryOf(memory.encode())
  next.keepOnly('d', new Set(['b']))
  expect(next.recall('d', 'a', sight)).toBeUndefined()
  expect(next.recall('d', 'b', sight)).toBe(digest)
  next.keepOnly('d', new Set())
  expect(JSON.parse(next.encode()!).folders).toEqual([])
})

test.each([
  '',
  'nonsense',
  '{}',
  '{"format":1,"folders":[["",[["a",5]]]]}',
  '{"format":2}',
  '{"format":2,"folders":3}',
])('a memory of another kind is no memory: %s', (text) => {
  const memory = memoryOf(text)
  expect(memory.recall('', 'a', sight)).toBeUndefined()
  memory.learn('', 'a', sight, digest, later)
  expect(memory.recall('', 'a', sight)).toBe(digest)
})

function contextOf(folder: string, shelf: { text?: string }) {
  return openDirectory(folder, {
    name: '.',
    memory: new ContextMemory(() => shelf.text),
    keepMemory: (text) => {
      shelf.text = text
    },
  })
}

function settledFolder(files: Record<string, string>): string {
  const folder = writeFiles(join(temporaryFolder(), 'context'), files)
  // Files made just now would not be trusted: their change times can't be set, so wait for the tick to pass.
  const end = Date.now() + 60
  while (Date.now() < end);
  return folder
}

test('a context knows the digests it learnt the last time, without reading the files', () => {
  const folder = settledFolder({ a: 'one', 'd/b': 'two' })
  const shelf: { text?: string } = {}
  const first = contextOf(folder, shelf)
  for (const path of ['a', 'd/b']) expect((first.tree.get(path) as RegularFile).digest).toBeUndefined()
  for (const path of ['a', 'd/b']) digestOf(first.tree.get(path) as RegularFile)
  first.close()
  const second = contextOf(folder, shelf)
  expect((second.tree.get('a') as RegularFile).digest).toBe(sha256('one'))
  expect((second.tree.get('d/b') as RegularFile).digest).toBe(sha256('two'))
})

test('a file with the same size and time as before, but another inode or change time, is read again', () => {
  const folder = settledFolder({ a: 'one' })
  const shelf: { text?: string } = {}
  const first = contextOf(folder, shelf)
  digestOf(first.tree.get('a') as RegularFile)
  first.close()
  const { atimeMs, mtimeMs } = statSync(join(folder, 'a'))
  writeFileSync(join(folder, 'b'), 'two')
  utimesSync(join(folder, 'b'), atimeMs / 1000, mtimeMs / 1000)
  renameSync(join(folder, 'b'), join(folder, 'a'))
  expect(digestOf(contextOf(folder, shelf).tree.get('a') as RegularFile)).toBe(sha256('two'))
})

test('a second name of a file and one that went are no trouble', () => {
  const folder = settledFolder({ a: 'one', c: 'gone soon' })
  linkSync(join(folder, 'a'), join(folder, 'b'))
  const end = Date.now() + 60
  while (Date.now() < end);
  const shelf: { text?: string } = {}
  const first = contextOf(folder, shelf)
  for (const name of ['a', 'b', 'c']) digestOf(first.tree.get(name) as RegularFile)
  first.close()
  rmSync(join(folder, 'c'))
  const second = contextOf(folder, shelf)
  expect((second.tree.get('b') as RegularFile).digest).toBe(sha256('one'))
  second.close()
  expect(shelf.text).not.toContain('"c"')
})
