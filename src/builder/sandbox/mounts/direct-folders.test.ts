import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { isRoot, temporaryFolder, writeFiles } from '../../../../test/kit/cli.ts'
import { canMount as mayMount, mountOn, unlessMissing } from '../../../../test/kit/needs.ts'
import { type Ignore, openDirectory } from '../../../files/context/index.ts'
import type { Directory } from '../../../files/tree/index.ts'
import { thisMachine } from '../machine/index.ts'
import { canMount, type DirectFolder, findDirect } from './direct-folders.ts'

/** A context `context` with files in `data`, beside a folder of the store. */
function openLab() {
  const folder = temporaryFolder()
  const own = join(folder, 'store/running')
  mkdirSync(own, { recursive: true })
  const context = writeFiles(join(folder, 'context'), { 'data/one': '1', 'data/sub/two': '2', 'data/empty': '' })
  symlinkSync('one', join(context, 'data/link'))
  chmodSync(context, 0o755)
  const at = (name: string) => join(context, name)
  const find = (name = 'data', ignore?: Ignore, from = context): DirectFolder | undefined => {
    const { tree } = openDirectory(from, { name: '.', ignore })
    return findDirect((name === '' ? tree.root : tree.get(name)) as Directory, own)
  }
  return { folder, own, context, at, find }
}

test('a folder whose files are all in the context is shown itself', async () => {
  const { context, find } = openLab()
  expect(find()).toMatchObject({ path: join(context, 'data'), isAlikeItself: true, isNoexec: false })
  expect(find('data/sub')).toMatchObject({ path: join(context, 'data/sub') })
  expect(await find('')?.wasAsRead(performance.now())).toBe(true)
})

test('the root of a context is 0755, whatever its folder is', () => {
  const { context, at, find } = openLab()
  for (const [mode, isAlikeItself] of [
    [0o755, true],
    [0o700, false],
    [0o1777, false],
  ] as const) {
    chmodSync(context, mode)
    chmodSync(at('data'), mode)
    expect(find('')).toMatchObject({ isAlikeItself })
    expect(find('data')).toMatchObject({ isAlikeItself: true })
  }
})

test('a context named by a link is the folder that it leads to', () => {
  const { folder, context, find } = openLab()
  symlinkSync('context', join(folder, 'link'))
  expect(find('data', undefined, join(folder, 'link'))).toMatchObject({ path: join(context, 'data') })
})

test.each<[string, (at: (name: string) => string) => void]>([
  ['a FIFO', (at) => expect(spawnSync('mkfifo', [at('data/sub/pipe')]).status).toBe(0)],
  ['a file with another name elsewhere', (at) => linkSync(at('data/sub/two'), at('other'))],
  ['a set-user-ID program', (at) => chmodSync(at('data/sub/two'), 0o4755)],
  ['a set-group-ID program', (at) => chmodSync(at('data/sub/two'), 0o2755)],
])('a folder with %s is copied', (_, change) => {
  const { at, find } = openLab()
  expect(find()).toBeDefined()
  change(at)
  expect(find()).toBeUndefined()
  expect(find('data/sub')).toBeUndefined()
})

test('a folder with a socket is copied', async () => {
  const { at, find } = openLab()
  const server = createServer().listen(at('data/socket'))
  await new Promise((resolve) => server.once('listening', resolve))
  expect(find()).toBeUndefined()
  expect(find('data/sub')).toBeDefined()
  server.close()
})

test.skipIf(!unlessMissing(isRoot, 'owners are given by root only'))(
  'a folder is shown itself to whoever owns all in it',
  () => {
    const { at, find } = openLab()
    chownSync(at('data/sub/two'), 7, 0)
    expect([find(), find('data/sub')]).toEqual([undefined, undefined])
    chownSync(at('data/sub/two'), 0, 7)
    expect([find(), find('data/sub')]).toEqual([undefined, undefined])
    chownSync(at('data/sub/two'), 0, 0)
    chownSync(at('data/sub'), 7, 7)
    expect([find(), find('data/sub')]).toMatchObject([undefined, { isAlikeItself: false }])
  },
)

