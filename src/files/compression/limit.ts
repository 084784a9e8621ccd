import { type Bytes, TareError } from '../../support/index.ts'

/**
 * Maximum number of output bytes. Default: 1 GiB, or 200 times the input if that is more, so that really large archives pass and
 * decompression bombs do not.
 */
export type UnpackLimit = number

const allowance = 1024 ** 3
const ratio = 200

/** Returns how much output is allowed after `read` compressed bytes. */
export function largestOutput(read: number, limit: UnpackLimit | undefined): number {
  return limit ?? Math.max(allowance, read * ratio)
}

/** Counts a decompressor's input and output, and stops it beyond the limit. */
export class Meter {
  private read = 0
  private written = 0
  private readonly limit: UnpackLimit | undefined

  constructor(limit: UnpackLimit | undefined) {
    this.limit = limit
  }

  async *reading(bytes: Bytes): Bytes {
    for await (const chunk of bytes) {
      this.read += chunk.length
      yield chunk
    }
  }

  async *writing(bytes: Bytes): Bytes {
    for await (const chunk of bytes) {
      this.written += chunk.length
      if (this.written > largestOutput(this.read, this.limit)) throw bomb(this.read, this.written)
      yield chunk
    }
  }
}

export function bomb(read: number, written: number): TareError {
  const times = Math.floor(written / Math.max(1, read))
  return new TareError(
    'ARCHIVE_BOMB',
    `${read} compressed bytes unpack to ${written} bytes or more, ${times} times as many`,
    {
      remedy:
        'If the archive is meant to be this large, set TARE_UNPACK_LIMIT to the number of bytes it may unpack to.',
    },
  )
}
