import { expect, test } from 'vitest'
import { decodeName } from '../../support/index.ts'
import { parseDockerfile, parseIgnore } from '../index.ts'

const text = 'FROM scratch\n'
const wide = (width: number, mark: string) =>
  Buffer.concat(
    [...(mark + text)].map((one) => {
      const bytes = Buffer.alloc(width)
      bytes.writeUInt16LE(one.charCodeAt(0))
      return bytes
    }),
  )
const swapped = (bytes: Buffer, width: number) =>
  Buffer.concat(
    Array.from({ length: bytes.length / width }, (_, i) => bytes.subarray(i * width, (i + 1) * width).toReversed()),
  )

test.each<[string, Buffer]>([
  ['UTF-16 (little-endian)', wide(2, '\ufeff')],
  ['UTF-16 (little-endian)', wide(2, '')],
  ['UTF-16 (big-endian)', swapped(wide(2, '\ufeff'), 2)],
  ['UTF-16 (big-endian)', swapped(wide(2, ''), 2)],
  ['UTF-32 (little-endian)', wide(4, '\ufeff')],
  ['UTF-32 (big-endian)', swapped(wide(4, '\ufeff'), 4)],
])('a file in %s is refused by that name', (name, bytes) => {
  const refusal = expect.objectContaining({
    code: 'DOCKERFILE_ENCODING',
    message: `F is ${name}, not UTF-8`,
  })
  expect(() => parseDockerfile(decodeName(bytes), 'F')).toThrow(refusal)
  expect(() => parseDockerfile(bytes.toString('utf8'), 'F')).toThrow(/^F is UTF-/)
  expect(() => parseIgnore(decodeName(bytes), 'F')).toThrow(refusal)
})

test('a mark in front of UTF-8 is nothing to speak of', () => {
  expect(parseDockerfile(`\ufeff${text}`, 'F').stages.length).toBe(1)
})

test('bytes that are not UTF-8 stay as they are in what nobody expands', () => {
  const bytes = Buffer.from('FROM scratch\nCOPY <<"E" /f\ncaf\xe9\nE\nCMD echo \xff\n', 'latin1')
  const [copy, cmd] = parseDockerfile(decodeName(bytes), 'F').stages[0]!.instructions
  expect(copy).toMatchObject({ heredocs: [{ body: 'caf\udce9\n' }] })
  expect(cmd).toMatchObject({ command: { words: ['echo \udcff'] } })
})
