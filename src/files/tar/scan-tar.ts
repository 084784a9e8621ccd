import { padding } from './block.ts'
import { truncated } from './damage.ts'
import { headerOf, type Writable } from './entry.ts'
import { type FoundEntry, findEntry } from './find-entry.ts'
import type { Archive, StoredEntry, StoredRun } from './types.ts'

/**
 * Yields the same entries as `readTar` for an archive on disk: reads only headers, and reports where bodies are. Ignores bytes
 * after the end marker. Throws a TareError `TAR_…` if the archive is damaged or truncated.
 */
export function* scanTar(archive: Archive): Generator<StoredEntry> {
  const window = new Window(archive)
  for (let start = 0; ; ) {
    let position = start
    const walk = findEntry(start)
    let step = walk.next()
    while (!step.done) {
      const bytes = window.read(position, step.value)
      position += bytes.length
      step = walk.next(bytes)
    }
    const found = step.value
    if (found === undefined) return
    const entry = headerOf(found) as Writable<StoredEntry> | undefined
    const end = found.bodyAt + found.stored
    if (end > archive.size) throw truncated(archive.size, `the body of "${found.draft.path}"`)
    if (entry !== undefined) {
      entry.at = start
      entry.runs = entry.kind === 'file' ? runsOf(found) : noRuns
      yield entry
    }
    start = end + padding(found.stored)
  }
}

export function runsOf({ bodyAt, stored, stretches }: FoundEntry): readonly StoredRun[] {
  if (stretches === undefined) return stored === 0 ? noRuns : [{ position: 0, length: stored, at: bodyAt }]
  const runs: StoredRun[] = []
  let at = bodyAt
  for (const { position, length } of stretches) {
    if (length > 0) runs.push({ position, length, at })
    at += length
  }
  return runs
}

const noRuns: readonly StoredRun[] = []

const smallest = 512
const largest = 64 * 1024

/**
 * A window of the archive in memory. Reads ahead only as far as it has paid off: with small bodies, one read gets many headers;
 * between large bodies, each read gets one.
 */
class Window {
  private readonly archive: Archive
  private buffer = Buffer.allocUnsafe(0)
  private start = 0
  private length = 0
  private ahead = 8 * 1024
  private served = 0

  constructor(archive: Archive) {
    this.archive = archive
  }

  /** Returns `size` bytes from `position`, fewer only at the end; valid until the next call. */
  read(position: number, size: number): Buffer {
    const at = position - this.start
    if (at < 0 || at + size > this.length) return this.refill(position, size)
    this.served += 1
    return this.buffer.subarray(at, at + size)
  }

  private refill(position: number, size: number): Buffer {
    this.ahead = this.served > 1 ? Math.min(this.ahead * 4, largest) : Math.max(this.ahead / 2, smallest)
    this.served = 1
    const wanted = Math.max(size, this.ahead)
    // No larger than necessary: many layers contain a single file.
    if (wanted > this.buffer.length) this.buffer = Buffer.allocUnsafeSlow(wanted)
    this.start = position
    this.length = 0
    while (this.length < wanted) {
      const count = this.archive.read(this.buffer.subarray(this.length, wanted), position + this.length)
      if (count === 0) break
      this.length += count
    }
    return this.buffer.subarray(0, Math.min(size, this.length))
  }
}
