import { type Bytes, TareError } from '../../support/index.ts'
import { padding } from './block.ts'
import { encodeHeader } from './encode-header.ts'
import type { TarEntry } from './types.ts'
import { endOfArchive, writeHeader } from './write-header.ts'

const slabSize = 64 * 1024
const small = 8 * 1024

/**
 * Returns the archive of these entries, in order, with the headers of `encodeHeader`; sparse files are expanded. Throws a
 * TareError `TAR_BODY_SIZE` if a body's length differs from its header.
 */
export async function* writeTar(entries: AsyncIterable<TarEntry>): Bytes {
  // Headers and small bodies are collected; a large chunk is passed on as is.
  let buffer = Buffer.allocUnsafe(slabSize)
  let filled = 0
  const put = function* (bytes: Uint8Array): Generator<Uint8Array> {
    if (bytes.length > small || bytes.length > buffer.length - filled) {
      if (filled > 0) yield buffer.subarray(0, filled)
      buffer = buffer.subarray(filled)
      filled = 0
      if (buffer.length < small) buffer = Buffer.allocUnsafe(slabSize)
    }
    if (bytes.length > small) {
      yield bytes
    } else {
      buffer.set(bytes, filled)
      filled += bytes.length
    }
  }
  const block = Buffer.alloc(512)
  for await (const entry of entries) {
    yield* put(writeHeader(block, 0, entry) > 0 ? block : encodeHeader(entry))
    if (entry.kind !== 'file') continue
    let size = 0
    for await (const chunk of entry.body) {
      size += chunk.length
      if (size > entry.size) break
      yield* put(chunk)
    }
    if (size !== entry.size) throw wrongSize(entry, size)
    yield* put(endOfArchive.subarray(0, padding(size)))
  }
  yield* put(endOfArchive)
  if (filled > 0) yield buffer.subarray(0, filled)
}

function wrongSize(entry: TarEntry, size: number): TareError {
  const actual = size > entry.size ? 'more' : String(size)
  return new TareError('TAR_BODY_SIZE', `"${entry.path}" should have ${entry.size} bytes and has ${actual}`, {
    remedy: 'The file may have changed while it was read: try again.',
  })
}
