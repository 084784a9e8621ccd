import type { BitReader } from './bits.ts'
import { corrupt } from './corrupt.ts'

const longestCode = 20
const groupSize = 50
const shortCode = 10

/** Huffman codes for up to 258 symbols: a lookup table for short codes, limits per length for the others. */
interface Codes {
  /** Indexed by the next ten bits: the code's symbol and length, or 0 if the code is longer. */
  readonly short: Uint16Array
  /** By code length: the first code beyond this length, and the offset from a code to its index in `symbols`. */
  readonly limits: Int32Array
  readonly offsets: Int32Array
  readonly symbols: Uint16Array
}

/** Decodes blocks one after the other: `read` consumes a block's bits, `plain` then yields its bytes. */
export class BlockDecoder {
  private readonly size: number
  private readonly cells: Uint32Array
  private length = 0
  private origin = 0

  /** `size` is the maximum block size from the stream's header. */
  constructor(size: number) {
    this.size = size
    this.cells = new Uint32Array(size)
  }

  /** Reads a block after its magic number; returns its expected checksum. */
  read(bits: BitReader): number {
    const checksum = bits.read32()
    if (bits.read(1) === 1) throw corrupt('bzip2', 'it is of a version from before 1997')
    this.origin = bits.read(24)
    const used = readUsed(bits)
    const groups = bits.read(3)
    const count = bits.read(15)
    if (used.length === 0 || groups < 2 || groups > 6 || count === 0)
      throw corrupt('bzip2', 'the tables of a block are wrong')
    const selectors = readSelectors(bits, groups, count)
    const tables = Array.from({ length: groups }, () => readCodes(bits, used.length + 2))
    this.readSymbols(bits, used, tables, selectors)
    if (this.origin >= this.length) throw corrupt('bzip2', 'a block starts outside itself')
    this.invert()
    return checksum
  }

  private readSymbols(bits: BitReader, used: Uint8Array, tables: readonly Codes[], selectors: Uint8Array): void {
    const front = Uint8Array.from(used)
    const endOfBlock = used.length + 1
    const cells = this.cells
    let length = 0
    let run = 0
    let weight = 1
    for (let group = 0; ; group++) {
      const codes = tables[selectors[group] ?? -1]
      if (codes === undefined) throw corrupt('bzip2', 'a block continues after its last table')
      for (let i = 0; i < groupSize; i++) {
        const symbol = readSymbol(bits, codes)
        // A run of the front byte is written as a number with digits 1 and 2.
        if (symbol < 2) {
          run += weight << symbol
          weight <<= 1
          if (run > this.size) throw corrupt('bzip2', 'a block is too long')
          continue
        }
        if (run > 0) {
          if (length + run > this.size) throw corrupt('bzip2', 'a block is too long')
          cells.fill(front[0]!, length, length + run)
          length += run
          run = 0
          weight = 1
        }
        if (symbol === endOfBlock) {
          this.length = length
          return
        }
        if (length === this.size) throw corrupt('bzip2', 'a block is too long')
        const byte = front[symbol - 1]!
        front.copyWithin(1, 0, symbol - 1)
        front[0] = byte
        cells[length++] = byte
      }
    }
  }

  /**
   * Inverts the Burrows–Wheeler transform: turns the last column of the sorted rotations into links from each byte to the next.
   */
  private invert(): void {
    const { cells, length } = this
    const starts = new Uint32Array(256)
    for (let i = 0; i < length; i++) starts[cells[i]!]! += 1
    let sum = 0
    for (let byte = 0; byte < 256; byte++) {
      const count = starts[byte]!
      starts[byte] = sum
      sum += count
    }
    for (let i = 0; i < length; i++) {
      const byte = cells[i]! & 0xff
      const place = starts[byte]!
      starts[byte] = place + 1
      cells[place]! |= i << 8
    }
  }

