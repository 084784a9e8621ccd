import { type Bytes, flow } from '../../support/index.ts'
import { bomb, largestOutput, Meter, type UnpackLimit } from './limit.ts'
import { type Format, sniff, sniffLength } from './sniff.ts'

export interface Decompressed {
  readonly format: Format
  /** Can be read once. Stopping early closes the source and ends any child process. */
  readonly bytes: Bytes
}

// Loaded on demand: a build that decompresses nothing starts without zlib, streams and child processes.
const decoders: Readonly<Record<Exclude<Format, 'none'>, () => Promise<(bytes: Bytes) => Bytes>>> = {
  gzip: async () => (await import('./gzip.ts')).gunzip,
  zstd: async () => (await import('./zstd.ts')).unzstd,
  xz: async () => (await import('./xz.ts')).unxz,
  bzip2: async () => (await import('./bzip2.ts')).unbzip2,
}

/** Starts loading the gzip code, when a gzip file is expected soon. */
export function expectGzip(): void {
  decoders.gzip().catch(() => {})
}

// A gzip up to this size is read whole and inflated in one go, if the output is no larger: streams take several times as long.
const smallInput = 4 << 20
const smallOutput = 8 << 20

/**
 * Detects the compression from the first bytes and returns the decompressed ones; uncompressed data passes through. Reading the
 * result may throw a TareError: `ARCHIVE_CORRUPT` if it is damaged or truncated, `ARCHIVE_BOMB` if it exceeds `limit`,
 * `ARCHIVE_UNSUPPORTED` for rare options of zstd and xz. If `expected` is small, everything is read before anything is returned.
 */
export async function decompress(
  bytes: Bytes,
  limit?: UnpackLimit,
  expected = Number.POSITIVE_INFINITY,
): Promise<Decompressed> {
  const { head, all } = await peek(bytes, expected <= smallInput ? expected + 1 : sniffLength)
  const format = sniff(head)
  if (format === 'none') return { format, bytes: all }
  if (format === 'gzip' && expected <= smallInput && head.length <= expected) {
    const { gunzipSoon } = await import('./gzip.ts')
    const plain = await gunzipSoon(head, Math.min(smallOutput, largestOutput(head.length, limit)))
    if (plain !== undefined) return { format, bytes: flow(plain) }
  }
  const meter = new Meter(limit)
  return { format, bytes: meter.writing((await decoders[format]())(meter.reading(all))) }
}

/**
 * Decompresses a gzip in memory in one go: for small archives, where a stream would cost more than the data. Returns undefined if
 * the buffer is not gzip. Errors as for `decompress`.
 */
export async function decompressSmall(buffer: Uint8Array, limit?: UnpackLimit): Promise<Buffer | undefined> {
  if (sniff(buffer) !== 'gzip') return undefined
  const largest = largestOutput(buffer.length, limit)
  const { gunzipNow } = await import('./gzip.ts')
  try {
    return gunzipNow(buffer, largest)
  } catch (error) {
    throw error instanceof RangeError ? bomb(buffer.length, largest + 1) : error
  }
}

/** Returns the first bytes, and a stream of all bytes including those. */
async function peek(bytes: Bytes, size: number): Promise<{ readonly head: Buffer; readonly all: Bytes }> {
  const iterator = bytes[Symbol.asyncIterator]()
  const chunks: Uint8Array[] = []
  let length = 0
  while (length < size) {
    const next = await iterator.next()
    if (next.done) break
    chunks.push(next.value)
    length += next.value.length
  }
  const all: AsyncIterator<Uint8Array> & Bytes = {
    [Symbol.asyncIterator]: () => all,
    async next() {
      const chunk = chunks.shift()
      return chunk === undefined ? iterator.next() : { done: false, value: chunk }
    },
    async return() {
      chunks.length = 0
      await iterator.return?.()
      return { done: true, value: undefined }
    },
  }
  const [first] = chunks
  const head =
    chunks.length === 1 ? Buffer.from(first!.buffer, first!.byteOffset, first!.length) : Buffer.concat(chunks)
  return { head, all }
}
