import { expect, test } from 'vitest'
import { downloadName } from './index.ts'

test.each([
  ['https://h/a/b.txt', 'b.txt'],
  ['https://h/a/b.txt?c=/d#e/f', 'b.txt'],
  ['https://h/a/b/', 'b'],
  ['https://h/a%20b', 'a b'],
  ['https://h/files/conf%2Fapp.txt', 'app.txt'],
  ['https://h/files/conf%2fapp%2F', 'app'],
  ['https://h/caf%C3%A9', 'café'],
  ['https://h/caf%E9', 'caf\udce9'],
  ['https://h/100%', '100%'],
  ['https://h', '__unnamed__'],
  ['https://h/', '__unnamed__'],
  ['https://h/a/%2e%2e', '__unnamed__'],
  ['https://h/a/b%2F..', '__unnamed__'],
  ['https://h/%2F', '__unnamed__'],
  ['https://h/a%00b', '__unnamed__'],
])('%s is called %s', (address, name) => {
  expect(downloadName(address)).toBe(name)
})
