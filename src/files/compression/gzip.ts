import { constants } from 'node:buffer'
import { createGunzip, gunzipSync } from 'node:zlib'
import type { Bytes } from '../../support/index.ts'
import { asCorrupt, corrupt } from './corrupt.ts'
import { throughTransform } from './transform.ts'

const garbage = 'there are other bytes behind its end'

/**
 * All members, one after the other. Zeros behind the last one are padding; anything else there is an error, as for
 * Go. Node leaves the bytes behind such zeros unread, and so they are watched here.
 */
export async function* gunzip(bytes: Bytes): Bytes {
  const transform = createGunzip({ chunkSize: 128 * 1024 })
  let size = 0
  let lastByte = -1
  const watched = async function* (): Bytes {
    for await (const chunk of bytes) {
      const last = lastNonZero(chunk)
      if (last >= 0) lastByte = size + last
      size += chunk.length
      yield chunk
    }
  }
  yield* throughTransform('gzip', watched(), transform)
  if (lastByte >= transform.bytesWritten) throw corrupt('gzip', garbage)
}

/** The same, at once. Throws a RangeError when more than `limit` bytes would come out. */
export function gunzipNow(bytes: Uint8Array, limit: number): Buffer {
  let result: { readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } }
  try {
    result = gunzipSync(bytes, {
      info: true,
      maxOutputLength: Math.min(limit, constants.MAX_LENGTH),
      chunkSize: Math.min(1024 * 1024, Math.max(16 * 1024, bytes.length * 3)),
    }) as unknown as typeof result
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE') throw new RangeError(`more than ${limit} bytes`)
    throw asCorrupt('gzip', error)
  }
  if (lastNonZero(bytes) >= result.engine.bytesWritten) throw corrupt('gzip', garbage)
  return result.buffer
}

function lastNonZero(chunk: Uint8Array): number {
  let last = chunk.length - 1
  while (last >= 0 && chunk[last] === 0) last--
  return last
}
