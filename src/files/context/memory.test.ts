import { linkSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder, writeFiles } from '../../../test/kit/cli.ts'
import { sha256 } from '../../support/index.ts'
import { digestOf } from '../layer/index.ts'
import type { RegularFile } from '../tree/index.ts'
import { ContextMemory, openDirectory } from './index.ts'

const digest = sha256('x')
const sight = { size: 5, mtimeMs: 1_000_123.5, ctimeMs: 1_000_200, ino: 7, mode: 0o100644 }
const later = 2_000_000

type Files = Readonly<Record<string, object>>

/** Looks at files of folders (what differs from `sight` of each), in this order. */
function look(memory: ContextMemory, folders: Readonly<Record<string, Files>>, seen = later) {
  const found: Record<string, string | undefined> = {}
  const learn: (() => void)[] = []
  for (const [path, files] of Object.entries(folders)) {
    const folder = memory.folder(path, Object.keys(files).length)
    for (const [name, change] of Object.entries(files)) {
      const number = folder.see(name, { ...sight, ...change }, seen)
      found[path === '' ? name : `${path}/${name}`] = folder.digestOf(number)
      learn.push(() => folder.learn(number, digest))
    }
  }
  return { found, learn: () => learn.forEach((one) => void one()) }
}

/** The memory of a later build, after one that learnt the digests of these files. */
function after(folders: Readonly<Record<string, Files>>, earlier = new ContextMemory(() => undefined)): ContextMemory {
  look(earlier, folders).learn()
  const bytes = earlier.encode()
  return new ContextMemory(() => bytes)
}

test('what was learnt is recalled while the file looks the same, and not a moment longer', () => {
  const memory = after({ d: { a: {} } })
  expect(look(memory, { d: { a: {}, b: {} }, '': { a: {} } }).found).toEqual({
    'd/a': digest,
    'd/b': undefined,
    a: undefined,
  })
  for (const change of [{ size: 6 }, { mtimeMs: 1 }, { ctimeMs: 1_000_200.001 }, { ino: 8 }, { mode: 0o100755 }])
    expect(look(memory, { d: { a: change } }).found).toEqual({ 'd/a': undefined })
})

test('what a build learns it knows from then on', () => {
  const folder = new ContextMemory(() => undefined).folder('', 1)
  const number = folder.see('a', sight, later)
  folder.learn(number, digest)
  expect(folder.digestOf(number)).toBe(digest)
})

test('names that are no UTF-8, long ones and those of other letters are found', () => {
  const names = ['a\udcff', 'é', 'é'.normalize('NFD'), '文件', 'x'.repeat(255), ' ', '\n']
  const files = { '': {}, ...Object.fromEntries(names.map((name) => [name, {}])) }
  const { found } = look(after({ 'd\udcff/é': files }), { 'd\udcff/é': files })
  expect(Object.values(found)).toEqual([...names, ''].map(() => digest))
})

test('files are found in whatever order they come', () => {
  const memory = after({ '': { a: {}, b: {}, c: {}, d: {} } })
  const { found } = look(memory, { '': { c: {}, a: {}, new: {}, d: {}, b: { size: 6 } } })
  expect(found).toEqual({ c: digest, a: digest, new: undefined, d: digest, b: undefined })
})

test('numbers of every size and fraction are the same after a night on disk', () => {
  const odd = { size: 2 ** 52, mtimeMs: -1234.0625, ctimeMs: 1_700_000_000_123.4568, ino: 2 ** 53 - 1, mode: 0o100644 }
  const memory = new ContextMemory(() => undefined)
  look(memory, { '': { a: odd } }, 2e12).learn()
  const bytes = memory.encode()
  expect(look(new ContextMemory(() => bytes), { '': { a: odd } }).found).toEqual({ a: digest })
})

test('where nothing is new there is nothing to keep', () => {
  const memory = after({ '': { a: {} }, 'd/e': { b: {} } })
  expect(memory.encode()).toBeUndefined()
  expect(look(memory, { '': { a: {} }, 'd/e': { b: {} } }).found).toEqual({ a: digest, 'd/e/b': digest })
  expect(memory.encode()).toBeUndefined()
})

