import { expect, test } from 'vitest'
import { parseChmod } from '../index.ts'

test.each([
  ['644', 0o777, false, 0o644],
  ['0755', 0, false, 0o755],
  ['07777', 0, true, 0o7777],
  ['0', 0o777, false, 0],
  ['u+x', 0o644, false, 0o744],
  ['go-w', 0o666, false, 0o644],
  ['u=rw,g=r,o=r', 0o777, false, 0o644],
  ['a+X', 0o666, false, 0o666],
  ['a+X', 0o644, true, 0o755],
  ['a+X', 0o744, false, 0o755],
  ['u+rw,g+r,o-x,o+w', 0o124, true, 0o766],
  ['=', 0o777, false, 0],
  ['u=', 0o4777, false, 0o077],
  ['+x', 0o644, false, 0o755],
  ['+w', 0o444, false, 0o666],
  ['-w', 0o666, false, 0o444],
  ['a+w', 0o444, false, 0o666],
  ['+s', 0o755, false, 0o6755],
  ['u+s', 0o755, false, 0o4755],
  ['g+s', 0o755, true, 0o2755],
  ['o+s', 0o755, false, 0o755],
  ['+t', 0o777, true, 0o1777],
  ['a-t', 0o1777, true, 0o777],
  ['o+t', 0o777, true, 0o777],
  ['u=g', 0o742, false, 0o442],
  ['u=g-w', 0o762, false, 0o462],
  ['u+go', 0o021, false, 0o321],
  ['go=u-w', 0o770, false, 0o755],
  ['g=u', 0o640, false, 0o660],
  ['a=r,ug=rw,u+x', 0, false, 0o764],
  ['ug+rw-x', 0o751, false, 0o661],
  ['u=rwX', 0o777, true, 0o777],
  ['u=rwX,go=rX', 0o600, false, 0o644],
  ['u=rwX,go=rX', 0o700, false, 0o755],
  ['u=rwX,go=rX', 0o600, true, 0o755],
  ['=rwX', 0o600, true, 0o777],
  ['=X', 0o644, false, 0],
  ['a-X', 0o700, false, 0o600],
  ['go-X', 0o755, true, 0o744],
  ['a=X', 0o010, false, 0o111],
  ['u=rX,u-X', 0o755, false, 0o455],
  ['g=uX', 0o640, false, 0o660],
  ['=rw', 0o777, false, 0o666],
  ['+rwx', 0, false, 0o777],
  ['=u', 0o742, false, 0o777],
])('%s makes %o (directory: %s) %o', (text, mode, isDirectory, result) => {
  expect(parseChmod(text)(mode, isDirectory).toString(8)).toBe(result.toString(8))
})

test.each(['64a', '10000', '8', '99', '07777777777777'])('%s is refused in the words for a number', (text) => {
  expect(() => parseChmod(text)).toThrow(
    `invalid chmod parameter: '${text}'. it should be octal string and between 0 and 07777`,
  )
})

test.each(['', 'u', 'rwx', 'u+q', 'u+x,', 'x+r', 'u x', 'u+x u+r'])('%j is refused', (text) => {
  expect(() => parseChmod(text)).toThrow(expect.objectContaining({ code: 'DOCKERFILE_CHMOD' }))
})
