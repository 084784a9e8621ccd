import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import {
  closest,
  locate,
  messageOf,
  Steps,
  systemCode,
  TareError,
  type TareEvent,
  withoutCredentials,
} from './index.ts'

const where = { file: 'Dockerfile', line: 3, endLine: 4, text: 'FROM scratch' }

test('an error gets a place once, and keeps all else', () => {
  const cause = new Error('why')
  const error = new TareError('STORE_FULL', 'message', { remedy: 'do this', cause })
  const placed = locate(error, where) as TareError
  expect(placed).toMatchObject({ code: 'STORE_FULL', message: 'message', remedy: 'do this', where, cause })
  expect(locate(placed, { ...where, line: 9 })).toBe(placed)
  expect(locate(error, undefined)).toBe(error)
  expect(locate(cause, where)).toBe(cause)
})

test('the code of the system is told from one of ours', () => {
  let met: unknown
  try {
    readFileSync('/no/such/file')
  } catch (error) {
    met = error
  }
  expect(systemCode(met)).toBe('ENOENT')
  expect(systemCode(new TareError('STORE_FULL', ''))).toBeUndefined()
  expect([undefined, null, 'ENOENT', { code: 5 }].map(systemCode)).toEqual([undefined, undefined, undefined, undefined])
  expect([messageOf(new Error('a')), messageOf('b'), messageOf(undefined)]).toEqual(['a', 'b', 'undefined'])
})

test.each([
  ['buidl', 'build'],
  ['BUILD', 'build'],
  ['biuld', 'build'],
  ['tset', 'test'],
  ['xyz', undefined],
  ['', undefined],
])('what was meant by %j is %j', (word, meant) => {
  expect(closest(word, ['test', 'build', 'release'])).toBe(meant)
})

test('of a step only the first end is told', () => {
  const events: TareEvent[] = []
  const steps = new Steps((event) => events.push(event))
  const [one, two] = [steps.start('one'), steps.start('two')]
  two.progress('moving', 1)
  two.cached()
  two.done()
  one.output('stderr', 'text')
  one.failed('no')
  one.canceled()
  expect(events.map(({ at: _, ...event }: TareEvent & { at?: number }) => event)).toEqual([
    { type: 'step-started', step: 1, title: 'one' },
    { type: 'step-started', step: 2, title: 'two' },
    { type: 'step-progress', step: 2, name: 'moving', current: 1 },
    { type: 'step-cached', step: 2 },
    { type: 'step-output', step: 1, stream: 'stderr', text: 'text' },
    { type: 'step-failed', step: 1, message: 'no' },
  ])
})

test('a password in an address is crossed out, and the user of ssh is not', () => {
  expect(withoutCredentials('https://ada:secret@example.com/a')).toBe('https://xxxxx:xxxxx@example.com/a')
  expect(withoutCredentials('ADD https://token@h/a.git ftp://a:p@ss@h/ /')).toBe(
    'ADD https://xxxxx:xxxxx@h/a.git ftp://xxxxx:xxxxx@h/ /',
  )
  expect(withoutCredentials('ssh://git@h/a git@h:a https://h/a@b')).toBe('ssh://git@h/a git@h:a https://h/a@b')
})
