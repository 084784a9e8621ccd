import { ByteReader, type Bytes } from '../../support/index.ts'
import { padding } from './block.ts'
import { truncated } from './damage.ts'
import { headerOf, type Writable } from './entry.ts'
import { findEntry } from './find-entry.ts'
import { runsOf } from './scan-tar.ts'
import type { StoredEntry } from './types.ts'

/** Is shown an archive as it flows by. */
export interface TarVisitor {
  entry(entry: StoredEntry): void
  /** Bytes of the body of the last entry, in order: those of its runs. They stay as they are only until this returns. */
  body(piece: Uint8Array): void
}

/**
 * The entries that `scanTar` gives, of an archive that flows by, and their bodies: without a promise or a generator for each, since
 * there may be hundreds of thousands. Bytes behind the end marker are read and ignored. Throws a TareError `TAR_…`.
 */
export async function scanFlow(bytes: Bytes, visitor: TarVisitor): Promise<void> {
  const reader = new ByteReader(bytes)
  try {
    for (;;) {
      const start = reader.position
      const walk = findEntry(start)
      let step = walk.next()
      while (!step.done) step = walk.next(reader.takeNow(step.value) ?? (await reader.take(step.value)))
      const found = step.value
      if (found === undefined) break
      const entry = headerOf(found) as Writable<StoredEntry> | undefined
      const end = found.bodyAt + found.stored
      if (entry !== undefined) {
        entry.at = start
        entry.runs = entry.kind === 'file' ? runsOf(found) : []
        visitor.entry(entry)
        while (entry.kind === 'file' && reader.position < end) {
          const left = end - reader.position
          const piece = reader.pieceNow(left) ?? (await reader.piece(left))
          if (piece === undefined) break
          visitor.body(piece)
        }
      }
      if (!reader.skipNow(end - reader.position)) await reader.skip(end - reader.position)
      if (reader.position < end) throw truncated(reader.position, `the body of "${found.draft.path}"`)
      const rest = padding(found.stored)
      // An archive may stop short in the padding, as for Go.
      if (!reader.skipNow(rest)) await reader.skip(rest)
    }
    await reader.skip(Number.POSITIVE_INFINITY)
  } finally {
    await reader.close()
  }
}
