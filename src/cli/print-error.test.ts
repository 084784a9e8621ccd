import { expect, test } from 'vitest'
import { TareError } from '../index.ts'
import { Failure, UsageError } from './failure.ts'
import { reportError } from './print-error.ts'
import { BrokenPipe } from './streams.ts'

const where = { file: 'Dockerfile', line: 2, endLine: 2, text: 'FROM scratch\nADD rootfs.tgz /\nCMD ["/bin/sh"]\n' }

test('a build’s error has its lines, what happened and what to do', async () => {
  const error = new TareError('COPY_SOURCE_MISSING', '"rootfs.tgz" is not in the build context', {
    where,
    remedy: 'Did you mean "rootfs.tar.gz"?',
  })
  expect(await reportError(error, 'image build', false)).toEqual({
    text: `Dockerfile:2
--------------------
   1 |     FROM scratch
   2 | >>> ADD rootfs.tgz /
   3 |     CMD ["/bin/sh"]
--------------------
ERROR: failed to build: "rootfs.tgz" is not in the build context
       Did you mean "rootfs.tar.gz"?
`,
    exitCode: 1,
  })
})

test('another verb’s error has no excerpt where there is no place', async () => {
  const error = new TareError('IMAGE_UNKNOWN', 'No such image: x', { remedy: 'tare images lists them.\nOr so.' })
  expect((await reportError(error, 'history', false)).text).toBe(
    'Error: No such image: x\n       tare images lists them.\n       Or so.\n',
  )
})

test('a wrong command line is told with where to read what is right', async () => {
  expect(await reportError(new UsageError('unknown flag: --x', 'Did you mean --y?'), 'build', false)).toEqual({
    text: "unknown flag: --x\nDid you mean --y?\nSee 'tare build --help'.\n",
    exitCode: 125,
  })
  expect((await reportError(new UsageError('unknown flag: --x'), undefined, false)).text).toBe(
    "unknown flag: --x\nSee 'tare --help'.\n",
  )
})

test('a refusal of the command line itself looks like any other', async () => {
  expect(await reportError(new Failure('no', { remedy: 'Yes.' }), 'save', false)).toEqual({
    text: 'Error: no\n       Yes.\n',
    exitCode: 1,
  })
})

test('a defect prints its stack and asks for a report', async () => {
  const { text, exitCode } = await reportError(new TypeError('x is undefined'), 'images', false)
  expect(exitCode).toBe(1)
  expect(text).toMatch(/^Error: TypeError: x is undefined\n {4}at .*print-error\.test\.ts/)
  expect(text).toContain('This is a bug in tare. Please report it')
})

test('with -D an error tells its code and what caused it', async () => {
  const error = new TareError('STORE_UNREADABLE', 'the store is broken', { cause: new Error('EIO: i/o error') })
  expect((await reportError(error, 'images', false)).text).toBe('Error: the store is broken\n')
  expect((await reportError(error, 'images', true)).text).toMatch(
    /^Error: the store is broken\nCode: STORE_UNREADABLE \(docs\/errors\.md\)\nCaused by: Error: EIO: i\/o error\n/,
  )
})

test('nothing is said to a reader that is gone', async () => {
  expect(await reportError(new BrokenPipe(), 'images', false)).toEqual({ text: '', exitCode: 141 })
})

test('a name in a message cannot steer the terminal', async () => {
  const error = new TareError('LAYER_PATH_ESCAPES', 'the layer has "\x1b[2J/x"')
  expect((await reportError(error, 'load', false)).text).toBe('Error: the layer has "\\x1b[2J/x"\n')
})
