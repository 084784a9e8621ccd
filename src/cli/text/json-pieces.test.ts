import { expect, test } from 'vitest'
import { jsonPieces } from './json-pieces.ts'

const long = (count: number) =>
  Array.from({ length: count }, (_, i) => (i % 2 === 0 ? { i, text: 'a\n"b"', more: [] } : [[i], 'x']))

test.each([
  {},
  { a: 1, b: undefined, c: null, 'd"': 'line\nline' },
  { a: [], b: {}, c: [1, { x: [undefined] }] },
  { few: long(999), list: long(1000), more: long(1001), many: long(3000), last: true },
])('pieces come to what JSON.stringify makes of a document', (document) => {
  expect([...jsonPieces(document)].join('')).toBe(JSON.stringify(document, undefined, 2))
})
