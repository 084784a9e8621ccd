import { blockSize } from './block.ts'
import type { TarHeader } from './types.ts'

// The bytes are those of Go's archive/tar with FormatPAX, as Docker uses it: a plain ustar header if that can represent
// everything; otherwise preceded by an extended header, with whatever fits in the ustar header. Equal layers must have equal
// diffIds, so none of the oddities below is ours to improve.

const typeFlags = { file: '0', hardlink: '1', symlink: '2', char: '3', block: '4', directory: '5', fifo: '6' } as const
export const flagOf = Object.fromEntries(
  Object.entries(typeFlags).map(([kind, flag]) => [kind, flag.charCodeAt(0)]),
) as Record<TarHeader['kind'], number>

/** Two zero blocks, and nothing after them. */
export const endOfArchive: Uint8Array = Buffer.alloc(2 * blockSize)

export const largestSevenDigits = 0o7777777
export const largestElevenDigits = 0o77777777777

/** The parts that all headers share: numbers as zeros, `ustar`, its version. */
export const template = Buffer.alloc(blockSize)
for (const at of [100, 108, 116, 329, 337]) template.write('0000000', at, 'latin1')
for (const at of [124, 136]) template.write('00000000000', at, 'latin1')
template.write('ustar\x0000', 257, 'latin1')
template[155] = 32

/** The template's checksum, in which the checksum field counts as eight blanks. */
const templateSum = template.reduce((sum, byte) => sum + byte, 7 * 32)

/**
 * Writes the one-block header of an ordinary entry to `into` at `at` and returns 512; returns 0 if the entry needs an extended
 * header and thus `encodeHeader` (the block's content is then undefined). Names and times as for `encodeHeader`.
 */
export function writeHeader(into: Uint8Array, at: number, header: TarHeader): number {
  const { path, kind, uid, gid, mtime, link } = header
  const needsSlash = kind === 'directory' && path.charCodeAt(path.length - 1) !== 47
  const size = kind === 'file' ? header.size : 0
  const isLink = kind === 'symlink' || kind === 'hardlink'
  if (path === '' || path.length + (needsSlash ? 1 : 0) > 100) return 0
  if (header.xattrs !== undefined && header.xattrs.size > 0) return 0
  if (!fits(uid, largestSevenDigits) || !fits(gid, largestSevenDigits)) return 0
  if (!fits(size, largestElevenDigits) || !fits(mtime, largestElevenDigits)) return 0
  if (isLink && (link === undefined || link === '' || link.length > 100)) return 0

  into.set(template, at)
  let sum = templateSum
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i)
    if (code === 0 || code > 0x7f) return 0
    into[at + i] = code
    sum += code
  }
  if (needsSlash) {
    into[at + path.length] = 47
    sum += 47
  }
  if (isLink) {
    for (let i = 0; i < link!.length; i++) {
      const code = link!.charCodeAt(i)
      if (code === 0 || code > 0x7f) return 0
      into[at + 157 + i] = code
      sum += code
    }
  }
  if (kind === 'char' || kind === 'block') {
    const { deviceMajor = 0, deviceMinor = 0 } = header
    if (!fits(deviceMajor, largestSevenDigits) || !fits(deviceMinor, largestSevenDigits)) return 0
    sum += putOctal(into, at + 335, deviceMajor) + putOctal(into, at + 343, deviceMinor)
  }
  sum += putOctal(into, at + 106, header.mode & 0o7777)
  sum += putOctal(into, at + 114, uid) + putOctal(into, at + 122, gid)
  sum += putOctal(into, at + 134, size) + putOctal(into, at + 146, mtime)
  const flag = flagOf[kind]
  into[at + 156] = flag
  putChecksum(into, at, sum + flag)
  return blockSize
}

/** Whether the value is an integer that fits in its field. */
export function fits(value: number, largest: number): boolean {
  return value >= 0 && value <= largest && Number.isInteger(value)
}

/** Writes octal digits over zeros, the last one at `at`; returns how much that adds to the checksum. */
export function putOctal(into: Uint8Array, at: number, value: number): number {
  let sum = 0
  let position = at
  for (let rest = value; rest > 0; rest = Math.floor(rest / 8)) {
    const digit = rest % 8
    into[position--] = 48 + digit
    sum += digit
  }
  return sum
}

/** Six digits, a NUL and a blank. */
export function putChecksum(into: Uint8Array, at: number, sum: number): void {
  for (let i = 5, rest = sum; i >= 0; i--, rest >>= 3) into[at + 148 + i] = 48 + (rest & 7)
}

const timeAt = blockSize + '30 mtime='.length
const timeLength = '1700000000.123456789'.length

/** An extended header with one record, the time: the digits are to be put in. */
const timeBlocks = Buffer.alloc(2 * blockSize)
timeBlocks.set(template)
timeBlocks.write('PaxHeaders.0/time', 0, 'latin1')
putOctal(timeBlocks, 134, 30)
timeBlocks[156] = 'x'.charCodeAt(0)
putChecksum(
  timeBlocks,
  0,
  timeBlocks.subarray(0, blockSize).reduce((sum, byte) => sum + byte, 0) -
    timeBlocks.subarray(148, 156).reduce((sum, byte) => sum + byte, 0) +
    8 * 32,
)
timeBlocks[154] = 0
timeBlocks.write(`30 mtime=${' '.repeat(timeLength)}\n`, blockSize, 'latin1')

/** The length of what `writeTimedHeader` writes. */
export const timedHeaderLength = 3 * blockSize

/**
 * Like `writeHeader`, but with the nanoseconds, which Docker omits. Returns the number of bytes, or 0 if the entry needs `encodeHeader`.
 */
export function writeTimedHeader(into: Buffer, at: number, header: TarHeader): number {
  const { mtime, mtimeNs } = header
  if (mtimeNs === 0) return writeHeader(into, at, header)
  if (mtime < 1e9 || writeHeader(into, at + 2 * blockSize, header) === 0) return 0
  into.set(timeBlocks, at)
  into.write(`${mtime}.${String(mtimeNs).padStart(9, '0')}`, at + timeAt, 'latin1')
  return timedHeaderLength
}
