import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, linkSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { isRoot, temporaryFolder, writeFiles } from '../../../test/kit/cli.ts'
import { ignoreOf } from '../../../test/kit/ignore.ts'
import { asOrdinaryUser } from '../../../test/kit/ordinary-user.ts'
import { listTree } from '../../../test/kit/trees.ts'
import { digestOf, readWhole } from '../layer/index.ts'
import type { Directory, RegularFile, Tree } from '../tree/index.ts'
import { ContextMemory, openDirectory } from './index.ts'

function list(tree: Tree): string[] {
  return listTree(tree, (file) => readWhole(file, 1000).toString())
}

function folderWith(files: Parameters<typeof writeFiles>[1]): string {
  return writeFiles(join(temporaryFolder(), 'context'), files)
}

test('everything is there with its mode and time, and belongs to root', () => {
  const folder = folderWith({ 'bin/run': { content: '#!', mode: 0o4755 }, 'empty/': undefined, z: '' })
  symlinkSync('../no/where', join(folder, 'bin/link'))
  if (isRoot) chownSync(join(folder, 'z'), 1234, 4321)
  chmodSync(join(folder, 'z'), 0o600)
  chmodSync(join(folder, 'empty'), 0o1777)
  execFileSync('touch', ['-d', '@-1.25', join(folder, 'z')])
  const { tree } = openDirectory(folder, { name: '.' })
  expect(list(tree)).toEqual([
    '755 0:0 bin/',
    '777 0:0 bin/link -> ../no/where',
    '4755 0:0 bin/run = #!',
    '1777 0:0 empty/',
    '600 0:0 z = ',
  ])
  expect(tree.get('z')).toMatchObject({ mtime: -2, mtimeNs: 750_000_000 })
  expect(tree.root.mtime).toBeNaN()
})

test('the exact time of whatever is there can be asked for, as long as it is the same', () => {
  const folder = folderWith({ 'd/file': 'x', empty: '' })
  symlinkSync('nowhere', join(folder, 'link'))
  const names = ['d', 'd/file', 'empty', 'link']
  const all = names.map((name) => join(folder, name))
  execFileSync('touch', ['-h', '-d', '2023-05-05 10:11:12.123456789', ...all])
  const { tree } = openDirectory(folder, { name: '.' })
  const seen = () => names.map((name) => tree.get(name)!.exactNs)
  expect(names.map((name) => Math.abs(tree.get(name)!.mtimeNs - 123_456_789) < 300)).toEqual(names.map(() => true))
  expect(seen()).toEqual(names.map(() => 123_456_789))
  execFileSync('touch', ['-h', '-d', '2024-05-05 10:11:12.123456789', ...all])
  expect(seen()).toEqual(names.map((name) => tree.get(name)!.mtimeNs))
  rmSync(folder, { recursive: true })
  expect(seen()).toEqual(names.map((name) => tree.get(name)!.mtimeNs))
})

test('a time right before a full second is in its own second, in this build and in those that remember it', () => {
  const folder = folderWith({ 'd/file': 'x', empty: '', other: 'y' })
  symlinkSync('nowhere', join(folder, 'link'))
  const names = ['d', 'd/file', 'empty', 'link']
  const date = (time: string, ...all: string[]) =>
    execFileSync('touch', ['-h', '-d', `@${time}`, ...all.map((name) => join(folder, name))])
  date('1600000000', 'other')
  let bytes: Buffer | undefined
  for (const [time, seconds, exactNs] of [
    ['1600000000.999999999', 1_600_000_000, 999_999_999],
    ['-1.000000001', -2, 999_999_999],
    ['4000000000.999999900', 4_000_000_000, 999_999_900],
    ['1600000000.000000001', 1_600_000_000, 1],
    ['1600000000', 1_600_000_000, 0],
  ] as const) {
    date(time, ...names)
    for (const round of ['the first', 'the next']) {
      const memory = new ContextMemory(() => bytes)
      const keepMemory = (kept: Buffer) => {
        bytes = kept
      }
      const context = openDirectory(folder, { name: '.', memory, keepMemory })
      const seen = names.map((name) => {
        const { mtime, exactNs } = context.tree.get(name)!
        return [round, name, mtime, exactNs]
      })
      expect(seen).toEqual(names.map((name) => [round, name, seconds, exactNs]))
      expect(context.tree.get('other')).toMatchObject({ mtime: 1_600_000_000, mtimeNs: 0 })
      for (const name of ['d/file', 'other']) digestOf(context.tree.get(name) as RegularFile)
      context.close()
    }
  }
})