test('a folder that nobody looked into is kept as it was', () => {
  const memory = after({ a: { y: {} } }, after({ a: { x: {} }, b: { x: {} } }))
  expect(look(memory, { a: { y: {} }, b: { x: {} } }).found).toEqual({ 'a/y': digest, 'b/x': digest })
})

test('a file that changed a moment before it was seen is not trusted', () => {
  const racy = (changed: object, seen: number) => {
    const memory = new ContextMemory(() => undefined)
    look(memory, { '': { a: changed } }, seen).learn()
    return memory.encode() === undefined
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
  const memory = after({ d: { a: {}, b: {} } })
  expect(look(memory, { d: { b: {} } }).found).toEqual({ 'd/b': digest })
  const second = memory.encode()!
  expect(second.includes('a')).toBe(true)
  expect(look(new ContextMemory(() => second), { d: { a: {}, b: {} } }).found).toEqual({
    'd/a': undefined,
    'd/b': digest,
  })
  const third = new ContextMemory(() => second)
  third.folder('d', 0)
  expect(third.encode()!.toString()).toBe('tare context 04\n')
})

test('a memory of another kind, or one that was cut, is no memory', () => {
  const memory = new ContextMemory(() => undefined)
  look(memory, { '': { a: {} }, d: { b: {} } }).learn()
  const whole = memory.encode()!
  const old = ['', 'nonsense', '{}', '{"format":2,"folders":[["",[["a",5]]]]}'].map((text) => Buffer.from(text))
  const cut = Array.from({ length: whole.length - 'tare context 04\n'.length - 1 }, (_, i) => whole.subarray(0, -i - 1))
  for (const bytes of [...old, ...cut, Buffer.concat([whole, Buffer.from([1])])]) {
    const next = new ContextMemory(() => bytes)
    const seen = look(next, { '': { a: {} }, d: { b: {} } })
    // What comes before the cut may be whole.
    expect([undefined, digest], bytes.toString('latin1')).toContain(seen.found['a'])
    if (!cut.includes(bytes)) expect(seen.found['a']).toBeUndefined()
    expect(seen.found['d/b']).toBeUndefined()
    seen.learn()
    const encoded = next.encode()
    expect(look(new ContextMemory(() => encoded), { d: { b: {} } }).found).toEqual({ 'd/b': digest })
  }
})

function contextOf(folder: string, shelf: { bytes?: Buffer }) {
  return openDirectory(folder, {
    name: '.',
    memory: new ContextMemory(() => shelf.bytes),
    keepMemory: (bytes) => {
      shelf.bytes = bytes
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
  const shelf: { bytes?: Buffer } = {}
  const first = contextOf(folder, shelf)
  for (const path of ['a', 'd/b']) expect((first.tree.get(path) as RegularFile).content.digest).toBeUndefined()
  for (const path of ['a', 'd/b']) digestOf(first.tree.get(path) as RegularFile)
  first.close()
  const second = contextOf(folder, shelf)
  expect((second.tree.get('a') as RegularFile).content.digest).toBe(sha256('one'))
  expect((second.tree.get('d/b') as RegularFile).content.digest).toBe(sha256('two'))
})

test('a file with the same size and time as before, but another inode or change time, is read again', () => {
  const folder = settledFolder({ a: 'one' })
  const shelf: { bytes?: Buffer } = {}
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
  const shelf: { bytes?: Buffer } = {}
  const first = contextOf(folder, shelf)
  for (const name of ['a', 'b', 'c']) digestOf(first.tree.get(name) as RegularFile)
  first.close()
  rmSync(join(folder, 'c'))
  const second = contextOf(folder, shelf)
  expect((second.tree.get('b') as RegularFile).content.digest).toBe(sha256('one'))
  second.close()
  expect(shelf.bytes).not.toContain('"c"')
})
