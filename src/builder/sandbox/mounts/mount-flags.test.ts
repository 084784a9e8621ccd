import { expect, test } from 'vitest'
import { flagsToKeep, hasMountsBelow } from './mount-flags.ts'

const table = [
  '20 1 254:0 / / rw,relatime - ext4 /dev/vda rw',
  '21 20 0:25 / /home rw,nosuid,nodev,relatime shared:1 - tmpfs tmpfs rw',
  '22 21 0:26 / /home/a\\040b\\134c rw,noexec,relatime - tmpfs tmpfs rw',
  '23 21 0:27 / /home/twice rw,nosuid - tmpfs tmpfs rw',
  '24 21 0:28 / /home/twice rw,nodev - tmpfs tmpfs rw',
  '',
].join('\n')

test('a bind keeps what the mount that it lies on forbids, and no more', () => {
  expect(flagsToKeep('/nowhere/at/all', table)).toEqual([])
  expect(flagsToKeep('/home/me', table)).toEqual(['nosuid', 'nodev'])
  expect(flagsToKeep('/homeless', table)).toEqual([])
  expect(flagsToKeep('/home/a b\\c/store', table)).toEqual(['noexec'])
})

test('of two mounts at one place the later counts', () => {
  expect(flagsToKeep('/home/twice/x', table)).toEqual(['nodev'])
})

test('what is mounted below a path is found, whatever its name, and not what is mounted at it or beside it', () => {
  expect(
    ['/', '/home', '/home/a b\\c', '/home/a', '/hom', '/home/twice'].filter((path) => hasMountsBelow(path, table)),
  ).toEqual(['/', '/home'])
})
