import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../../../test/kit/cli.ts'
import { runs } from '../../../../test/kit/scale.ts'
import { fileNode, linkNode, type TreeSpec, treeOf } from '../../../../test/kit/trees.ts'
import { ownersIn, ProcessFiles } from '../../../disk/index.ts'
import type { Content, Directory } from '../../../files/tree/index.ts'
import { decodeName, sha256, systemPath } from '../../../support/index.ts'
import { thisMachine } from '../machine/index.ts'
import { type WalkedFile, walk } from '../rootfs/index.ts'
import { listFiles } from './lists/file-list.ts'
import { RunStorage } from './run-storage.ts'
import { SharedFiles } from './shared-files.ts'

// What a build finds that takes over files of an earlier one is compared with the same unpacked in an empty folder.

function openLab() {
  const folder = temporaryFolder()
  const work = new ProcessFiles(join(folder, 'running', thisMachine().owner), ownersIn(join(folder, 'alive')))
  const kept = join(folder, 'mounted', thisMachine().owner)
  let count = 0
  const files = (from = kept) => new SharedFiles(from, thisMachine(), work)
  const identityOf = (node: Directory) => sha256(listFiles(node))
  /** What a build finds in the directory, as lines with inodes; it leaves everything to the next. */
  const build = async (node: Directory, identity: string = identityOf(node)) => {
    const one = files()
    const { path, isAsRead } = await one.of(node, () => identity)
    const lines = linesOf(path)
    const inodes = new Map([...lines.keys()].map((name) => [name, lstatSync(systemPath(join(path, name))).ino]))
    await one.close()
    return { lines, inodes, isAsRead }
  }
  const fresh = async (node: Directory) => {
    const one = files(join(folder, `none-${count++}`))
    const { path } = await one.of(node, () => '')
    const lines = linesOf(path)
    await one.close()
    return lines
  }
  const names = () => readdirSync(kept)
  return { folder, work, kept, files, identityOf, build, fresh, names }
}

function linesOf(path: string): Map<string, string> {
  const lines = new Map<string, string>()
  const list = (found: WalkedFile, at: string) => {
    const text = found.kind === 'file' ? sha256(readFileSync(systemPath(join(path, at)))) : (found.target ?? '')
    const shared = found.inode === undefined ? '' : ' shared'
    lines.set(
      at,
      `${found.kind} ${found.mode.toString(8)} ${found.uid}:${found.gid} ${found.mtime}${found.mtimeNs === 0 ? '' : `.${found.mtimeNs}`} ${text}${shared} ${found.device ?? ''}`,
    )
    for (const child of found.children ?? []) list(child, `${at}/${nameOf(child)}`)
  }
  for (const child of walk(path, undefined)[0]!.children ?? []) list(child, nameOf(child))
  const { mode, mtimeNs } = statSync(path, { bigint: true })
  lines.set('', `${(mode & 0o7777n).toString(8)} ${mtimeNs}`)
  return lines
}

function nameOf({ name }: WalkedFile): string {
  return decodeName(Buffer.from(name, 'latin1'))
}

const members: Record<string, TreeSpec> = {
  'src/main.c': 'int main;',
  'src/deep/er/file': { text: 'deep', mode: 0o600 },
  'src/link': linkNode('main.c'),
  'src/empty/': { mode: 0o750, mtime: 1_600_000_000 },
  'go.mod': 'module x',
  'run.sh': { text: '#!/bin/sh', mode: 0o755 },
  ...Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`lib/file${i}`, `${i}`])),
}
const project = (more: Record<string, TreeSpec> = {}) => treeOf({ ...members, ...more }).root

test('the second build finds the files of the first, and unpacks none', async () => {
  const { build, fresh, names } = openLab()
  const first = await build(project())
  expect(first.lines).toEqual(await fresh(project()))
  expect(await build(project())).toEqual(first)
  expect(names()).toHaveLength(1)
})

const changes: Readonly<Record<string, Record<string, TreeSpec>>> = {
  'a file’s text': { 'src/main.c': 'int other;' },
  'its text, but neither size nor time': { 'src/main.c': 'int niam;' },
  'modes and times': { 'run.sh': { text: '#!/bin/sh', mode: 0o644, mtime: 5 }, 'src/deep/': { mode: 0o711, mtime: 6 } },
  'a link’s target': { 'src/link': linkNode('deep') },
  'a link in the place of a directory': { 'src/deep': linkNode('/') },
  'a directory in the place of a file': { 'src/main.c': treeOf({ inner: 'x' }).root },
  'names that tools trip over': { 'src/two\nlines': 'x', 'src/.wh.main.c': 'x', 'src/\udcff': 'x', 'src/ba\\ck': 'x' },
}

test.each(Object.entries(changes))('of files that differ in %s only those are written', async (_, more) => {
  const { build, fresh, names } = openLab()
  const first = await build(project())
  const second = await build(project(more))
  expect(second.lines).toEqual(await fresh(project(more)))
  expect(second.inodes.get('go.mod')).toBe(first.inodes.get('go.mod'))
  expect(names()).toHaveLength(1)
  const third = await build(project())
  expect(third.lines).toEqual(await fresh(project()))
  expect(third.inodes.get('go.mod')).toBe(first.inodes.get('go.mod'))
})

test('what nothing is known of is read once: its digests are learnt as it is unpacked, and the next build finds it', async () => {
  const { folder, build, files } = openLab()
  const path = join(folder, 'disk')
  writeFileSync(path, 'content')
  const content: Content = { kind: 'extent', path, offset: 0 }
  const node = treeOf({ 'src/file': { ...fileNode('content'), content } }).root
  const one = files()
  await one.of(node, () => {
    // Whoever reads it again finds something else.
    expect(content.digest).toBe(sha256('content'))
    return 'its name'
  })
  writeFileSync(path, 'another')
  await one.close()
  const second = await build(node, 'its name')
  expect(second.lines.get('src/file')).toContain(sha256('content'))
  expect((await build(node, 'its name')).inodes).toEqual(second.inodes)
})

