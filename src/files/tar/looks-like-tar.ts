import { TareError } from '../../support/index.ts'
import { findEntry } from './find-entry.ts'

/** How many bytes `looksLikeTar` likes to see. */
export const tarHeadLength = 64 * 1024

/**
 * Whether a file that begins with `head` would be unpacked by ADD: whether Go's archive/tar, which Docker asks, finds a first
 * entry. Nothing, only zeros, or a header with a wrong checksum is no tar; a good first header makes one, whatever comes
 * behind. A head shorter than `tarHeadLength` is taken for the whole file; where the extended headers before the first
 * entry go on behind a longer one, it is taken for a tar.
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
