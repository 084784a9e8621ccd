import { TareError } from '../../support/index.ts'
import { findEntry } from './find-entry.ts'

/** How many bytes `looksLikeTar` needs. */
export const tarHeadLength = 64 * 1024

/**
 * Whether ADD would unpack a file that begins with `head`: whether Go's archive/tar, which Docker uses, finds a first entry.
 * Empty files, only zeros, or a header with a wrong checksum are not tar; one good header suffices, whatever follows. A head
 * shorter than `tarHeadLength` is taken for the whole file; if the extended headers before the first entry exceed a longer one,
 * the file counts as tar.
 */
export function looksLikeTar(head: Uint8Array): boolean {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.byteLength)
  let position = 0
  try {
    const walk = findEntry(0)
    let step = walk.next()
    while (!step.done) {
      const piece = bytes.subarray(position, position + step.value)
      if (piece.length < step.value && position > 0 && head.length >= tarHeadLength) return true
      position += piece.length
      step = walk.next(piece)
    }
    return step.value !== undefined
  } catch (error) {
    if (error instanceof TareError) return false
    throw error
  }
}
