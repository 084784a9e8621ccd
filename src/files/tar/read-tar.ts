import type { Bytes } from '../../support/index.ts'
import { ByteReader } from '../../support/index.ts'
import { padding } from './block.ts'
import { truncated } from './damage.ts'
import { headerOf, type Writable } from './entry.ts'
import { type FoundEntry, findEntry } from './find-entry.ts'
import type { TarEntry } from './types.ts'

/**
 * Yields the entries of a tar stream. A body can be read until the next entry is requested; the rest is skipped. Bytes after the
 * end marker are read and ignored, so that a digest or a decompressor sees the whole stream. Throws a TareError `TAR_…` if the
 * archive is damaged or truncated.
 */
export async function* readTar(bytes: Bytes): AsyncGenerator<TarEntry> {
  const reader = new EntryReader(bytes)
  try {
    for (;;) {
      const walk = findEntry(reader.position)
      let step = walk.next()
      while (!step.done) step = walk.next(reader.takeNow(step.value) ?? (await reader.take(step.value)))
      const found = step.value
      if (found === undefined) break
      const entry = headerOf(found) as Writable<TarEntry> | undefined
      if (entry !== undefined) {
        entry.body = entry.kind === 'file' ? bodyOf(found, reader) : nothing
        yield entry
      }
      reader.turn += 1
      const end = found.bodyAt + found.stored
      if (!reader.skipNow(end - reader.position)) await reader.skip(end - reader.position)
      if (reader.position < end) throw truncated(reader.position, `the body of "${found.draft.path}"`)
      // An archive may end within the padding, as in Go.
      const rest = padding(found.stored)
      if (!reader.skipNow(rest)) await reader.skip(rest)
    }
    await reader.skip(Number.POSITIVE_INFINITY)
  } finally {
    await reader.close()
  }
}

class EntryReader extends ByteReader {
  /** Counts entries, to detect reading a body too late. */
  turn = 0
}

const nothing: Bytes = { [Symbol.asyncIterator]: () => ({ next: async () => ({ done: true, value: undefined }) }) }

function bodyOf(found: FoundEntry, reader: EntryReader): Bytes {
  return found.stretches === undefined ? plainBody(reader, found, reader.turn) : sparseBody(reader, found, reader.turn)
}

async function* plainBody(reader: EntryReader, found: FoundEntry, turn: number): Bytes {
  yield* piecesUntil(reader, found, turn, found.bodyAt + found.stored)
}

const zeros = Buffer.alloc(64 * 1024)

async function* sparseBody(reader: EntryReader, found: FoundEntry, turn: number): Bytes {
  let position = 0
  let at = found.bodyAt
  for (const stretch of found.stretches ?? []) {
    yield* hole(stretch.position - position)
    at += stretch.length
    yield* piecesUntil(reader, found, turn, at)
    position = stretch.position + stretch.length
  }
  yield* hole(found.draft.size - position)
}

function* hole(length: number): Generator<Uint8Array> {
  for (let left = length; left > 0; left -= zeros.length) yield left < zeros.length ? zeros.subarray(0, left) : zeros
}

async function* piecesUntil(reader: EntryReader, found: FoundEntry, turn: number, end: number): Bytes {
  for (;;) {
    if (reader.turn !== turn || reader.position > end) {
      throw new Error(`the body of "${found.draft.path}" was read after the next entry had been asked for`)
    }
    if (reader.position === end) return
    const piece = reader.pieceNow(end - reader.position) ?? (await reader.piece(end - reader.position))
    if (piece === undefined) throw truncated(reader.position, `the body of "${found.draft.path}"`)
    yield piece
  }
}
