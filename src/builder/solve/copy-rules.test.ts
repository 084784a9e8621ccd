import { chmodSync, linkSync, mkdirSync, statSync, symlinkSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { solveBench } from '../../../test/kit/solving.ts'
import { listTree } from '../../../test/kit/trees.ts'
import { readWhole } from '../../files/layer/index.ts'
import type { RegularFile, Tree } from '../../files/tree/index.ts'
import { TareError } from '../../support/index.ts'

function list(tree: Tree): string[] {
  return listTree(tree, (file) => readWhole(file, 1000).toString()).map((line) =>
    line.replace(/^(?:644|755|777) 0:0 /, ''),
  )
}

/** What COPY and ADD lines make of these files. */
async function made(files: Parameters<typeof solveBench>[0], ...lines: readonly string[]): Promise<string[]> {
  return list((await solveBench(files).make(['FROM scratch', ...lines])).tree)
}

const files = { a: 'a', b: 'b', 'd/x': 'x', 'd/y.md': 'y', 'd/e/z': 'z', 'd/e/w.md': 'w' }

test.each<[string, string[]]>([
  ['COPY a /x', ['x = a']],
  ['COPY a /x/', ['x/', 'x/a = a']],
  ['COPY a b /x/', ['x/', 'x/a = a', 'x/b = b']],
  ['COPY d/e /x', ['x/', 'x/w.md = w', 'x/z = z']],
  ['COPY d/* /x/', ['x/', 'x/w.md = w', 'x/x = x', 'x/y.md = y', 'x/z = z']],
  ['COPY d/?.md /x/', ['x/', 'x/y.md = y']],
  ['COPY [ab] /', ['a = a', 'b = b']],
  ['COPY none* a /', ['a = a']],
  ['COPY --exclude=**/*.md d /x', ['x/', 'x/e/', 'x/e/z = z', 'x/x = x']],
  ['COPY --exclude=e d /x', ['x/', 'x/x = x', 'x/y.md = y']],
  ['COPY --exclude=e --exclude=!e/z d /x', ['x/', 'x/e/', 'x/e/z = z', 'x/x = x', 'x/y.md = y']],
  ['COPY --parents d/e/z a /x/', ['x/', 'x/a = a', 'x/d/', 'x/d/e/', 'x/d/e/z = z']],
  ['COPY --parents d/./e/z /x/', ['x/', 'x/e/', 'x/e/z = z']],
  ['COPY --parents **/*.md /', ['d/', 'd/e/', 'd/e/w.md = w', 'd/y.md = y']],
  ['COPY --chmod=600 --chown=1:2 d/e /x', ['600 1:2 x/', '600 1:2 x/w.md = w', '600 1:2 x/z = z']],
])('%s copies what Docker copies', async (line, lines) => {
  expect(await made(files, line)).toEqual(lines)
})

test('links are followed where they are named, and copied where they are found', async () => {
  const bench = solveBench({ 'd/x': 'x' })
  symlinkSync('d', join(bench.folder, 'link'))
  symlinkSync('x', join(bench.folder, 'd/inner'))
  symlinkSync('/etc/passwd', join(bench.folder, 'd/out'))
  const { tree } = await bench.make(['FROM scratch', 'COPY link /one', 'COPY link/inner /two', 'COPY d /three'])
  expect(list(tree)).toEqual([
    'one/',
    'one/inner -> x',
    'one/out -> /etc/passwd',
    'one/x = x',
    'three/',
    'three/inner -> x',
    'three/out -> /etc/passwd',
    'three/x = x',
    'two = x',
  ])
})

test('a link that leads out of the context finds nothing of this machine', async () => {
  const bench = solveBench({})
  symlinkSync('/etc', join(bench.folder, 'one'))
  symlinkSync('../../../../../../etc/passwd', join(bench.folder, 'two'))
  for (const source of ['one', 'one/passwd', 'two'])
    await expect(bench.make(['FROM scratch', `COPY ${source} /`])).rejects.toMatchObject({
      code: 'COPY_SOURCE_MISSING',
    })
})

test('a destination goes through the links of the image, and never out of it', async () => {
  const bench = solveBench({ a: 'a', 'root/usr/lib/x': 'x' })
  symlinkSync('usr/lib', join(bench.folder, 'root/lib'))
  symlinkSync('../../../..', join(bench.folder, 'root/up'))
  const { tree, last } = await bench.make(['FROM scratch', 'COPY root /', 'COPY a /lib/a', 'COPY a /up/b'])
  expect(list(tree)).toEqual([
    'b = a',
    'lib -> usr/lib',
    'up -> ../../../..',
    'usr/',
    'usr/lib/',
    'usr/lib/a = a',
    'usr/lib/x = x',
  ])
  expect(await last()).toEqual(['644 0:0 b = a'])
})

test('--link knows nothing of what is below: its layer is the same on every base', async () => {
  const bench = solveBench({ a: 'a', 'root/usr/x': 'x' })
  symlinkSync('usr', join(bench.folder, 'root/lib'))
  const on = async (...before: string[]) => bench.make(['FROM scratch', ...before, 'COPY --link a /lib/'])
  const [bare, full] = [await on(), await on('COPY root /')]
  expect(full.diffIds.at(-1)).toBe(bare.diffIds.at(-1))
  expect(await bare.last()).toEqual(['755 0:0 lib/', '644 0:0 lib/a = a'])
})

test('hard links of the context are hard links of a layer', async () => {
  const bench = solveBench({ 'd/a': 'same' })
  linkSync(join(bench.folder, 'd/a'), join(bench.folder, 'd/b'))
  expect(await (await bench.make(['FROM scratch', 'COPY d /'])).last()).toEqual(['644 0:0 a = same', '644 0:0 b == a'])
})

test('modes stay, also unusual ones, and times later than allowed become the latest', async () => {
  const bench = solveBench({ 'd/x': 'x' })
  chmodSync(join(bench.folder, 'd/x'), 0o6751)
  mkdirSync(join(bench.folder, 'd/tmp'))
  chmodSync(join(bench.folder, 'd/tmp'), 0o1777)
  utimesSync(join(bench.folder, 'd/x'), 100, 100)
  const { tree } = await bench.make(['FROM scratch', 'COPY d /d'], { latest: 50 })
  expect(tree.get('d/x')).toMatchObject({ mode: 0o6751, mtime: 50, mtimeNs: 0 })
  expect(tree.get('d/tmp')).toMatchObject({ mode: 0o1777, mtime: 50 })
})

test('a file and a directory do not take each other’s place', async () => {
  await expect(made(files, 'COPY a /x', 'COPY d /x')).rejects.toMatchObject({
    code: 'COPY_ONTO_FILE',
    where: { line: 3 },
  })
  await expect(made({ a: 'a', 'd/a/x': '' }, 'COPY d /x', 'COPY a /x')).rejects.toMatchObject({
    code: 'COPY_ONTO_DIRECTORY',
    where: { line: 3 },
  })
})

test('what changes nothing still is a layer, with nothing in it', async () => {
  const bench = solveBench({ a: 'a' })
  const { diffIds, last } = await bench.make(['FROM scratch', 'COPY a /', 'COPY a /', 'WORKDIR /w', 'WORKDIR /w'])
  expect(diffIds.length).toBe(4)
  expect(await last()).toEqual([])
})

/** The message and the remedy of what fails, in one line. */
async function remedyOf(files: Parameters<typeof solveBench>[0], ...lines: readonly string[]): Promise<string> {
  try {
    await solveBench(files).make(['FROM scratch', ...lines])
  } catch (error) {
    if (error instanceof TareError) return `${error.code}:${error.where?.line} ${error.message} | ${error.remedy}`
    throw error
  }
  return 'all went well'
}

const tree = { 'src/main.ts': '', 'README.md': '', '.dockerignore': '# no\n*.log\nbuild', 'x.log': '', 'build/out': '' }

test.each([
  [['COPY src/mian.ts /'], '"src/mian.ts" is not in the build context: not found | Did you mean "src/main.ts"?'],
  [['COPY readme.md /'], '"readme.md" is not in the build context: not found | Did you mean "README.md"?'],
  [['COPY ./scr/main.ts /'], '"scr/main.ts" is not in the build context: not found | Did you mean "src"?'],
  [
    ['COPY x.log /'],
    '"x.log" is not in the build context: not found | It is excluded by line 2 of .dockerignore: *.log',
  ],
  [
    ['COPY build/out /'],
    '"build/out" is not in the build context: not found | It is excluded by line 3 of .dockerignore: build',
  ],
  [
    ['COPY ../README.md /other/ /'],
    '"other" is not in the build context: not found | Paths are relative to the build context (.).',
  ],
  [
    ['COPY ../zzz /'],
    '"zzz" is not in the build context: not found | A path cannot leave the build context (.): "../zzz" means "zzz" in it.',
  ],
] as const)('what is missing says why: %j', async (lines, message) => {
  expect(await remedyOf(tree, ...lines)).toBe(`COPY_SOURCE_MISSING:2 ${message}`)
})

test('what is missing in a stage says which stage, and what it may have been', async () => {
  const file = ['COPY src /app', 'FROM scratch', 'COPY --from=build /app/main.js /']
  await expect(solveBench(tree).make(['FROM scratch AS build', ...file])).rejects.toMatchObject({
    message: '"/app/main.js" is not in stage "build": not found',
    remedy: 'Paths in stage "build" are relative to its root. Did you mean "/app/main.ts"?',
    where: { line: 4 },
  })
})

test('one missing source of several is named', async () => {
  expect(await remedyOf(files, 'COPY a zzzzzz b /')).toMatch(/^COPY_SOURCE_MISSING:2 "zzzzzz" is not in/)
})

test('a wildcard may match nothing in a folder that is there, and is an error below one that is not', async () => {
  const stage = ['COPY d /d', 'FROM scratch']
  expect(await made(files, 'COPY d/none* d/x/* /to/', 'COPY a /')).toEqual(['a = a'])
  expect(await made(files, ...stage, 'COPY --from=0 /d/none* /to/', 'COPY a /')).toEqual(['a = a'])
  expect(await remedyOf(files, 'COPY e/* /to/')).toBe(
    'COPY_SOURCE_MISSING:2 "e" is not in the build context: not found | Paths are relative to the build context (.).',
  )
  expect(await remedyOf(files, 'COPY d/e/f/*/[z] /to/')).toMatch(/^COPY_SOURCE_MISSING:2 "d\/e\/f" is not in/)
  expect(await remedyOf(files, 'ADD d/f/* /to/')).toMatch(/^COPY_SOURCE_MISSING:2 "d\/f" is not in/)
  expect(await remedyOf(files, ...stage, 'COPY --from=0 /dist/* /to/')).toMatch(
    /^COPY_SOURCE_MISSING:4 "\/dist" is not in stage "0"/,
  )
})

test.each([
  [
    'COPY hidden /',
    'COPY_SOURCE_MISSING:2 "hidden" is not in the build context: it is a symbolic link to "build/out": not found | "build/out" is excluded by line 3 of .dockerignore: build',
  ],
  [
    'COPY up/out /',
    /"up" is a symbolic link to "build": not found \| "build" is excluded by line 3 of \.dockerignore: build$/,
  ],
  ['COPY dang /', /it is a symbolic link to "nowhere": not found \| A link given as a source is followed/],
  ['COPY up/* /', /"up" is not in the build context: it is a symbolic link to "build": not found/],
  [
    'COPY hid* /',
    /^COPY_SOURCE_DANGLING:2 "hidden" is a symbolic link to "build\/out", which does not exist: not found \| "build\/out" is excluded by line 3/,
  ],
  ['COPY good/mian.ts /', /^COPY_SOURCE_MISSING:2 "good\/mian.ts" is not in the build context: not found/],
])('%s says that a link leads to nothing', async (line, message) => {
  const bench = solveBench(tree)
  const links = { hidden: 'build/out', up: 'build', dang: 'nowhere', good: 'src' }
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(bench.folder, name))
  const error = await bench.make(['FROM scratch', line]).then(
    () => undefined,
    (error: unknown) => error as TareError,
  )
  const said = `${error?.code}:${error?.where?.line} ${error?.message} | ${error?.remedy}`
  if (typeof message === 'string') expect(said).toBe(message)
  else expect(said).toMatch(message)
})

test('a quoted heredoc keeps its bytes; in one that is expanded, what is no character becomes U+FFFD', async () => {
  const bench = solveBench()
  const { tree } = await bench.make('FROM scratch\nCOPY <<"A" <<B /\ncaf\udce9 \udcff\nA\ncaf\udce9\nB\n')
  const bytes = (path: string) => [...readWhole(tree.get(path) as RegularFile, 1000)]
  expect(bytes('A')).toEqual([...Buffer.from('caf\xe9 \xff\n', 'latin1')])
  expect(bytes('B')).toEqual([...Buffer.from('caf\ufffd\n')])
})

test('the same heredoc is the same file: copied twice, it changes nothing', async () => {
  const bench = solveBench()
  const heredoc = (line: string, text = 'x') => [`${line} <<EOF /h`, text, 'EOF']
  const lines = ['FROM scratch', ...heredoc('ADD'), ...heredoc('COPY'), ...heredoc('COPY', 'y'), ...heredoc('ADD', 'y')]
  const { paths } = await bench.make(lines)
  const sizes = paths.map((path) => statSync(path).size)
  // A tar archive without entries has 1,024 bytes.
  expect(sizes.map((size) => size > 1024)).toEqual([true, false, true, false])
})
