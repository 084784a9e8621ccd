import { decodeName } from '../../support/index.ts'

/** Everything in a tar is aligned to blocks of this size. */
export const blockSize = 512

/**
 * Yields the number of bytes it needs next from the archive, and is resumed with them, or with fewer at the end. They are valid
 * only until the next yield.
 */
export type Wanting<Result> = Generator<number, Result, Buffer>

/** Returns the number of zeros after a body of `size` bytes, up to the next block. */
export function padding(size: number): number {
  return (blockSize - (size % blockSize)) % blockSize
}

export function isZero(block: Uint8Array): boolean {
  for (let i = 0; i < block.length; i++) if (block[i] !== 0) return false
  return true
}

/** Old tars summed signed bytes, so both sums are accepted, as in Go and GNU tar. */
export function checksumMatches(block: Uint8Array): boolean {
  const given = readNumber(block, 148, 8)
  let sum = 8 * 32
  for (let i = 0; i < 148; i++) sum += block[i]!
  for (let i = 156; i < blockSize; i++) sum += block[i]!
  if (sum === given) return true
  for (let i = 0; i < 148; i++) if (block[i]! > 127) sum -= 256
  for (let i = 156; i < blockSize; i++) if (block[i]! > 127) sum -= 256
  return sum === given
}

/**
 * Parses a number field, octal or base-256; returns NaN if it is neither. Blanks and NULs around the digits are ignored, an empty
 * field is 0, and anything after a NUL is ignored: as in Go's archive/tar. Beyond 2^53 the value is approximate.
 */
export function readNumber(block: Uint8Array, at: number, length: number): number {
  if (block[at]! & 0x80) return readBase256(block, at, length)
  let i = at
  let end = at + length
  while (i < end && isBlank(block[i]!)) i++
  while (i < end && isBlank(block[end - 1]!)) end--
  let value = 0
  for (; i < end && block[i] !== 0; i++) {
    const digit = block[i]! - 48
    if (digit < 0 || digit > 7) return Number.NaN
    value = value * 8 + digit
  }
  return value
}

function isBlank(byte: number): boolean {
  return byte === 0 || byte === 32
}

function readBase256(block: Uint8Array, at: number, length: number): number {
  const invert = block[at]! & 0x40 ? 0xff : 0
  let value = (block[at]! ^ invert) & 0x7f
  for (let i = at + 1; i < at + length; i++) value = value * 256 + (block[i]! ^ invert)
  if (value >= 2 ** 63) return Number.NaN
  return invert === 0 ? value : -value - 1
}

/** Returns a field's text up to its first NUL. */
export function readText(block: Buffer, at: number, length: number): string {
  let end = at
  let ascii = 0
  const limit = Math.min(at + length, block.length)
  for (; end < limit; end++) {
    const byte = block[end]!
    if (byte === 0) break
    ascii |= byte
  }
  if (end === at) return ''
  return ascii < 0x80 ? block.toString('latin1', at, end) : decodeName(block.subarray(at, end))
}

export function hasText(block: Uint8Array, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (block[at + i] !== text.charCodeAt(i)) return false
  return true
}
