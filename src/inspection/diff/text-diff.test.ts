import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../../test/kit/cli.ts'
import { hasProgram } from '../../../test/kit/needs.ts'
import { unifiedDiff } from './text-diff.ts'

const names = { a: 'a', b: 'b' }

test('equal texts have no difference', () => {
  expect(unifiedDiff('a\nb\n', 'a\nb\n', names)).toBe('')
})

test('a difference is printed like diff -u, also for a last line without a newline', () => {
  const lines = Array.from({ length: 30 }, (_, i) => `line ${i}\n`)
  const changed = lines.toSpliced(3, 1, 'other\n').toSpliced(20, 0, 'new\n')
  expect(unifiedDiff(lines.join(''), `${changed.join('')}end`, names)).toBe(`--- a
+++ b
@@ -1,7 +1,7 @@
 line 0
 line 1
 line 2
-line 3
+other
 line 4
 line 5
 line 6
@@ -18,6 +18,7 @@
 line 17
 line 18
 line 19
+new
 line 20
 line 21
 line 22
@@ -28,3 +29,4 @@
 line 27
 line 28
 line 29
+end
\\ No newline at end of file
`)
})

test.skipIf(!hasProgram('patch'))('patch makes the one text of the other by it, and no edit is too many', () => {
  const folder = temporaryFolder()
  const line = fc.constantFrom('a\n', 'b\n', 'c\n', '\n', 'long line\n')
  const text = fc
    .tuple(fc.array(line, { maxLength: 40 }), fc.constantFrom('', 'end'))
    .map(([all, end]) => all.join('') + end)
  fc.assert(
    fc.property(text, text, (a, b) => {
      const difference = unifiedDiff(a, b, names)
      if (a === b) return difference === ''
      writeFileSync(join(folder, 'a'), a)
      writeFileSync(join(folder, 'b'), b)
      const { stdout, status, stderr } = spawnSync('patch', ['-s', '-o', '-', join(folder, 'a')], { input: difference })
      expect(`${stderr}${stdout}`).toBe(b)
      const edits = (told: string) => told.split('\n').filter((one) => /^[+-](?!\+\+ |-- )/.test(one)).length
      const theirs = spawnSync('diff', ['-u', '--minimal', 'a', 'b'], { cwd: folder, encoding: 'utf8' })
      return status === 0 && edits(difference) === edits(theirs.stdout)
    }),
    { numRuns: 60 },
  )
})

test('texts without a common line are replaced whole, whatever their length', () => {
  const many = (word: string) => Array.from({ length: 30_000 }, (_, i) => `${word} ${i}\n`).join('')
  const difference = unifiedDiff(many('a'), many('b'), names)
  expect(difference.split('\n')).toHaveLength(60_004)
  expect(difference).toContain('@@ -1,30000 +1,30000 @@')
})
