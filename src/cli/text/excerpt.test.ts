import { expect, test } from 'vitest'
import { formatExcerpt } from './excerpt.ts'

const text = 'FROM scratch\nADD rootfs.tgz /\nENV A=1\nENV B=2\nENV C=3\nCMD ["/bin/sh"]\n'

function excerpt(line: number, endLine = line, source = text): string {
  return formatExcerpt({ file: 'Dockerfile', line, endLine, text: source })
}

test('the line is marked, with two lines on each side', () => {
  expect(excerpt(2)).toBe(`Dockerfile:2
--------------------
   1 |     FROM scratch
   2 | >>> ADD rootfs.tgz /
   3 |     ENV A=1
   4 |     ENV B=2
--------------------
`)
})

test('an instruction of several lines is marked whole, and the file ends where it ends', () => {
  expect(excerpt(4, 6)).toBe(`Dockerfile:4
--------------------
   2 |     ADD rootfs.tgz /
   3 |     ENV A=1
   4 | >>> ENV B=2
   5 | >>> ENV C=3
   6 | >>> CMD ["/bin/sh"]
--------------------
`)
})

test('a line that the file does not have is only named', () => {
  expect(excerpt(9)).toBe('Dockerfile:9\n')
})

test('a Dockerfile cannot steer the terminal that shows it', () => {
  expect(excerpt(1, 1, 'RUN \x1b]0;owned\x07\tx\r\n')).toBe(`Dockerfile:1
--------------------
   1 | >>> RUN \\x1b]0;owned\\x07\tx
--------------------
`)
})
