import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { temporaryFolder, writeFiles } from '../../../test/kit/cli.ts'
import { runs } from '../../../test/kit/scale.ts'
import { solveBench } from '../../../test/kit/solving.ts'
import { tarOf } from '../../../test/kit/tiny-archive.ts'
import { readWhole } from '../../files/layer/index.ts'
import type { Tree } from '../../files/tree/index.ts'

// No two of one name, lest one be copied over another.
const names = ['a/x.c', 'a/y.md', 'a/b/p.c', 'a/b/z.md', 'a/b/c/q.c', 'c.md', 'm/n/r.proj', 'm/s.c']
const sources = [
  ...['a', 'a/*', '.', '*', 'a/b/p.c', '*/b', 'a/b/', '[am]', '*.md', 'none*', './a', '/a/../a'],
  ...['a/./b', 'a/./b/p.c', '*/./b', './a/./*.md', '**/*.c', '**.proj', 'm**/r.proj', 'a/**', 'a/*/p.c', '**/./x.c'],
]
const excludes = ['x.c', '*.md', '**/*.md', 'a', 'a/b', 'b', '!a/b/p.c', '!b/p.c', '**', '!**/q.c', 'm/n', 'n/r.proj']

const line = fc.record({
  parents: fc.boolean(),
  link: fc.boolean(),
  add: fc.boolean(),
  from: fc.constantFrom('', 'stage', 'other'),
  sources: fc.array(fc.constantFrom(...sources), { minLength: 1, maxLength: 2 }),
  exclude: fc.array(fc.constantFrom(...excludes), { maxLength: 3 }),
})

type Line = typeof line extends fc.Arbitrary<infer Value> ? Value : never

function written({ parents, link, add, from, sources, exclude }: Line): string {
  const flags = [
    ...(parents && !add ? ['--parents'] : []),
    ...(link ? ['--link'] : []),
    ...(from !== '' && !add ? [`--from=${from}`] : []),
    ...exclude.map((pattern) => `--exclude=${pattern}`),
  ]
  return [add ? 'ADD' : 'COPY', ...flags, ...sources, '/out/'].join(' ')
}

/** The texts of all files. */
function texts(tree: Tree): Set<string> {
  return new Set(
    [...tree.walk()].flatMap(([, node]) => (node.kind === 'file' ? [readWhole(node, 1000).toString()] : [])),
  )
}

test('a step is remembered while what it copies is the same, and no longer', async () => {
  await fc.assert(
    fc.asyncProperty(
      line,
      fc.constantFrom(...names),
      fc.constantFrom([], ['**/*.md'], ['a/b', '!a/b/p.c'], ['m']),
      async (said, changed, ignore) => {
        const files = Object.fromEntries(names.map((name) => [name, `text of ${name}`]))
        const bench = solveBench({ ...files, '.dockerignore': ignore.join('\n') })
        const other = writeFiles(join(temporaryFolder(), 'other'), files)
        const lines = ['FROM scratch AS stage', 'COPY . /', 'FROM scratch', written(said)]
        const make = () => bench.make(lines, { folders: { other } }).catch(() => undefined)
        const first = await make()
        fc.pre(first !== undefined)
        for (const folder of [bench.folder, other]) writeFileSync(join(folder, changed), 'new text')
        const second = (await make())!
        const isCopied = texts(first!.tree).has(`text of ${changed}`)
        expect(second.cached.some((title) => title.includes('/out/'))).toBe(!isCopied)
        expect(texts(second.tree).has('new text')).toBe(isCopied)
      },
    ),
    { numRuns: runs(200) },
  )
})

test.each(['ADD a.tar /out/', 'ADD --exclude=x a.tar /out/', 'ADD --unpack=false a.* /out/', 'ADD --link *.tar /out/'])(
  '%s is another step once the archive is another',
  async (line) => {
    const bench = solveBench({ 'a.tar': tarOf({ x: '1' }), 'b.txt': 'b' })
    const make = () => bench.make(['FROM scratch', line])
    await make()
    writeFileSync(join(bench.folder, 'b.txt'), 'B')
    expect((await make()).cached.length).toBe(1)
    writeFileSync(join(bench.folder, 'a.tar'), tarOf({ x: '2' }))
    expect((await make()).cached).toEqual([])
  },
)
