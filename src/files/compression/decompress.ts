import { type Bytes, flow } from '../../support/index.ts'
import { bomb, largestOutput, Meter, type UnpackLimit } from './limit.ts'
import { type Format, sniff, sniffLength } from './sniff.ts'

export interface Decompressed {
  readonly format: Format
  /** To be read once. Stopping early closes the source and ends what was started for it. */
  readonly bytes: Bytes
}

// Loaded when they are needed: a build that inflates nothing starts without zlib, streams and child processes.
const decoders: Readonly<Record<Exclude<Format, 'none'>, () => Promise<(bytes: Bytes) => Bytes>>> = {
  gzip: async () => (await import('./gzip.ts')).gunzip,
  zstd: async () => (await import('./zstd.ts')).unzstd,
  xz: async () => (await import('./xz.ts')).unxz,
  bzip2: async () => (await import('./bzip2.ts')).unbzip2,
}

/** Says that a gzip is on its way, so that what reads it is loaded meanwhile. */
export function expectGzip(): void {
  decoders.gzip().catch(() => {})
}

// Up to this size a gzip is read whole and inflated in one go, when no more than that comes out: streams take several times as long.
const smallInput = 4 << 20
const smallOutput = 8 << 20

/**
 * Looks at the first bytes and gives the plain ones; what is not compressed comes through as it is. While the result is
 * read, a TareError: `ARCHIVE_CORRUPT` for what is damaged or cut short, `ARCHIVE_BOMB` when more comes out than `limit`
 * allows, `ARCHIVE_UNSUPPORTED` for rare options of zstd and xz. Of a few `expected` bytes, all are read before anything is given.
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
 * The plain bytes of a gzip in memory, in one go: for small archives, where starting a stream costs more than the bytes.
 * Nothing where the buffer is no gzip. Errors as for `decompress`.
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

/** The first bytes, and all of them with the first ones again. */
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
