import { chmodSync, lstatSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../../../test/kit/cli.ts'
import { onDisk } from '../../../../test/kit/on-disk.ts'
import { type Directory, type Node, Tree } from '../../../files/tree/index.ts'
import type { Machine } from '../machine/index.ts'
import { giveBits, setIdPrograms, takeBits } from './set-id.ts'

onDisk()

const metadata = { uid: 0, gid: 0, mtime: 0, mtimeNs: 0 }
const modes = { 'd/su': 0o4755, 'd/sg': 0o2711, 'd/both a': 0o6555, 'd/plain': 0o755, top: 0o4700 }

function fileOf(mode: number, size = 1): Node {
  return { kind: 'file', mode, ...metadata, size, content: { kind: 'inline', bytes: Buffer.alloc(1) } }
}

/** The files in a tree, and on a disk. */
function files(): { folder: string; root: Directory } {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'd'))
  const draft = Tree.empty.edit()
  draft.put(['d'], { kind: 'directory', mode: 0o2755, ...metadata, children: new Map() })
  for (const [path, mode] of Object.entries(modes)) {
    writeFileSync(join(folder, path), 'x')
    chmodSync(join(folder, path), mode)
    draft.put(path.split('/'), fileOf(mode))
  }
  return { folder, root: draft.done() }
}

const modesOn = (folder: string) =>
  Object.fromEntries(Object.keys(modes).map((path) => [path, lstatSync(join(folder, path)).mode & 0o7777]))
const without = Object.fromEntries(Object.entries(modes).map(([path, mode]) => [path, mode & 0o1777]))

// What enters the namespace of an ordinary user is put in front of programs; whoever runs the tests owns the files.
const direct = { root: true } as Machine
const entered = { root: false, enter: () => ['env'] } as unknown as Machine
const broken = { root: false, enter: () => ['false'] } as unknown as Machine

test.each([
  ['directly', direct],
  ['by programs', entered],
])('the bits are taken and given back, %s', async (_, machine) => {
  const { folder, root } = files()
  const programs = setIdPrograms(root)
  await takeBits(programs, folder, machine)
  expect(modesOn(folder)).toEqual(without)
  chmodSync(join(folder, 'd/su'), 0o700)
  await giveBits(programs, folder, machine)
  // What has another mode is another file.
  expect(modesOn(folder)).toEqual({ ...modes, 'd/su': 0o700 })
})

test('where the bits cannot be given back, that is an error; where they cannot be taken, they stay', async () => {
  const { folder, root } = files()
  const programs = setIdPrograms(root)
  await takeBits(programs, folder, broken)
  expect(modesOn(folder)).toEqual(modes)
  await takeBits(programs, folder, direct)
  await expect(giveBits(programs, folder, broken)).rejects.toThrow('did not get their bits back')
})

test.each([
  ['directly', direct],
  ['by programs', entered],
])('no link is followed, %s', async (_, machine) => {
  const { folder, root } = files()
  renameSync(join(folder, 'd'), join(folder, 'elsewhere'))
  symlinkSync('elsewhere', join(folder, 'd'))
  renameSync(join(folder, 'top'), join(folder, 'aside'))
  symlinkSync('aside', join(folder, 'top'))
  await takeBits(setIdPrograms(root), folder, machine)
  const modeOf = (name: string) => lstatSync(join(folder, name)).mode & 0o7777
  expect([modeOf('elsewhere/su'), modeOf('elsewhere/sg'), modeOf('aside')]).toEqual([0o4755, 0o2711, 0o4700])
})

test('only files count, up to 64 MiB, and a filesystem without them has none', () => {
  const { root } = files()
  const names = (directory: Directory | undefined): string[] =>
    [...(directory?.children ?? [])].flatMap(([name, node]) =>
      node.kind === 'directory' ? names(node).map((below) => `${name}/${below}`) : [name],
    )
  expect(names(setIdPrograms(root)).sort()).toEqual(['d/both a', 'd/sg', 'd/su', 'top'])
  const draft = Tree.empty.edit()
  draft.put(['d'], { kind: 'directory', mode: 0o6755, ...metadata, children: new Map() })
  draft.put(['huge'], fileOf(0o4755, (64 << 20) + 1))
  draft.put(['link'], { kind: 'symlink', mode: 0o6777, ...metadata, target: 'huge' })
  expect(setIdPrograms(draft.done())).toBeUndefined()
})