  /** Yields the block's bytes; after four equal bytes, the next byte is a repeat count. Verifies the checksum at the end. */
  *plain(checksum: number): Generator<Uint8Array> {
    const { cells, length } = this
    let out = Buffer.allocUnsafe(pieceSize)
    let at = 0
    let crc = -1
    let link = cells[this.origin]! >>> 8
    let previous = -1
    let equal = 0
    for (let i = 0; i < length; i++) {
      const cell = cells[link]!
      const byte = cell & 0xff
      link = cell >>> 8
      if (equal === 4) {
        equal = 0
        for (let n = byte; n > 0; n--) {
          crc = (crc << 8) ^ crcTable[(crc >>> 24) ^ previous]!
          out[at++] = previous
        }
        previous = -1
      } else {
        equal = byte === previous ? equal + 1 : 1
        previous = byte
        crc = (crc << 8) ^ crcTable[(crc >>> 24) ^ byte]!
        out[at++] = byte
      }
      if (at > pieceSize - 256) {
        yield out.subarray(0, at)
        out = Buffer.allocUnsafe(pieceSize)
        at = 0
      }
    }
    if (~crc !== (checksum | 0)) throw corrupt('bzip2', 'the checksum of a block is wrong')
    if (at > 0) yield out.subarray(0, at)
  }
}

const pieceSize = 128 * 1024

const crcTable = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24
  for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1
  return crc
})

/** Reads which bytes occur in the block, as sixteen groups of sixteen bits. */
function readUsed(bits: BitReader): Uint8Array {
  const groups = bits.read(16)
  const used: number[] = []
  for (let group = 0; group < 16; group++) {
    if ((groups & (0x8000 >> group)) === 0) continue
    const members = bits.read(16)
    for (let i = 0; i < 16; i++) if ((members & (0x8000 >> i)) !== 0) used.push(16 * group + i)
  }
  return Uint8Array.from(used)
}

/** Reads which table is used for each group of fifty symbols. */
function readSelectors(bits: BitReader, groups: number, count: number): Uint8Array {
  const selectors = new Uint8Array(count)
  const front = Uint8Array.from({ length: groups }, (_, i) => i)
  for (let i = 0; i < count; i++) {
    let place = 0
    while (bits.read(1) === 1) {
      place += 1
      if (place >= groups) throw corrupt('bzip2', 'the tables of a block are wrong')
    }
    const table = front[place]!
    front.copyWithin(1, 0, place)
    front[0] = table
    selectors[i] = table
  }
  return selectors
}

/** Reads the code lengths, stored as differences, and builds the tables. */
function readCodes(bits: BitReader, count: number): Codes {
  const lengths = new Uint8Array(count)
  let length = bits.read(5)
  for (let i = 0; i < count; i++) {
    for (;;) {
      if (length < 1 || length > longestCode) throw corrupt('bzip2', 'the tables of a block are wrong')
      if (bits.read(1) === 0) break
      length += bits.read(1) === 0 ? 1 : -1
    }
    lengths[i] = length
  }
  const short = new Uint16Array(1 << shortCode)
  const limits = new Int32Array(longestCode + 1)
  const offsets = new Int32Array(longestCode + 1)
  const symbols = new Uint16Array(count)
  let code = 0
  let place = 0
  for (let size = 1; size <= longestCode; size++) {
    offsets[size] = code - place
    for (let symbol = 0; symbol < count; symbol++) {
      if (lengths[symbol] !== size) continue
      symbols[place++] = symbol
      if (size <= shortCode) {
        const from = code << (shortCode - size)
        short.fill((symbol << 4) | size, from, from + (1 << (shortCode - size)))
      }
      code += 1
    }
    if (code > 1 << size) throw corrupt('bzip2', 'the codes of a block are wrong')
    limits[size] = code
    code <<= 1
  }
  return { short, limits, offsets, symbols }
}

function readSymbol(bits: BitReader, codes: Codes): number {
  const entry = codes.short[bits.peek(shortCode)]!
  if (entry !== 0) {
    bits.skip(entry & 15)
    return entry >> 4
  }
  const window = bits.peek(longestCode)
  for (let size = shortCode + 1; size <= longestCode; size++) {
    const code = window >> (longestCode - size)
    if (code >= codes.limits[size]!) continue
    bits.skip(size)
    return codes.symbols[code - codes.offsets[size]!]!
  }
  throw corrupt('bzip2', 'a code of a block is wrong')
}
