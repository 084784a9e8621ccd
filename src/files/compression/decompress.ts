import type { Bytes } from '../../support/index.ts'
import { unbzip2 } from './bzip2.ts'
import { gunzip, gunzipNow } from './gzip.ts'
import { bomb, largestOutput, Meter, type UnpackLimit } from './limit.ts'
import { type Format, sniff, sniffLength } from './sniff.ts'
import { unxz } from './xz.ts'
import { unzstd } from './zstd.ts'

export interface Decompressed {
  readonly format: Format
  /** To be read once. Stopping early closes the source and ends what was started for it. */
  readonly bytes: Bytes
}

const decoders: Readonly<Record<Exclude<Format, 'none'>, (bytes: Bytes) => Bytes>> = {
  gzip: gunzip,
  zstd: unzstd,
  xz: unxz,
  bzip2: unbzip2,
}

/**
 * Looks at the first bytes and gives the plain ones; what is not compressed comes through as it is. While the result is
 * read, a TareError: `ARCHIVE_CORRUPT` for what is damaged or cut short, `ARCHIVE_BOMB` when more comes out than `limit`
 * allows, `ARCHIVE_UNSUPPORTED` for rare options of zstd and xz.
 */
export async function decompress(bytes: Bytes, limit?: UnpackLimit): Promise<Decompressed> {
  const { head, all } = await peek(bytes, sniffLength)
  const format = sniff(head)
  if (format === 'none') return { format, bytes: all }
  const meter = new Meter(limit)
  return { format, bytes: meter.writing(decoders[format](meter.reading(all))) }
}

/**
 * The plain bytes of a gzip in memory, in one go: for small archives, where starting a stream costs more than the bytes.
 * Nothing where the buffer is no gzip. Errors as for `decompress`.
 */
export function decompressSmall(buffer: Uint8Array, limit?: UnpackLimit): Buffer | undefined {
  if (sniff(buffer) !== 'gzip') return undefined
  const largest = largestOutput(buffer.length, limit)
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
  return { head: Buffer.concat(chunks), all }
}
