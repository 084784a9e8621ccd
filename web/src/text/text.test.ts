import { expect, test } from 'vitest'
import { instructionOf } from './instruction.ts'
import { countText, differenceText, modeText, percentText, secondsText, sizeText } from './numbers.ts'
import { printable } from './printable.ts'

test('a name shows what would not be seen, or would turn or hide the text around it', () => {
  expect(printable('plain – naïve 名前 😀')).toBe('plain – naïve 名前 😀')
  expect(printable('a\nb\tc\rd\0e\x1b[2J\x7f')).toBe('a\\nb\\tc\\rd\\x00e\\x1b[2J\\x7f')
  expect(printable('\u202egpj.exe\u2066\u200b\u2028')).toBe('\\u202egpj.exe\\u2066\\u200b\\u2028')
  // Bytes that are not UTF-8.
  expect(printable('caf\udce9')).toBe('caf\\xe9')
  expect(printable('\ud83d')).toBe('\\ud83d')
})

test('sizes have three digits', () => {
  expect([0, 999, 1000, 7_390_000, 99_960_000, 999_600, 3.2e12].map(sizeText)).toEqual(
    ['0 B', '999 B', '1.00 kB', '7.39 MB', '100 MB', '1.00 MB', '3.20 TB'].map((text) => text.replace(' ', '\u202f')),
  )
  expect([0, 5000, -5000].map(differenceText)).toEqual(['', '+5.00\u202fkB', '−5.00\u202fkB'])
  expect(countText(1234567)).toBe('1,234,567')
  expect([1, 0.99999, 0.5].map(percentText)).toEqual(['100\u202f%', '99.9\u202f%', '50.0\u202f%'])
})

test('modes are those of ls, and times those that exist', () => {
  expect([0o755, 0o4755, 0o2644, 0o1777, 0o1666].map(modeText)).toEqual([
    ...['rwxr-xr-x', 'rwsr-xr-x', 'rw-r-Sr--', 'rwxrwxrwt', 'rw-rw-rwT'],
  ])
  expect([0, 1700000000, 1e15].map(secondsText)).toEqual([
    '1970-01-01 00:00:00',
    '2023-11-14 22:13:20',
    '@1000000000000000',
  ])
})

test('an instruction is shown as it was written, whichever builder wrote it down', () => {
  const shown = (text?: string) => Object.values(instructionOf(text))
  expect(shown('/bin/sh -c #(nop) ADD file:ab in / ')).toEqual(['ADD', 'file:ab in /'])
  expect(shown('/bin/sh -c apk add x')).toEqual(['RUN', 'apk add x'])
  expect(shown('RUN /bin/sh -c apk add x # buildkit')).toEqual(['RUN', 'apk add x'])
  expect(shown('RUN |1 A=b /bin/sh -c apk add x # buildkit')).toEqual(['RUN', 'apk add x'])
  expect(shown('COPY a /b # buildkit')).toEqual(['COPY', 'a /b'])
  expect(shown(undefined)).toEqual(['', 'no instruction is known'])
})
