import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { rescueMoved, SwappedPaths } from './swapped-paths.ts'

let home: string
let root: string
let cache: string
let host: string

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tare-borrowed-'))
  onTestFinished(() => rmSync(home, { recursive: true, force: true }))
  root = join(home, 'step/root')
  cache = join(home, 'cache')
  host = join(home, 'host')
  for (const path of [root, cache, host]) mkdirSync(path, { recursive: true })
  writeFileSync(join(cache, 'kept'), 'kept')
  writeFileSync(join(host, 'data'), 'precious')
})

const places = () => new SwappedPaths(root, join(home, 'step/aside'))
const untouched = () => expect(readdirSync(host)).toEqual(['data'])

test('what was at a place comes back, and what was made on the way goes', () => {
  writeFileSync(join(root, 'hosts'), 'the image’s')
  const borrowed = places()
  borrowed.borrow('hosts', (path) => writeFileSync(path, 'ours'))
  borrowed.borrow('a/b/c', (path) => mkdirSync(path))
  expect(readFileSync(join(root, 'hosts'), 'utf8')).toBe('ours')
  borrowed.giveBack()
  expect(readFileSync(join(root, 'hosts'), 'utf8')).toBe('the image’s')
  expect(readdirSync(root)).toEqual(['hosts'])
})

test('after a kill a cache goes home, with what lay in it where something of a step was put', () => {
  mkdirSync(join(cache, 'sub'))
  writeFileSync(join(cache, 'sub/own'), 'of the cache')
  const borrowed = places()
  borrowed.borrow('c', (path) => renameSync(cache, path), cache)
  borrowed.borrow('c/sub', (path) => mkdirSync(path))
  expect(existsSync(cache)).toBe(false)
  rescueMoved(join(home, 'step/aside'))
  expect(readFileSync(join(cache, 'kept'), 'utf8')).toBe('kept')
  expect(readFileSync(join(cache, 'sub/own'), 'utf8')).toBe('of the cache')
})

test('a line that a kill cut short, or a move that it forestalled, spoils nothing', () => {
  const borrowed = places()
  expect(() =>
    borrowed.borrow(
      'c',
      () => {
        throw new Error('killed')
      },
      cache,
    ),
  ).toThrow('killed')
  writeFileSync(join(home, 'step/aside/borrowed'), '{"place":"x","sav', { flag: 'a' })
  rescueMoved(join(home, 'step/aside'))
  expect(readdirSync(cache)).toEqual(['kept'])
})

test('no link is followed on the way to a place', () => {
  symlinkSync(host, join(root, 'out'))
  for (const place of ['out/data', 'out/made', 'out/deep/made'])
    expect(() => places().borrow(place, (path) => mkdirSync(path))).toThrow(/it is a link/)
  untouched()
})

test('no link that a command leaves is followed when things are put back', () => {
  mkdirSync(join(root, 'dir'))
  writeFileSync(join(root, 'dir/data'), 'the image’s')
  const borrowed = places()
  borrowed.borrow('dir/data', (path) => writeFileSync(path, 'ours'))
  renameSync(join(root, 'dir'), join(root, 'moved'))
  symlinkSync(host, join(root, 'dir'))
  borrowed.giveBack()
  untouched()
  expect(readFileSync(join(host, 'data'), 'utf8')).toBe('precious')
})

test('a cache that the command moves elsewhere comes home all the same, and what took its place does not', () => {
  const borrowed = places()
  borrowed.borrow('d/c', (path) => renameSync(cache, path), cache)
  renameSync(join(root, 'd'), join(root, 'e'))
  mkdirSync(join(root, 'd/c'), { recursive: true })
  borrowed.giveBack()
  expect(readdirSync(cache)).toEqual(['kept'])
})
