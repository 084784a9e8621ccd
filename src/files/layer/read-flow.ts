import { createHash, type Hash } from 'node:crypto'
import type { Digest } from '../../oci/index.ts'
import { type Bytes, TareError } from '../../support/index.ts'
import { type StoredEntry, scanFlow } from '../tar/index.ts'
import { checkHardLinks } from './hard-links.ts'
import type { LayerEntry, LayerIndex } from './layer-index.ts'
import { layerEntries } from './read.ts'

const zeros = Buffer.alloc(64 << 10)
const swollen = 1 << 30
const swollenRatio = 200

/**
 * Indexes a layer stream, with the digest of every file. `expected` names it in errors; verifying it is up to the caller, who
 * gets every chunk. Throws the errors of `indexLayer`, and `ARCHIVE_BOMB` if its holes represent more than a disk could hold.
 */
export async function indexFlow(bytes: Bytes, expected: Digest): Promise<LayerIndex> {
  const what = `layer ${expected}`
  const entries: LayerEntry[] = []
  const read = layerEntries(what)
  let size = 0
  let holes = 0
  let file: FileHash | undefined
  const finish = () => {
    file?.finish()
    file = undefined
  }
  const counted = async function* () {
    for await (const chunk of bytes) {
      size += chunk.length
      yield chunk
    }
  }
  await scanFlow(counted(), {
    entry: (stored) => {
      finish()
      const entry = read(stored)
      if (entry === undefined) return
      entries.push(entry)
      if (stored.kind !== 'file' || entry.kind !== 'file') return
      holes += entry.size - stored.runs.reduce((sum, { length }) => sum + length, 0)
      if (holes > Math.max(swollen, size * swollenRatio)) throw tooManyHoles(what, holes)
      file = new FileHash(entry, stored)
    },
    body: (piece) => file?.add(piece),
  })
  finish()
  const index = { diffId: expected, size, entries }
  checkHardLinks(index, what)
  return index
}

/** Computes the digest of one file, including holes. */
class FileHash {
  private readonly entry: LayerEntry
  private readonly runs: StoredEntry['runs']
  private readonly hash: Hash = createHash('sha256')
  private run = 0
  /** How much of the current run, and of the file, has been read. */
  private done = 0
  private position = 0

  constructor(entry: LayerEntry, { runs }: StoredEntry) {
    this.entry = entry
    this.runs = runs
  }

  add(piece: Uint8Array): void {
    for (let at = 0; at < piece.length; ) {
      const run = this.runs[this.run]
      if (run === undefined) return
      this.fill(run.position + this.done)
      const count = Math.min(piece.length - at, run.length - this.done)
      this.hash.update(count === piece.length ? piece : piece.subarray(at, at + count))
      at += count
      this.position += count
      this.done += count
      if (this.done < run.length) continue
      this.run += 1
      this.done = 0
    }
  }

  finish(): void {
    this.fill(this.entry.size)
    this.entry.digest = `sha256:${this.hash.digest('hex')}`
  }

  private fill(until: number): void {
    for (; this.position < until; ) {
      const count = Math.min(zeros.length, until - this.position)
      this.hash.update(count === zeros.length ? zeros : zeros.subarray(0, count))
      this.position += count
    }
  }
}

function tooManyHoles(what: string, holes: number): TareError {
  return new TareError('ARCHIVE_BOMB', `the sparse files of ${what} unpack to ${holes} bytes or more`, {
    remedy: 'Keep such files out of the image.',
  })
}
