import { constants, crc32, deflateRaw, deflateRawSync } from 'node:zlib'
import type { Bytes } from '../../support/index.ts'

const blockSize = 1 << 20
// What deflate looks back on; each block begins with the end of the one before as its dictionary.
const windowSize = 32 << 10
const sampleSize = 16 << 10
// Above this part of its size, a sample says that squeezing the block is time for nothing.
const worthSqueezing = 0.97
const atOnce = 8
const storedLimit = 0xffff

/**
 * One gzip member, made of blocks that are squeezed side by side on Node's thread pool (as pigz does it); blocks that
 * cannot be squeezed are stored. The same bytes come out for the same bytes and level, wherever zlib is the same: the
 * header has no name, no time and no system.
 */
export async function* gzipBlocks(bytes: Bytes, level = 6): Bytes {
  yield Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff])
  const running: Promise<Buffer>[] = []
  let check = 0
  let size = 0
  let before: Buffer | undefined
  try {
    for await (const block of blocksOf(bytes)) {
      check = crc32(block, check)
      size += block.length
      const squeezed = squeeze(block, before, level)
      // Looked at in its turn; a failure before that is no unhandled one.
      squeezed.catch(() => {})
      running.push(squeezed)
      before = block.subarray(-windowSize)
      if (running.length >= atOnce) yield await running.shift()!
    }
    while (running.length > 0) yield await running.shift()!
  } finally {
    await Promise.allSettled(running)
  }
  const trailer = Buffer.alloc(10)
  // An empty last block, in deflate's fixed code.
  trailer[0] = 0x03
  trailer.writeUInt32LE(check >>> 0, 2)
  trailer.writeUInt32LE(size % 2 ** 32, 6)
  yield trailer
}

/** The bytes in buffers of one size, but for the last; each is a buffer of its own. */
async function* blocksOf(bytes: Bytes): AsyncIterable<Buffer> {
  let block = Buffer.allocUnsafe(blockSize)
  let used = 0
  for await (const chunk of bytes) {
    for (let done = 0; done < chunk.length; ) {
      const count = Math.min(chunk.length - done, blockSize - used)
      block.set(chunk.subarray(done, done + count), used)
      used += count
      done += count
      if (used < blockSize) continue
      yield block
      block = Buffer.allocUnsafe(blockSize)
      used = 0
    }
  }
  if (used > 0) yield block.subarray(0, used)
}

/** Ends at a byte, and is not the last of its stream. */
function squeeze(block: Buffer, dictionary: Buffer | undefined, level: number): Promise<Buffer> {
  if (!looksSqueezable(block)) return Promise.resolve(stored(block))
  const options = { level, finishFlush: constants.Z_SYNC_FLUSH, ...(dictionary === undefined ? {} : { dictionary }) }
  return new Promise((resolve, reject) => {
    deflateRaw(block, options, (error, squeezed) => (error === null ? resolve(squeezed) : reject(error)))
  })
}

function looksSqueezable(block: Buffer): boolean {
  if (block.length <= sampleSize * 2) return true
  return [block.length >> 2, (block.length >> 2) * 3].some((at) => {
    const sample = block.subarray(at, at + sampleSize)
    return deflateRawSync(sample, { level: 1 }).length < sample.length * worthSqueezing
  })
}

/** As deflate's blocks without compression. (RFC 1951, 3.2.4) */
function stored(block: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < block.length; at += storedLimit) {
    const part = block.subarray(at, at + storedLimit)
    const head = Buffer.from([0, 0, 0, 0, 0])
    head.writeUInt16LE(part.length, 1)
    head.writeUInt16LE(part.length ^ 0xffff, 3)
    parts.push(head, part)
  }
  return Buffer.concat(parts)
}