test('what nothing is known of is compared with what an earlier build has left', async () => {
  const { folder, build, names } = openLab()
  const path = join(folder, 'disk')
  writeFileSync(path, 'content')
  const node = () =>
    project({ 'src/main.c': { ...fileNode('content'), content: { kind: 'extent', path, offset: 0 } as Content } })
  const first = await build(node())
  expect(await build(node())).toEqual(first)
  expect(names()).toHaveLength(1)
})

test('files of which only the modes or times are others are not written', async () => {
  const { build } = openLab()
  const first = await build(project())
  const text = { text: 'int main;', mtime: 1_500_000_000, mode: 0o640 }
  const second = await build(project({ 'src/main.c': text }))
  expect(second.lines.get('src/main.c')).toContain('file 640 0:0 1500000000')
  expect(second.inodes).toEqual(first.inodes)
})

test('whatever earlier builds had, a build finds its own files', async () => {
  const names = ['a', 'b', 'c/', 'c/d', 'c/e/', 'c/e/f', 'c/g']
  const spec = fc.oneof(
    fc.record({
      text: fc.constantFrom('', 'x', 'y', 'long'),
      mode: fc.constantFrom(0o644, 0o755),
      mtime: fc.constantFrom(0, 1, 2, 1_700_000_000),
      mtimeNs: fc.constantFrom(0, 0, 1, 123_456_789),
    }),
    fc.constantFrom<TreeSpec>(linkNode('a'), linkNode('/'), { same: 'root' }),
  )
  const tree = fc.array(fc.tuple(fc.constantFrom(...names), spec), { maxLength: 8 }).map((all) =>
    all.reduce(
      (sum, [path, what]) => {
        try {
          return treeOf({ [path]: path.endsWith('/') ? { mtime: 3 } : what }, sum)
        } catch {
          // It would lead through a file.
          return sum
        }
      },
      treeOf({ root: 'always there' }),
    ),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(tree, { minLength: 2, maxLength: 4 }), async (all) => {
      const { build, fresh } = openLab()
      for (const { root } of all) expect((await build(root)).lines).toEqual(await fresh(root))
    }),
    { numRuns: runs(100) },
  )
})

test('a file that changes while it is unpacked is not taken for what it was', async () => {
  const { folder, build, fresh, names } = openLab()
  const path = join(folder, 'file')
  const onDisk = (text: string): Directory => {
    const file = fileNode(text)
    return project({ 'src/main.c': { ...file, content: { kind: 'extent', path, offset: 0, digest: sha256(text) } } })
  }
  await build(project({ 'src/main.c': 'one' }))
  writeFileSync(path, 'bad')
  const { lines, isAsRead } = await build(onDisk('two'))
  expect([lines.get('src/main.c'), isAsRead]).toEqual([expect.stringContaining(sha256('bad')), false])
  expect(names()).toEqual([])
  writeFileSync(path, 'two')
  expect(await build(onDisk('two'))).toMatchObject({
    lines: await fresh(project({ 'src/main.c': 'two' })),
    isAsRead: true,
  })
  expect(names()).toHaveLength(1)
})

test('builds at the same time have files of their own', async () => {
  const { files, identityOf, fresh, names, build } = openLab()
  await build(project())
  const [one, other] = [files(), files()]
  const shared = [
    await one.of(project(), () => identityOf(project())),
    await other.of(project(), () => identityOf(project())),
  ]
  const paths = shared.map(({ path }) => path)
  expect(new Set(paths).size).toBe(2)
  expect(names()).toEqual([])
  await one.close()
  expect(linesOf(paths[1]!)).toEqual(await fresh(project()))
  await other.close()
  expect(names()).toHaveLength(1)
  expect((await build(project())).lines).toEqual(await fresh(project()))
})

test('files of different projects are kept, but not of any number of them', async () => {
  const { build, names, work } = openLab()
  for (let i = 0; i < 12; i++) {
    await build(treeOf({ [`only-in-${i}`]: 'x' }).root)
    await build(treeOf({ first: 'x' }).root)
  }
  expect(names()).toHaveLength(8)
  const { inodes } = await build(treeOf({ first: 'x' }).root)
  expect((await build(treeOf({ first: 'x' }).root)).inodes).toEqual(inodes)
  expect(work.living()).toEqual([])
})

test('a folder whose description is damaged or missing is not taken for one like another', async () => {
  const { build, fresh, kept, names } = openLab()
  for (const damage of ['', 'x', undefined]) {
    await build(project())
    const state = join(kept, names()[0]!, 'state')
    rmSync(state)
    if (damage === undefined) mkdirSync(state)
    else writeFileSync(state, damage)
    const more = { 'go.mod': `module ${damage}` }
    expect((await build(project(more))).lines).toEqual(await fresh(project(more)))
  }
})

test('they count as unpacked files, and are removed with them while no step has any', async () => {
  const { folder, build, files, identityOf, names, fresh } = openLab()
  await build(project())
  const storage = new RunStorage(folder)
  expect((await storage.unpacked()).count).toBe(1)
  const using = files()
  await using.of(treeOf({ other: 'x' }).root, () => 'other')
  expect([await storage.removeUnpacked(), names().length]).toEqual([0, 1])
  await using.close()
  expect(await storage.removeUnpacked()).toBeGreaterThan(0)
  expect(names()).toEqual([])
  expect((await build(project(), identityOf(project()))).lines).toEqual(await fresh(project()))
})
