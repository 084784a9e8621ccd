import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openQuickBench } from '../../../../test/kit/call-tare.ts'
import { type Members, tarOf } from '../../../../test/kit/tiny-archive.ts'
import { ignorable } from '../../../inspection/index.ts'

/** Two images, `a` and `b`, of these files. */
async function openImages(a: Members, b: Members) {
  const bench = openQuickBench()
  for (const [name, members] of Object.entries({ a, b })) {
    writeFileSync(join(bench.folder, `${name}.tar`), tarOf(members))
    await bench.succeed(['import', `${name}.tar`, name])
  }
  const diff = (...flags: readonly string[]) => bench.tare(['image', 'diff', ...flags, 'a', 'b'])
  return { ...bench, diff }
}

test('the exit code is 0 for equal, 1 for different, 2 for failed and 125 for a wrong flag', async () => {
  const { tare, diff } = await openImages({ x: 'one' }, { x: 'two' })
  const codeOf = async (...args: readonly string[]) => (await tare(['image', 'diff', ...args])).code
  expect(await codeOf('a', 'a')).toBe(0)
  expect((await diff('--semantic')).code).toBe(1)
  expect((await diff('--show', 'x')).code).toBe(1)
  expect(await codeOf('a', './nothing.tar')).toBe(2)
  expect(await codeOf('a', 'a#9')).toBe(2)
  expect(await codeOf('a')).toBe(2)
  expect((await diff('--show', 'nothing')).code).toBe(2)
  expect((await diff('--ignore', 'times')).code).toBe(125)
  expect((await diff('--nothing')).code).toBe(125)
  expect((await diff('--show', 'x', '--json')).code).toBe(125)
})

test('every kind that the library can ignore is a value of the flag', async () => {
  const { diff } = await openImages({ x: '' }, { x: '' })
  expect(await diff('-q', '--ignore', Object.keys(ignorable).join(','))).toMatchObject({ code: 0, err: '' })
})

test('a table has a row with its kind for each difference, and says what was left out', async () => {
  const { diff } = await openImages(
    { 'etc/motd': 'one', gone: 'x', 'var/lib/dpkg/status': 'Package: a\nVersion: 1\n' },
    { 'etc/motd': 'three', 'new/one': 'x', 'new/two': 'xx', 'var/lib/dpkg/status': 'Package: a\nVersion: 2\n' },
  )
  const { out } = await diff('--semantic')
  const rows = out.split('\n').map((line) => line.trimEnd().split(/ {3,}/))
  expect(rows).toContainEqual(['content', 'etc/motd', '3B', '5B'])
  expect(rows).toContainEqual(['removed', 'gone', '1B', '-'])
  expect(rows).toContainEqual(['added', 'new/', '-', '2 files, 3B'])
  expect(rows).toContainEqual(['changed', 'deb a', '1', '2'])
  expect(rows).toContainEqual(['/etc', '3B', '5B', '+2B'])
  expect(out).toMatch(/\nDifferent: 6 in files\. Ignored: .*1 of layers/)
  expect(out).not.toContain('new/one')
})

test('a directory that one side alone has is one row for all that is in it, and for nothing beside it', async () => {
  const many = (folder: string, count: number): Members =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`${folder}/d${i % 3}/f${i}`, 'xx']))
  const { diff } = await openImages(
    { 'a/x': '', ...many('old', 5) },
    { 'a/x': '', 'a/new/y': 'y', ...many('new', 40), 'new-er/z': 'z', newest: 'n', ...many('newfolder', 1) },
  )
  const { out } = await diff('--semantic')
  const rows = out.split('\n').flatMap((line) => {
    const cells = line.trimEnd().split(/ {3,}/)
    return /^(?:added|removed)$/.test(cells[0]!) ? [cells.slice(1)] : []
  })
  expect(rows).toEqual([
    ...[
      ['a/new/', '-', '1 file, 1B'],
      ['new/', '-', '40 files, 80B'],
      ['new-er/', '-', '1 file, 1B'],
    ],
    ...[
      ['newest', '-', '1B'],
      ['newfolder/', '-', '1 file, 2B'],
      ['old/', '5 files, 10B', '-'],
    ],
  ])
})

test('names from an image neither steer a terminal nor pass for a line or a cell of the table', async () => {
  const { diff } = await openImages({ '\x1b]0;owned\x07': 'x' }, { 'a\nremoved   \tb\u202e': 'x' })
  const { out } = await diff('--semantic')
  expect(out).toContain('\\x1b]0;owned\\x07')
  expect(out).toContain('a\\x0aremoved   \\x09b\\u202e')
  const shown = await diff('--show', 'a\nremoved   \tb\u202e')
  expect(shown.code).toBe(1)
})

test('JSON has all of it, and quiet has nothing', async () => {
  const { diff } = await openImages({ x: 'one', d: '' }, { x: 'two', d: '' })
  const { out } = await diff('--json', '--semantic')
  expect(JSON.parse(out)).toMatchObject({
    ...{ equal: false, a: { name: 'a' }, b: { name: 'b' } },
    files: [{ kind: 'changed', path: 'x', type: 'file', sizeA: 3, sizeB: 3, changes: [{ kind: 'content' }] }],
  })
  expect(await diff('-q')).toMatchObject({ code: 1, out: '' })
})
