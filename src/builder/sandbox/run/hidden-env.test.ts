import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../../../test/kit/cli.ts'
import { quoted } from '../machine/programs.ts'
import { hiddenEnvironment, hiddenLines, inPieces, leaveHidden, mayHide } from './hidden-env.ts'

const secretEnv = ['A=1 2 $HOME `id` "x" \'y\' \\', 'B=two\nlines\n\n', 'C=']

test('a variable comes through a script as it is, alone, and without its carrier', () => {
  const script = [...hiddenLines({ secretEnv }), `exec env ${leaveHidden({ secretEnv }).join(' ')} D=4 env -0`].join(
    '\n',
  )
  const env = { PATH: process.env['PATH'], LC_ALL: 'C', ...hiddenEnvironment({ secretEnv }) }
  const seen = execFileSync('/bin/sh', ['-c', script], { env, encoding: 'utf8' }).split('\0').filter(Boolean)
  expect(seen.sort()).toEqual([...secretEnv, 'D=4'].sort())
})

test('a document is put together from pieces that have no value in them', () => {
  const write = (lines: readonly string[]) => JSON.stringify({ env: ['X=1', ...lines], end: true })
  const pieces = inPieces({ secretEnv }, write)
  expect(pieces.texts.join('')).not.toMatch(/1 2|two/)
  const folder = temporaryFolder()
  const paths = pieces.texts.map((text, i) => {
    writeFileSync(join(folder, `${i}`), text)
    return quoted(join(folder, `${i}`))
  })
  const script = [...pieces.lines(paths, join(folder, 'all')), `cat ${join(folder, 'all')}`, 'env'].join('\n')
  const env = {
    PATH: process.env['PATH'],
    ...hiddenEnvironment({ secretEnv }, (text) => JSON.stringify(text).slice(1, -1)),
  }
  const [document = '', ...after] = execFileSync('/bin/sh', ['-c', script], { env, encoding: 'utf8' }).split(/(?<=\})/)
  expect(JSON.parse(document)).toEqual(JSON.parse(write(secretEnv)))
  expect(after.join('')).not.toContain('TARE_SECRET')
})

test('without such variables nothing is different', () => {
  expect(leaveHidden({})).toEqual(['-i'])
  expect(inPieces({}, (more) => JSON.stringify(more)).texts).toEqual(['[]'])
})

test.each([
  ['TOKEN', true],
  ['_x1', true],
  ['PATH', false],
  ['LD_PRELOAD', false],
  ['A-B', false],
  ['1A', false],
  ['', false],
])('a variable called %j may be hidden: %s', (name, answer) => {
  expect(mayHide(name)).toBe(answer)
})
