import { constants, crc32, deflateRaw, deflateRawSync } from 'node:zlib'
import type { Bytes } from '../../support/index.ts'
import { squeezeBlocks } from './blocks.ts'

const blockSize = 1 << 20
// Deflate's window: each block uses the end of the previous one as its dictionary.
const windowSize = 32 << 10
// Whether to compress is decided for parts of this size, from a sample of each.
const partSize = 32 << 10
const sampleSize = 1 << 10
// Longer runs of incompressible parts are examined more closely.
const longRun = 128 << 10
const longerSample = 8 << 10
// A sample that stays above this fraction of its size is not worth compressing.
const worthSqueezing = 0.97
const storedLimit = 0xffff

/**
 * Writes one gzip member of blocks that are compressed in parallel on Node's thread pool (like pigz); incompressible blocks are
 * stored. The output depends only on the input, the level and zlib's version: the header has no name, time or system.
 */
export async function* gzipBlocks(bytes: Bytes, level: number): Bytes {
  let check = 0
  let size = 0
  yield Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff])
  yield* squeezeBlocks(bytes, blockSize, (block, before) => {
    check = crc32(block, check)
    size += block.length
    return squeeze(block, before?.subarray(-windowSize), level)
  })
  const trailer = Buffer.alloc(10)
  // An empty final block in deflate's fixed code.
  trailer[0] = 0x03
  trailer.writeUInt32LE(check >>> 0, 2)
  trailer.writeUInt32LE(size % 2 ** 32, 6)
  yield trailer
}

/** Ends at a byte boundary and is not the last block of its stream. */
async function squeeze(block: Uint8Array, before: Uint8Array | undefined, level: number): Promise<Uint8Array[]> {
  const compressed = runsOf(block).map(({ from, to, random }) => {
    const run = block.subarray(from, to)
    if (random) return stored(run)
    const dictionary = from === 0 ? before : block.subarray(Math.max(0, from - windowSize), from)
    return deflated(run, dictionary, level)
  })
  return (await Promise.all(compressed)).flat()
}

interface Run {
  readonly from: number
  to: number
  /** Whether it is incompressible. */
  readonly random: boolean
}

function runsOf(block: Uint8Array): readonly Run[] {
  const runs: Run[] = []
  for (let from = 0; from < block.length; from += partSize) {
    const to = Math.min(from + partSize, block.length)
    const middle = from + ((to - from - sampleSize) >> 1)
    const random = to - from > sampleSize && looksRandom(block.subarray(middle, middle + sampleSize))
    const last = runs.at(-1)
    if (last?.random === random) last.to = to
    else runs.push({ from, to, random })
  }
  // Evenly distributed bytes may still repeat.
  return runs.map((run) => ({ ...run, random: run.random && !(run.to - run.from >= longRun && repeats(block, run)) }))
}

/** Whether all bytes are about equally frequent, as in compressed or encrypted data: much cheaper to check than to compress. */
function looksRandom(sample: Uint8Array): boolean {
  const counts = new Uint16Array(256)
  for (const byte of sample) counts[byte]!++
  const even = sample.length / 256
  let distance = 0
  for (const count of counts) distance += (count - even) ** 2
  // For random bytes this is 255 on average, with a standard deviation of 23; for text and programs it is in the thousands.
  // (chi-squared)
  return distance / even < 500
}

function repeats(block: Uint8Array, { from, to }: Run): boolean {
  const middle = from + ((to - from - longerSample) >> 1)
  const sample = block.subarray(middle, middle + longerSample)
  return deflateRawSync(sample, { level: 1 }).length < sample.length * worthSqueezing
}

function deflated(run: Uint8Array, dictionary: Uint8Array | undefined, level: number): Promise<Uint8Array[]> {
  const options = {
    level,
    // A larger hash table is 20% faster for the same size.
    memLevel: 9,
    finishFlush: constants.Z_SYNC_FLUSH,
    // Each chunk of output is a round trip to the thread pool.
    chunkSize: Math.max(16 << 10, Math.min(run.length, 256 << 10)),
    ...(dictionary === undefined ? {} : { dictionary }),
  }
  return new Promise((resolve, reject) => {
    deflateRaw(run, options, (error, compressed) => (error === null ? resolve([compressed]) : reject(error)))
  })
}

/** As uncompressed deflate blocks. (RFC 1951, section 3.2.4) */
function stored(run: Uint8Array): Uint8Array[] {
  const heads = Math.ceil(run.length / storedLimit)
  const whole = Buffer.allocUnsafe(run.length + heads * 5)
  let used = 0
  for (let at = 0; at < run.length; at += storedLimit) {
    const part = run.subarray(at, at + storedLimit)
    whole[used] = 0
    whole.writeUInt16LE(part.length, used + 1)
    whole.writeUInt16LE(part.length ^ storedLimit, used + 3)
    whole.set(part, used + 5)
    used += part.length + 5
  }
  return [whole]
}