test('a directory is read when it is first looked into, and once', () => {
  const folder = folderWith({ 'a/x': 'x' })
  const { tree } = openDirectory(folder, { name: '.' })
  const a = tree.get('a') as Directory
  writeFileSync(join(folder, 'a/y'), 'in time')
  expect([...a.children.keys()].sort()).toEqual(['x', 'y'])
  writeFileSync(join(folder, 'a/z'), 'too late')
  rmSync(join(folder, 'a/x'))
  expect([...a.children.keys()].sort()).toEqual(['x', 'y'])
  expect(tree.get('a')).toBe(a)
})

test('names of one file are one node; the same bytes in two files are not', () => {
  const folder = folderWith({ a: 'same', b: 'same', 'd/c': '' })
  linkSync(join(folder, 'a'), join(folder, 'd/a'))
  symlinkSync('a', join(folder, 'link'))
  linkSync(join(folder, 'link'), join(folder, 'd/link'))
  linkSync(join(folder, 'd/c'), join(folder, 'd/c2'))
  const { tree } = openDirectory(folder, { name: '.' })
  expect(tree.get('a')).toBe(tree.get('d/a'))
  expect(tree.get('link')).toBe(tree.get('d/link'))
  expect(tree.get('d/c')).toBe(tree.get('d/c2'))
  expect(tree.get('a')).not.toBe(tree.get('b'))
})

test('fifos are fifos, and a socket is an empty file as with docker', async () => {
  const folder = folderWith({})
  execFileSync('mkfifo', ['-m', '640', join(folder, 'pipe')])
  const server = createServer().listen(join(folder, 'socket'))
  await new Promise((go) => server.once('listening', go))
  chmodSync(join(folder, 'socket'), 0o700)
  const lines = list(openDirectory(folder, { name: '.' }).tree)
  server.close()
  expect(lines).toEqual(['640 0:0 pipe fifo', '700 0:0 socket = '])
})

test.skipIf(!isRoot)('devices keep their numbers, large ones too', () => {
  const folder = folderWith({})
  try {
    execFileSync('mknod', [join(folder, 'null'), 'c', '1', '3'], { stdio: 'ignore' })
    execFileSync('mknod', [join(folder, 'disk'), 'b', '4000', '1000000'], { stdio: 'ignore' })
  } catch {
    console.warn('skipped: this process may not make devices')
    return
  }
  const { tree } = openDirectory(folder, { name: '.' })
  expect(tree.get('null')).toMatchObject({ kind: 'char', major: 1, minor: 3 })
  expect(tree.get('disk')).toMatchObject({ kind: 'block', major: 4000, minor: 1_000_000 })
})

test('names that are not UTF-8 are found, read and looked into', () => {
  const folder = folderWith({})
  const raw = (...parts: (string | number)[]) =>
    Buffer.concat([
      Buffer.from(`${folder}/`),
      ...parts.map((part) => Buffer.from(typeof part === 'string' ? part : [part])),
    ])
  mkdirSync(raw('d', 0xe9))
  writeFileSync(raw('d', 0xe9, '/f', 0xff), 'deep')
  writeFileSync(raw('\ufffd'), 'a name of its own')
  symlinkSync(Buffer.from([0x78, 0x80]), raw('link'))
  expect(list(openDirectory(folder, { name: '.' }).tree).map((line) => line.replace(/^\d+ 0:0 /, ''))).toEqual([
    'd\udce9/',
    'd\udce9/f\udcff = deep',
    'link -> x\udc80',
    '\ufffd = a name of its own',
  ])
})

test('what is ignored is not there, is not read, and says which line hides it', () => {
  const folder = folderWith({ a: 'a', 'b/c': 'c', 'b/d': 'd', 'node_modules/x/y': '' })
  const context = openDirectory(folder, { name: '.', ignore: ignoreOf('# no', 'node_modules', 'b/c') })
  expect([...context.tree.walk()].map(([path]) => path)).toEqual(['a', 'b', 'b/d'])
  expect(context.ignoredBy('b/c')).toEqual({ file: '.dockerignore', line: 3, pattern: 'b/c' })
  expect(context.ignoredBy('./node_modules/x/')).toMatchObject({ line: 2 })
  expect(context.ignoredBy('node_modules/never')).toBeUndefined()
  expect(context.ignoredBy('a')).toBeUndefined()
  expect(context.ignoredBy('a/below/a/file')).toBeUndefined()
})

