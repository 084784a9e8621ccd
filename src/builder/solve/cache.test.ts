import { chmodSync, linkSync, mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { leftovers } from '../../../test/kit/check-store.ts'
import { writeFiles } from '../../../test/kit/cli.ts'
import { type SolveBench, type SolveRequest, solveBench } from '../../../test/kit/solving.ts'
import { tarOf } from '../../../test/kit/tiny-archive.ts'
import { manyBytes } from '../../../test/kit/trees.ts'

const file = ['FROM scratch', 'COPY a /a', 'COPY d /d', 'COPY b /b']
const files = { a: 'a', b: 'b', 'd/x': 'x', 'd/e/y': 'y' }

/** Which of the steps are remembered after the change. */
async function cachedAfter(change: (bench: SolveBench) => void, lines = file, request: SolveRequest = {}) {
  const bench = solveBench(files)
  await bench.make(lines, request)
  change(bench)
  return (await bench.make(lines, request)).cached.map((title) => title.replace(/^\[\d\/(\d)\] /, ''))
}

const all = file.slice(1)

test('nothing changed: every step is remembered, and the layers are the same', async () => {
  const bench = solveBench(files)
  const first = await bench.make(file)
  const second = await bench.make(file)
  expect(first.cached).toEqual([])
  expect(second.cached.length).toBe(3)
  expect(second.diffIds).toEqual(first.diffIds)
})

const at = (bench: SolveBench, path: string) => join(bench.folder, path)

test.each<[string, (bench: SolveBench) => void, number]>([
  ['a new time alone', (bench) => utimesSync(at(bench, 'd/x'), 5, 5), 3],
  ['a new time of a folder', (bench) => utimesSync(at(bench, 'd/e'), 5, 5), 3],
  [
    'the same bytes in another file',
    (bench) => {
      rmSync(at(bench, 'd/x'))
      writeFileSync(at(bench, 'd/x'), 'x')
    },
    3,
  ],
  ['a file that no step takes', (bench) => writeFileSync(at(bench, 'z'), ''), 3],
  ['the mode of the copied folder itself', (bench) => chmodSync(at(bench, 'd'), 0o700), 3],
  ['other bytes', (bench) => writeFileSync(at(bench, 'd/x'), 'X'), 1],
  ['another mode', (bench) => chmodSync(at(bench, 'd/x'), 0o600), 1],
  ['another mode of a folder below', (bench) => chmodSync(at(bench, 'd/e'), 0o700), 1],
  ['another name', (bench) => renameSync(at(bench, 'd/x'), at(bench, 'd/X')), 1],
  ['one file more', (bench) => writeFileSync(at(bench, 'd/new'), ''), 1],
  ['one folder more', (bench) => mkdirSync(at(bench, 'd/new')), 1],
  ['one file less', (bench) => rmSync(at(bench, 'd/x')), 1],
  [
    'a hard link where there was a file of the same bytes',
    (bench) => {
      writeFileSync(at(bench, 'd/x2'), 'x')
    },
    1,
  ],
  [
    'a link where there was a file',
    (bench) => {
      rmSync(at(bench, 'd/x'))
      symlinkSync('e/y', at(bench, 'd/x'))
    },
    1,
  ],
  ['the first file', (bench) => writeFileSync(at(bench, 'a'), 'A'), 0],
])('%s: so many steps are remembered', async (_, change, count) => {
  expect(await cachedAfter(change)).toEqual(all.slice(0, count))
})

test('two files of the same bytes are not one file under two names', async () => {
  const bench = solveBench({ 'd/a': 'same', 'd/b': 'same' })
  const lines = ['FROM scratch', 'COPY d /d']
  await bench.make(lines)
  rmSync(at(bench, 'd/b'))
  linkSync(at(bench, 'd/a'), at(bench, 'd/b'))
  const second = await bench.make(lines)
  expect(second.cached).toEqual([])
  expect(await second.last()).toContain('644 0:0 d/b == d/a')
})

test('where a changed step comes to the same bytes, what follows is remembered', async () => {
  const lines = ['FROM scratch', 'COPY d/* /d/', 'COPY b /b']
  const bench = solveBench({ b: 'b', 'd/x': 'x' })
  utimesSync(at(bench, 'd/x'), 5, 5)
  const first = await bench.make(lines)
  const again = await bench.make(['FROM scratch', 'COPY d/x /d/', 'COPY b /b'])
  expect(again.cached).toEqual(['[2/2] COPY b /b'])
  expect(again.diffIds).toEqual(first.diffIds)
})

test('a file that was changed and changed back is remembered', async () => {
  expect(
    await cachedAfter((bench) => {
      writeFileSync(at(bench, 'd/x'), 'other')
      writeFileSync(at(bench, 'd/x'), 'x')
    }),
  ).toEqual(all)
})

test.each([
  ['--chown=1:2', 'COPY --chown=1:2 a /a'],
  ['--chmod=600', 'COPY --chmod=600 a /a'],
  ['--link', 'COPY --link a /a'],
  ['--parents', 'COPY --parents a /a'],
  ['--exclude=z', 'COPY --exclude=z a /a'],
  ['another destination', 'COPY a /a/'],
  ['ADD', 'ADD a /a'],
])('a step that says %s is another step', async (_, line) => {
  const bench = solveBench({ a: tarOf({ x: 'x' }) })
  await bench.make(['FROM scratch', 'COPY a /a'])
  expect((await bench.make(['FROM scratch', line])).cached).toEqual([])
  expect((await bench.make(['FROM scratch', line])).cached.length).toBe(1)
})

test('times that are cut are another step', async () => {
  const bench = solveBench({ a: 'a' })
  await bench.make(['FROM scratch', 'COPY a /'])
  expect((await bench.make(['FROM scratch', 'COPY a /'], { latest: 5 })).cached).toEqual([])
})

test('a file that the ignore file or --exclude leaves out changes nothing', async () => {
  const bench = solveBench({ ...files, 'd/skip.md': '1', 'd/out.log': '1', '.dockerignore': '**/*.md' })
  const lines = ['FROM scratch', 'COPY --exclude=*.log d /d']
  await bench.make(lines)
  writeFileSync(at(bench, 'd/skip.md'), '2')
  writeFileSync(at(bench, 'd/out.log'), '2')
  const second = await bench.make(lines)
  expect(second.cached.length).toBe(1)
  expect([...second.tree.walk()].map(([path]) => path)).toEqual(['d', 'd/e', 'd/e/y', 'd/x'])
})

test('without the cache everything is made again, to the same bytes', async () => {
  const bench = solveBench(files)
  const first = await bench.make(file)
  const again = await bench.make(file, { noCache: true })
  expect(again.cached).toEqual([])
  expect(again.diffIds).toEqual(first.diffIds)
})

test('a layer that was removed is made again', async () => {
  const bench = solveBench(files)
  const first = await bench.make(file)
  rmSync(first.paths[1]!)
  const again = await bench.make(file)
  expect(again.cached).toEqual(['[1/3] COPY a /a', '[3/3] COPY b /b'])
  expect(again.diffIds).toEqual(first.diffIds)
})

test('what remembers a step may be nonsense: then the step is made again', async () => {
  const bench = solveBench(files)
  const first = await bench.make(file)
  for (const kind of ['steps', 'latest', 'layers'] as const)
    for (const { key } of bench.store.records.all(kind)) bench.store.records.remember(kind, key, '{"diffId":5')
  const again = await bench.make(file)
  expect(again.cached).toEqual([])
  expect(again.diffIds).toEqual(first.diffIds)
})

test('WORKDIR is remembered by its path and owner', async () => {
  const bench = solveBench()
  const lines = (path: string, user = '0') => ['FROM scratch', `USER ${user}`, `WORKDIR ${path}`]
  await bench.make(lines('/a/b'))
  expect((await bench.make(lines('/a/b'))).cached.length).toBe(1)
  expect((await bench.make(lines('/a/c'))).cached).toEqual([])
  expect((await bench.make(lines('/a/b', '5'))).cached).toEqual([])
  expect(await (await bench.make(lines('/a/b', '5'))).last()).toEqual(['755 5:5 a/', '755 5:5 a/b/'])
})

test('what --link makes is remembered on whatever lies below', async () => {
  const bench = solveBench(files)
  const lines = (below: string) => ['FROM scratch', `COPY ${below} /below`, 'COPY --link b /b', 'COPY d /d']
  await bench.make(lines('a'))
  expect((await bench.make(lines('b'))).cached).toEqual(['[2/3] COPY --link b /b'])
})

test('copies from a stage are remembered by the files that they take', async () => {
  const bench = solveBench({ a: 'a', b: 'b' })
  const lines = ['FROM scratch AS s', 'COPY a b /', 'FROM scratch', 'COPY --from=s /a /']
  await bench.make(lines)
  writeFileSync(at(bench, 'b'), 'changed')
  expect((await bench.make(lines)).cached).toEqual(['[stage-1 1/1] COPY --from=s /a /'])
})

test('a build that is called off leaves nothing half made', async () => {
  const bench = solveBench({ big: manyBytes(9 << 20) })
  const signal = AbortSignal.abort(new Error('enough'))
  await expect(bench.make(['FROM scratch', 'COPY big /'], { signal })).rejects.toThrow('enough')
  expect(leftovers(bench.store.home)).toEqual([])
})

test('a step that fails stops the others, is told with its line, and leaves nothing', async () => {
  const bench = solveBench({ big: manyBytes(9 << 20), bad: tarOf({ '../x': '' }) })
  const lines = ['FROM scratch AS a', 'COPY big /', 'FROM scratch', 'ADD bad /', 'COPY --from=a /big /']
  await expect(bench.make(lines)).rejects.toMatchObject({ code: 'ARCHIVE_PATH_ESCAPES', where: { line: 4 } })
  expect(leftovers(bench.store.home)).toEqual([])
})

test('a large archive whose name is not UTF-8 is added, and remembered', async () => {
  const bench = solveBench()
  writeFileSync(
    Buffer.concat([Buffer.from(`${bench.folder}/a`), Buffer.from([0xff])]),
    tarOf({ big: manyBytes(33 << 20) }),
  )
  const lines = ['FROM scratch', 'ADD a* /']
  expect(await (await bench.make(lines)).last()).toEqual([`644 0:0 big = ${33 << 20} bytes`])
  expect((await bench.make(lines)).cached.length).toBe(1)
})

test('folders of other names are contexts of their own', async () => {
  const bench = solveBench({ a: 'mine' })
  const other = writeFiles(`${bench.folder}-other`, { a: 'theirs' })
  const made = await bench.make(['FROM scratch', 'COPY a /', 'COPY --from=other a /b'], { folders: { other } })
  expect(await made.last()).toEqual(['644 0:0 b = theirs'])
})
