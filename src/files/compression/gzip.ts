import { constants } from 'node:buffer'
import { createGunzip, gunzipSync, gunzip as inflate } from 'node:zlib'
import type { Bytes } from '../../support/index.ts'
import { asCorrupt, corrupt } from './corrupt.ts'
import { throughTransform } from './transform.ts'

const garbage = 'trailing garbage'

/**
 * Decompresses all members. Zeros after the last one are padding; anything else there is an error, as in Go. Node ignores
 * whatever follows such zeros, so it is checked here.
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

interface Inflated {
  readonly buffer: Buffer
  readonly engine: { readonly bytesWritten: number }
}

/** Decompresses in one go on another thread; returns undefined if the output would exceed `limit` bytes. */
export async function gunzipSoon(bytes: Buffer, limit: number): Promise<Buffer | undefined> {
  // A gzip ends with the size of its last, usually only, member. One byte more, or zlib would call again for the rest.
  const said = bytes.length < 18 ? 0 : bytes.readUInt32LE(bytes.length - 4)
  if (said > limit) return undefined
  const options = { info: true, maxOutputLength: limit, chunkSize: Math.max(16 << 10, said + 1) }
  const result = await new Promise<Inflated | undefined>((resolve, reject) => {
    inflate(bytes, options, (error, inflated) => {
      if (error === null) resolve(inflated as unknown as Inflated)
      else if ((error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE') resolve(undefined)
      else reject(asCorrupt('gzip', error))
    })
  })
  if (result !== undefined) refuseGarbage(bytes, result)
  return result?.buffer
}

/** Decompresses in one go. Throws a RangeError if the output would exceed `limit` bytes. */
export function gunzipNow(bytes: Uint8Array, limit: number): Buffer {
  let result: Inflated
  try {
    result = gunzipSync(bytes, {
      info: true,
      maxOutputLength: Math.min(limit, constants.MAX_LENGTH),
      chunkSize: Math.min(1024 * 1024, Math.max(16 * 1024, bytes.length * 3)),
    }) as unknown as Inflated
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE') throw new RangeError(`more than ${limit} bytes`)
    throw asCorrupt('gzip', error)
  }
  refuseGarbage(bytes, result)
  return result.buffer
}

function refuseGarbage(bytes: Uint8Array, { engine }: Inflated): void {
  if (lastNonZero(bytes) >= engine.bytesWritten) throw corrupt('gzip', garbage)
}

function lastNonZero(chunk: Uint8Array): number {
  let last = chunk.length - 1
  while (last >= 0 && chunk[last] === 0) last--
  return last
}