test('a directory that is ignored shows for what is let in again below it, and not else', () => {
  const folder = folderWith({ 'a/keep': '', 'a/drop': '', 'b/drop': '', 'c/d/keep': '', 'e/': undefined })
  const { tree } = openDirectory(folder, { name: '.', ignore: ignoreOf('*', '!a/keep', '!c/d') })
  expect([...tree.walk()].map(([path]) => path)).toEqual(['a', 'a/keep', 'c', 'c/d', 'c/d/keep'])
  const all = openDirectory(folder, { name: '.', ignore: ignoreOf('*', '!**/keep') })
  expect([...all.tree.walk()].map(([path]) => path)).toEqual(['a', 'a/keep', 'c', 'c/d', 'c/d/keep'])
})

test('an ignored directory that may not be read is no obstacle; another is, by its name', () => {
  const folder = folderWith({ 'secret/x': 'x', a: 'a' })
  chmodSync(join(folder, 'secret'), 0)
  asOrdinaryUser(() => {
    const context = openDirectory(folder, { name: '.', ignore: ignoreOf('secret') })
    expect([...context.tree.walk()].map(([path]) => path)).toEqual(['a'])
    expect(context.ignoredBy('secret/x')).toBeUndefined()
    const { tree } = openDirectory(folder, { name: '.' })
    expect(() => [...tree.walk()]).toThrow(
      expect.objectContaining({
        code: 'CONTEXT_UNREADABLE',
        message: 'cannot read secret: permission denied',
        remedy: expect.stringContaining('.dockerignore'),
      }),
    )
  })
})

test('a directory whose names can be read but not what they are says so', () => {
  const folder = folderWith({ 'listed/x': 'x' })
  chmodSync(join(folder, 'listed'), 0o744)
  asOrdinaryUser(() => {
    const { tree } = openDirectory(folder, { name: '.' })
    expect(() => [...tree.walk()]).toThrow(
      expect.objectContaining({ code: 'CONTEXT_UNREADABLE', message: 'cannot read listed/x: permission denied' }),
    )
  })
})

test('a context that is missing, is a file, lies below one or may not be looked for says so', () => {
  const folder = folderWith({ file: '', 'closed/in': '' })
  chmodSync(join(folder, 'closed'), 0)
  const missing = (path: string) => () => openDirectory(join(folder, path), { name: path })
  expect(missing('nothing')).toThrow(
    expect.objectContaining({ code: 'CONTEXT_MISSING', message: 'the build context nothing does not exist' }),
  )
  expect(missing('file')).toThrow(
    expect.objectContaining({ code: 'CONTEXT_MISSING', message: 'the build context file is not a folder' }),
  )
  expect(missing('file/below')).toThrow(expect.objectContaining({ code: 'CONTEXT_MISSING' }))
  expect(() => asOrdinaryUser(missing('closed/in'))).toThrow(expect.objectContaining({ code: 'CONTEXT_UNREADABLE' }))
})

test('texts are read whether or not they are ignored, through links too, and only where they are texts', () => {
  const folder = folderWith({ Dockerfile: 'FROM scratch', 'd/x': '', closed: 'x' })
  symlinkSync('Dockerfile', join(folder, 'link'))
  chmodSync(join(folder, 'closed'), 0)
  execFileSync('truncate', ['-s', String((16 << 20) + 1), join(folder, 'huge')])
  const context = openDirectory(folder, { name: '.', ignore: ignoreOf('*') })
  expect(context.readText('Dockerfile')).toBe('FROM scratch')
  expect(context.readText('/d/../link')).toBe('FROM scratch')
  expect(context.readText('nothing')).toBeUndefined()
  expect(context.readText('Dockerfile/below')).toBeUndefined()
  const unreadable = expect.objectContaining({ code: 'CONTEXT_UNREADABLE' })
  expect(() => context.readText('d')).toThrow(unreadable)
  expect(() => context.readText('huge')).toThrow(unreadable)
  expect(() => asOrdinaryUser(() => context.readText('closed'))).toThrow(unreadable)
})

test('a file that goes while the directory is read was never there', () => {
  const folder = folderWith({ a: '', b: '', c: '' })
  let looked = 0
  const ignore = {
    ...ignoreOf(),
    ignored: () => {
      if (++looked === 1) rmSync(join(folder, 'c'))
      return false
    },
  }
  const names = [...openDirectory(folder, { name: '.', ignore }).tree.walk()].map(([path]) => path)
  expect(names.filter((name) => name !== 'c')).toEqual(['a', 'b'])
})
