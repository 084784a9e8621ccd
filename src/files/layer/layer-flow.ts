import type { Digest } from '../../oci/index.ts'
import { type Bytes, TareError } from '../../support/index.ts'
import { type StoredEntry, scanFlow } from '../tar/index.ts'
import { PieceSum } from './content.ts'
import { checkHardLinks } from './hard-links.ts'
import { indexOf } from './index-codec.ts'
import type { LayerEntry } from './layer-entry.ts'
import { createLayerFile } from './layer-file.ts'
import type { LayerIndex } from './layer-index.ts'
import type { LayerTable } from './layer-table.ts'
import { layerEntries } from './read.ts'
import { TableWriter } from './table-writer.ts'

const zeros = Buffer.alloc(64 << 10)
const swollen = 1 << 30
const swollenRatio = 200

/** What is known of a layer that has flowed by, besides its digest. */
export interface FlowIndex {
  readonly size: number
  readonly table: LayerTable
}

export interface FlowOptions {
  /** Whether to hash every file, which takes as long as hashing the layer. */
  readonly digests: boolean
}

/**
 * Indexes a layer stream. `what` names it in errors; verifying it is up to the caller, who
 * gets every chunk. Throws the errors of `indexLayer`, and `ARCHIVE_BOMB` if its holes represent more than a disk could hold.
 */
export async function indexFlow(bytes: Bytes, what: string, { digests }: FlowOptions): Promise<FlowIndex> {
  const writer = new TableWriter()
  const read = layerEntries(what)
  let size = 0
  let holes = 0
  let file: FileHash | undefined
  const finish = () => {
    if (file !== undefined) writer.add(file.finish())
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
      if (entry.kind === 'file') {
        const there = entry.runs.reduce((sum, { length }) => sum + length, 0)
        holes += entry.size - there
        // Before zeros are hashed that nobody has sent; the file itself may have been sent only in part.
        if (digests) refuseHoles(holes, size + there, what)
      }
      // A hard link to a note is that file, too, but has no body.
      if (entry.kind === 'file' && stored.kind === 'file' && digests) file = new FileHash(entry, stored)
      else writer.add(entry)
    },
    body: (piece) => file?.add(piece),
  })
  finish()
  refuseHoles(holes, size, what)
  const table = writer.done()
  checkHardLinks(table, what)
  return { size, table }
}

export interface WriteFlowOptions extends FlowOptions {
  /** Where to write the layer; must not exist. */
  readonly path: string
  /** Names the layer in errors. */
  readonly what: string
  /** About how many bytes there will be. */
  readonly expected: number
  /** Is told the digest of the bytes; what it throws is the error, whatever else they have. */
  readonly check?: ((digest: Digest) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/** Writes a layer stream to a file, and indexes it while it flows by. On failure, the caller removes the file. */
export async function writeFlow(bytes: Bytes, options: WriteFlowOptions): Promise<LayerIndex> {
  const file = await createLayerFile(options.path, options.expected)
  const source = bytes[Symbol.asyncIterator]()
  let isBroken = false
  const next = async () => {
    try {
      options.signal?.throwIfAborted()
      const step = await source.next()
      if (step.done !== true) await file.add(step.value)
      return step
    } catch (error) {
      isBroken = true
      throw error
    }
  }
  const passing = async function* () {
    for (let step = await next(); step.done !== true; step = await next()) yield step.value
  }
  let found: FlowIndex | undefined
  let failure: unknown
  let written: { readonly digest: Digest; readonly size: number }
  try {
    found = await indexFlow(passing(), options.what, options).catch(async (error: unknown) => {
      if (isBroken) throw error
      // The rest tells whether these are the bytes that were meant.
      failure = error
      while ((await next()).done !== true);
      return undefined
    })
    written = await file.finish()
  } catch (error) {
    await file.abandon()
    await source.return?.()
    throw error
  }
  options.check?.(written.digest)
  if (found === undefined) throw failure
  return indexOf({ diffId: written.digest, size: written.size }, found.table)
}

/** Computes the digest of one file, including holes. */
class FileHash {
  private readonly entry: LayerEntry
  private readonly runs: StoredEntry['runs']
  private readonly sum: PieceSum
  private run = 0
  /** How much of the current run, and of the file, has been read. */
  private done = 0
  private position = 0

  constructor(entry: LayerEntry, { runs }: StoredEntry) {
    this.entry = entry
    this.runs = runs
    this.sum = new PieceSum(entry.size)
  }

  add(piece: Uint8Array): void {
    for (let at = 0; at < piece.length; ) {
      const run = this.runs[this.run]
      if (run === undefined) return
      this.fill(run.position + this.done)
      const count = Math.min(piece.length - at, run.length - this.done)
      this.sum.add(count === piece.length ? piece : piece.subarray(at, at + count))
      at += count
      this.position += count
      this.done += count
      if (this.done < run.length) continue
      this.run += 1
      this.done = 0
    }
  }

  /** Returns the entry with its digest. */
  finish(): LayerEntry {
    this.fill(this.entry.size)
    this.entry.digest = this.sum.digest()
    return this.entry
  }

  private fill(until: number): void {
    for (; this.position < until; ) {
      const count = Math.min(zeros.length, until - this.position)
      this.sum.add(count === zeros.length ? zeros : zeros.subarray(0, count))
      this.position += count
    }
  }
}

function refuseHoles(holes: number, size: number, what: string): void {
  if (holes <= Math.max(swollen, size * swollenRatio)) return
  throw new TareError('ARCHIVE_BOMB', `the sparse files of ${what} unpack to ${holes} bytes or more`, {
    remedy: 'Keep such files out of the image.',
  })
}