test('a folder with ignored files is copied, unless they are elsewhere', () => {
  const { at, find } = openLab()
  const ignoring = (...names: readonly string[]): Ignore => ({
    file: '.dockerignore',
    ignored: (path) => names.includes(path),
    mayReinclude: (path) => path === 'data',
    why: () => undefined,
  })
  expect(find('data', ignoring('elsewhere', 'data/nothing'))).toBeDefined()
  expect(find('data', ignoring('data/one'))).toBeUndefined()
  expect(find('data', ignoring('data/sub'))).toBeUndefined()
  expect(find('data/sub', ignoring('data'))).toBeDefined()
  writeFileSync(at('elsewhere'), '')
  expect(find('data', ignoring('elsewhere'))).toBeDefined()
  expect(find('', ignoring('elsewhere'))).toBeUndefined()
})

test('a folder that has the store in it is copied', () => {
  const { folder, find } = openLab()
  expect(find('', undefined, folder)).toBeUndefined()
  expect(find('context', undefined, folder)).toBeDefined()
})

test.skipIf(!mayMount())('a folder with something mounted in it is copied', () => {
  const { at, find } = openLab()
  mountOn(at('data/sub'), '--bind', at('data/sub'))
  expect(find()).toBeUndefined()
  expect(find('data/sub')).toBeDefined()
})

test.skipIf(!mayMount())('a disk that programs may not be executed on is told apart', () => {
  const { at, find } = openLab()
  mountOn(at('data'), '-t', 'tmpfs', '-o', 'size=1m,noexec', 'tmpfs')
  writeFileSync(at('data/file'), '')
  expect(find()).toMatchObject({ isNoexec: true })
})

test.each([0, 2500])(
  'whatever changes in the folder is seen, and nothing else is, with %i other files',
  async (count) => {
    const { at, context, find } = openLab()
    const many = Array.from({ length: count }, (_, i) => [`data/many/${i}`, ''])
    writeFiles(context, Object.fromEntries(many) as Record<string, string>)
    const time = new Date('2023-05-05T10:11:12.345Z')
    utimesSync(at('data/one'), time, time)
    const changes: [string, () => void][] = [
      ['a content', () => writeFileSync(at('data/one'), '2')],
      ['a content with the time of before', () => utimesSync(at('data/one'), time, time)],
      ['a mode', () => chmodSync(at('data/sub/two'), 0o600)],
      ['the mode of a directory', () => chmodSync(at('data/sub'), 0o700)],
      ['a new name', () => writeFileSync(at('data/sub/new'), '')],
      ['another name', () => renameSync(at('data/sub/new'), at('data/sub/newer'))],
      ['no name', () => unlinkSync(at('data/sub/newer'))],
      ['no link', () => unlinkSync(at('data/link'))],
      ['another link', () => symlinkSync('two', at('data/link'))],
      ['no directory', () => rmSync(at('data/sub'), { recursive: true })],
      ['a new directory', () => mkdirSync(at('data/sub'))],
      [
        'another folder',
        () => {
          renameSync(at('data'), at('before'))
          writeFiles(context, { 'data/one': '2' })
        },
      ],
    ]
    for (const [name, change] of changes) {
      const direct = find()!
      writeFileSync(at('beside'), name)
      expect([name, await direct.wasAsRead(performance.now())]).toEqual([name, true])
      change()
      expect([name, await direct.wasAsRead(performance.now())]).toEqual([name, false])
    }
  },
)

test.skipIf(!mayMount())('what has taken the place of the folder is not mounted', async () => {
  const { folder, at, find } = openLab()
  const machine = thisMachine()
  const direct = find()!
  expect(await canMount(direct, join(folder, 'first'), machine)).toBe(true)
  renameSync(at('data'), at('before'))
  for (const [name, make] of [
    ['a folder', () => mkdirSync(at('data'))],
    ['a link', () => symlinkSync('/etc', at('data'))],
    ['nothing', () => {}],
  ] as const) {
    make()
    expect([name, await canMount(direct, join(folder, name), machine)]).toEqual([name, false])
    rmSync(at('data'), { recursive: true, force: true })
  }
  renameSync(at('before'), at('data'))
  expect(await canMount(direct, join(folder, 'last'), machine)).toBe(true)
})
