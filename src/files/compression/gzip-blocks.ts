import { constants, crc32, deflateRaw, deflateRawSync } from 'node:zlib'
import type { Bytes } from '../../support/index.ts'
import { squeezeBlocks } from './blocks.ts'

const blockSize = 1 << 20
// What deflate looks back on; each block begins with the end of the one before as its dictionary.
const windowSize = 32 << 10
// Whether squeezing is worth it is decided for parts of this size, by a sample of each.
const partSize = 32 << 10
const sampleSize = 1 << 10
// Long runs of such parts are looked at more closely.
const longRun = 128 << 10
const longerSample = 8 << 10
// Above this part of its size, a sample says that squeezing is time for nothing.
const worthSqueezing = 0.97
const storedLimit = 0xffff

/**
 * One gzip member, made of blocks that are squeezed side by side on Node's thread pool (as pigz does it); blocks that
 * cannot be squeezed are stored. The same bytes come out for the same bytes and level, wherever zlib is the same: the
 * header has no name, no time and no system.
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
  // An empty last block, in deflate's fixed code.
  trailer[0] = 0x03
  trailer.writeUInt32LE(check >>> 0, 2)
  trailer.writeUInt32LE(size % 2 ** 32, 6)
  yield trailer
}

/** Ends at a byte, and is not the last of its stream. */
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
  /** It cannot be squeezed. */
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
  // Even bytes may still repeat.
  return runs.map((run) => ({ ...run, random: run.random && !(run.to - run.from >= longRun && repeats(block, run)) }))
}

/** Whether all bytes are about as frequent as each other, as only squeezed or encrypted ones are: far cheaper to see than to squeeze. */
function looksRandom(sample: Uint8Array): boolean {
  const counts = new Uint16Array(256)
  for (const byte of sample) counts[byte]!++
  const even = sample.length / 256
  let distance = 0
  for (const count of counts) distance += (count - even) ** 2
  // Of bytes by chance this is 255 on average, with a deviation of 23; of texts and programs thousands. (chi-squared)
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
    // A larger table of what was seen takes a fifth less time, for the same size.
    memLevel: 9,
    finishFlush: constants.Z_SYNC_FLUSH,
    // Each piece of output is a journey to the thread pool and back.
    chunkSize: Math.max(16 << 10, Math.min(run.length, 256 << 10)),
    ...(dictionary === undefined ? {} : { dictionary }),
  }
  return new Promise((resolve, reject) => {
    deflateRaw(run, options, (error, compressed) => (error === null ? resolve([compressed]) : reject(error)))
  })
}

/** As deflate's blocks without compression. (RFC 1951, 3.2.4) */
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
