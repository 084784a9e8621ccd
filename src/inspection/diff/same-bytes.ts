import { type ContentReader, digestOf } from '../../files/layer/index.ts'
import type { Content, RegularFile } from '../../files/tree/index.ts'

const pieceSize = 1 << 18

/**
 * Whether two files have the same bytes: by where they lie and by digests where those are known, else by reading. Files of other
 * sizes or with a difference early on are told apart without a digest; equal ones whose digest one of them knows both know afterwards.
 */
export function sameBytes(a: RegularFile, b: RegularFile, readerA: ContentReader, readerB: ContentReader): boolean {
  if (a.size !== b.size) return false
  if (a.size === 0 || samePlace(a.content, b.content)) return true
  const digestA = a.content.digest
  const digestB = b.content.digest
  if (digestA !== undefined && digestB !== undefined) return digestA === digestB
  if (digestA !== undefined) return digestOf(b, readerB) === digestA
  if (digestB !== undefined) return digestOf(a, readerA) === digestB
  return compareBytes(a, b, readerA, readerB)
}

function samePlace(a: Content, b: Content): boolean {
  if (a === b) return true
  return a.kind === 'extent' && b.kind === 'extent' && a.path === b.path && a.offset === b.offset
}

function compareBytes(a: RegularFile, b: RegularFile, readerA: ContentReader, readerB: ContentReader): boolean {
  const left = Buffer.allocUnsafe(Math.min(a.size, pieceSize))
  const right = Buffer.allocUnsafe(left.length)
  for (let position = 0; position < a.size; position += pieceSize) {
    const size = Math.min(pieceSize, a.size - position)
    readerA.read(a.content, left.subarray(0, size), position)
    readerB.read(b.content, right.subarray(0, size), position)
    if (left.compare(right, 0, size, 0, size) !== 0) return false
  }
  return true
}
