import { chmodSync, symlinkSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { solveBench } from '../../../test/kit/solving.ts'
import type { Tree } from '../../files/tree/index.ts'

const files = {
  'a/x': '1',
  'a/b/x': '2',
  'a/b/y': '3',
  'c/z': '4',
  'top.proj': '5',
  'm/mid.proj': '6',
  'm/n/low.proj': '7',
}

function paths(tree: Tree): string[] {
  return [...tree.walk()].map(([path, node]) => (node.kind === 'directory' ? `${path}/` : path))
}

test.each<[string, string[]]>([
  ['a/b/x', ['out/', 'out/a/', 'out/a/b/', 'out/a/b/x']],
  ['a/./b', ['out/', 'out/b/', 'out/b/x', 'out/b/y']],
  ['a/./b/x', ['out/', 'out/b/', 'out/b/x']],
  ['*/./b', ['out/', 'out/b/', 'out/b/x', 'out/b/y', 'out/top.proj']],
  ['--exclude=x a', ['out/', 'out/a/', 'out/a/b/', 'out/a/b/x', 'out/a/b/y', 'out/a/x']],
  ['--exclude=a/x a', ['out/', 'out/a/', 'out/a/b/', 'out/a/b/x', 'out/a/b/y']],
  ['--exclude=**/x a', ['out/', 'out/a/', 'out/a/b/', 'out/a/b/y']],
  ['--exclude=b a/./b a/./x', ['out/', 'out/x']],
  ['--exclude=a a c', ['out/', 'out/c/', 'out/c/z']],
  ['--exclude=a --exclude=!a/b/y a', ['out/', 'out/a/', 'out/a/b/', 'out/a/b/y']],
  ['--exclude=a/b/x a/b/x', ['out/']],
  ['none*', ['out/']],
  ['**/none', ['out/']],
  ['**.proj', ['out/', 'out/m/', 'out/m/mid.proj', 'out/m/n/', 'out/m/n/low.proj', 'out/top.proj']],
  ['m**/low.proj', ['out/', 'out/m/', 'out/m/n/', 'out/m/n/low.proj']],
  ['**/n', ['out/', 'out/m/', 'out/m/n/', 'out/m/n/low.proj']],
  ['[mc]/*', ['out/', 'out/c/', 'out/c/z', 'out/m/', 'out/m/mid.proj', 'out/m/n/', 'out/m/n/low.proj']],
  ['/a/../c/./z', ['out/', 'out/z']],
])('COPY --parents %s makes the directories that the pattern names', async (said, expected) => {
  expect(paths((await solveBench(files).make(['FROM scratch', `COPY --parents ${said} /out`])).tree)).toEqual(expected)
})

const now = Date.parse('2026-01-02T03:04:05Z') / 1000

function times(bench: { readonly folder: string }, seconds: Readonly<Record<string, number>>): void {
  for (const [path, time] of Object.entries(seconds)) utimesSync(join(bench.folder, path), time, time)
}

test('folders on the way have the mode and owner of the source and the time of the build; what is picked keeps its times', async () => {
  const bench = solveBench(files)
  chmodSync(join(bench.folder, 'a'), 0o700)
  times(bench, { 'a/b/x': 20, 'a/b': 30, a: 40, c: 50 })
  const { tree } = await bench.make(['FROM scratch', 'COPY --parents --chown=3:4 a/b/x c /out/'])
  expect(tree.get('out/a')).toMatchObject({ mode: 0o700, uid: 3, gid: 4, mtime: now })
  expect(tree.get('out/a/b')).toMatchObject({ mode: 0o755, mtime: now })
  expect(tree.get('out/a/b/x')).toMatchObject({ mtime: 20 })
  expect(tree.get('out/c')).toMatchObject({ mtime: 50 })
})

test('folders that are there already keep their owner, and take the mode; one in which nothing is new keeps its time', async () => {
  const bench = solveBench(files)
  chmodSync(join(bench.folder, 'a/b'), 0o711)
  times(bench, { a: 40, 'a/b': 50 })
  const lines = ['FROM scratch', 'COPY --chown=7:8 --chmod=777 a /a/', 'COPY --parents a/b/x /']
  const { tree } = await bench.make(lines)
  expect(tree.get('a')).toMatchObject({ mode: 0o755, uid: 7, gid: 8, mtime: 40 })
  expect(tree.get('a/b')).toMatchObject({ mode: 0o711, uid: 7, gid: 8 })
  expect(tree.get('a/b/x')).toMatchObject({ mode: 0o644, uid: 0, gid: 0 })
  expect(tree.get('a/b/y')).toMatchObject({ mode: 0o777, uid: 7, gid: 8 })
})

test('at a pivot the destination takes the time of the folder before it, else it has that of the build', async () => {
  const bench = solveBench(files)
  times(bench, { a: 40, 'a/b': 50, c: 60 })
  const time = async (line: string) =>
    (await bench.make(['FROM scratch', `COPY --parents ${line} /out/`])).tree.get('out')?.mtime
  expect(await time('a/./x')).toBe(40)
  expect(await time('a/b/./none*')).toBe(50)
  expect(await time('a/./x c/./z')).toBe(60)
  expect(await time('a/x')).toBe(now)
})

test('a numeric mode holds for what is made on the way, and one in symbols for what is copied alone', async () => {
  const bench = solveBench(files)
  const make = async (mode: string) =>
    (
      await bench.make([
        'FROM scratch',
        `COPY --chmod=${mode} a/b /new/deep/`,
        `COPY --parents --chmod=${mode} a/x /p/q/`,
      ])
    ).tree
  const octal = await make('700')
  for (const path of ['new', 'new/deep', 'new/deep/x', 'p', 'p/q', 'p/q/a', 'p/q/a/x'])
    expect(octal.get(path)?.mode, path).toBe(0o700)
  const symbols = await make('u=rwX,go=')
  for (const path of ['new', 'new/deep', 'p', 'p/q']) expect(symbols.get(path)?.mode, path).toBe(0o755)
  expect(symbols.get('p/q/a')?.mode).toBe(0o700)
  expect(symbols.get('new/deep/x')?.mode).toBe(0o600)
})

test('the root of a stage has the time that a copy gave it, as long as nothing else changes it', async () => {
  const bench = solveBench(files)
  times(bench, { a: 40, 'a/b': 50 })
  const time = async (...stage: string[]) =>
    (await bench.make(['FROM scratch AS s', ...stage, 'FROM scratch', 'COPY --from=s / /all'])).tree.get('all')?.mtime
  expect(await time('COPY a /')).toBe(40)
  expect(await time('COPY a /')).toBe(40)
  expect(await time('COPY a /', 'COPY a/b /')).toBe(50)
  expect(await time('COPY a /', 'COPY c/z /z')).toBe(now)
  expect(await time('COPY a /', 'WORKDIR /w')).toBe(now)
  expect(await time('COPY . /')).toBe(now)
  expect(await time('COPY --parents a/./b /')).toBe(40)
})

test.each([
  ['a/none', '"a/none" is not in the build context: not found'],
  ['none/./x', '"none/x" is not in the build context: not found'],
  ['none/./*', '"none" is not in the build context: not found'],
  ['link/x', '"link/x" is not in the build context as it is written: "link" is a symbolic link to "a": not found'],
])('COPY --parents %s is an error', async (source, message) => {
  const bench = solveBench(files)
  symlinkSync('a', join(bench.folder, 'link'))
  await expect(bench.make(['FROM scratch', `COPY --parents ${source} /out/`])).rejects.toMatchObject({
    code: 'COPY_SOURCE_MISSING',
    message,
  })
})
