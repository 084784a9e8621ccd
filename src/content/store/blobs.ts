import { createHash } from 'node:crypto'
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { listFolder, makeFolder, makePrivateFolder, type ProcessFiles, privately, showLife } from '../../disk/index.ts'
import { type Descriptor, type Digest, documentLimit, hexOf } from '../../oci/index.ts'
import { type Bytes, sha256, systemCode, TareError, writeWhole } from '../../support/index.ts'
import { explainWriteFailure } from './failures.ts'
import type { Soundness } from './soundness.ts'

const chunkSize = 1 << 20

/** A file of the store that may become a blob. */
export interface Reservation {
  /** Where to write; does not exist yet. */
  readonly path: string
  /** Makes it the blob `digest`, which must match its content, replacing one that is damaged. */
  keep(digest: Digest): void
  discard(): void
}

/** Blobs by digest: `blobs/sha256/<hex>`, complete or absent. */
export class Blobs {
  private readonly folder: string
  private readonly home: string
  private readonly scratch: ProcessFiles
  private readonly soundness: Soundness
  /** Blobs marked as in use since the last lease began. */
  private readonly touched = new Set<Digest>()
  /** How many this process has added. */
  added = 0

  constructor(home: string, scratch: ProcessFiles, soundness: Soundness) {
    this.home = home
    this.folder = join(home, 'blobs', 'sha256')
    this.scratch = scratch
    this.soundness = soundness
  }

  path(digest: Digest): string {
    return join(this.folder, hexOf(digest))
  }

  /** Whether the file exists; it may be damaged: see `isSound`. */
  has(digest: Digest): boolean {
    return existsSync(this.path(digest))
  }

  /** Whether the blob exists and matches its digest. Cheap if it was verified before and has not changed since. */
  isSound(digest: Digest): boolean {
    return this.soundness.isSound(digest, this.path(digest))
  }

  /** Throws `BLOB_MISSING` or `BLOB_CORRUPT` if it does not. */
  check(digest: Digest): void {
    if (!this.isSound(digest)) throw this.has(digest) ? corrupt(digest, this.path(digest)) : missing(digest)
  }

  /** Returns the blob's size in bytes; undefined if it does not exist. */
  size(digest: Digest): number | undefined {
    return statSync(this.path(digest), { throwIfNoEntry: false })?.size
  }

  /**
   * Marks the blob as in use, so that a concurrent prune keeps it. Returns whether it exists and is intact; a damaged one counts
   * as missing, so that the caller replaces it.
   */
  touch(digest: Digest): boolean {
    if (this.touched.has(digest)) return this.isSound(digest)
    if (!this.soundness.touch(digest, this.path(digest))) this.date(digest)
    if (!this.isSound(digest)) return false
    this.touched.add(digest)
    return true
  }

  /** From now on, blobs count as in use only once they are touched again. */
  startLease(): void {
    this.touched.clear()
  }

  /** Returns a small blob's content. Throws `BLOB_MISSING` or `BLOB_CORRUPT`. */
  read(digest: Digest): Buffer {
    const size = this.size(digest)
    if (size === undefined) throw missing(digest)
    if (size > documentLimit)
      throw new TareError('BLOB_CORRUPT', `blob ${digest} is too large for a document (${size} bytes)`)
    if (!statSync(this.path(digest)).isFile()) throw corrupt(digest, this.path(digest))
    const bytes = readFileSync(this.path(digest))
    if (sha256(bytes) !== digest) throw corrupt(digest, this.path(digest))
    return bytes
  }

  /**
   * Returns the bytes of any blob in large chunks. With `reuse`, a chunk's memory is overwritten after that many further chunks:
   * allocating memory costs as much as reading.
   */
  async open(blob: Descriptor, reuse?: number): Promise<Bytes> {
    this.check(blob.digest)
    let fd: number
    try {
      fd = openSync(this.path(blob.digest), 'r')
    } catch (error) {
      if (systemCode(error) === 'ENOENT') throw missing(blob.digest)
      throw error
    }
    return chunksOf(fd, reuse)
  }

  /** Writes a small blob. */
  write(bytes: Uint8Array): Digest {
    const digest = sha256(bytes)
    if (this.touch(digest)) return digest
    const reservation = this.reserve()
    try {
      writeFileSync(reservation.path, bytes)
      reservation.keep(digest)
    } catch (error) {
      reservation.discard()
      throw explainWriteFailure(error, this.home)
    }
    return digest
  }

  /** Writes a blob from a stream and verifies it. Throws `BLOB_CORRUPT` if it does not match `blob`, and keeps nothing. */
  async put(blob: Descriptor, bytes: Bytes): Promise<void> {
    const reservation = this.reserve()
    try {
      const { digest, size } = await writeAndDigest(reservation.path, bytes)
      if (digest !== blob.digest || size !== blob.size) {
        throw new TareError(
          'BLOB_CORRUPT',
          `blob ${blob.digest} of ${blob.size} bytes came as ${digest} of ${size} bytes`,
        )
      }
      reservation.keep(digest)
    } catch (error) {
      reservation.discard()
      throw explainWriteFailure(error, this.home)
    }
  }

  reserve(): Reservation {
    try {
      const path = this.scratch.reserve()
      return {
        path,
        keep: (digest) => this.keep(path, digest),
        discard: () => rmSync(path, { force: true, recursive: true }),
      }
    } catch (error) {
      throw explainWriteFailure(error, this.home)
    }
  }

  all(): { readonly digest: Digest; readonly size: number; readonly since: number }[] {
    return listFolder(this.folder).flatMap(({ name, stat }) => {
      if (!/^[0-9a-f]{64}$/.test(name)) return []
      const digest: Digest = `sha256:${name}`
      return [{ digest, size: stat.size, since: this.usedAt(digest, stat) }]
    })
  }

  /** Removes the blob unless it was touched after `since` (milliseconds since 1970). Returns whether it did. */
  remove(digest: Digest, since: number): boolean {
    const stat = statSync(this.path(digest), { throwIfNoEntry: false })
    if (stat === undefined || this.usedAt(digest, stat) > since) return false
    rmSync(this.path(digest), { force: true, recursive: true })
    this.soundness.forget(digest)
    this.touched.delete(digest)
    return true
  }

  private usedAt(digest: Digest, { mtimeMs }: { readonly mtimeMs: number }): number {
    return Math.max(mtimeMs, this.soundness.usedAt(digest))
  }

  /** If nothing else is recorded, a blob's file time is when it was last used. */
  private date(digest: Digest): void {
    const now = new Date()
    try {
      utimesSync(this.path(digest), now, now)
    } catch {
      // It does not exist, or the disk is read-only.
    }
  }

  /** Removes a directory that occupies the blob's path. */
  private clear(digest: Digest): void {
    if (statSync(this.path(digest), { throwIfNoEntry: false })?.isDirectory())
      rmSync(this.path(digest), { force: true, recursive: true })
  }

  private keep(path: string, digest: Digest): void {
    try {
      makePrivateFolder(dirname(this.folder))
      makeFolder(this.folder, privately)
      if (this.touch(digest)) {
        rmSync(path, { force: true })
        return
      }
      this.clear(digest)
      renameSync(path, this.path(digest))
      this.added++
      this.soundness.note(digest, this.path(digest))
    } catch (error) {
      throw explainWriteFailure(error, this.home)
    }
  }
}

async function writeAndDigest(path: string, bytes: Bytes): Promise<{ digest: Digest; size: number }> {
  const hash = createHash('sha256')
  let size = 0
  const fd = openSync(path, 'wx', 0o600)
  try {
    for await (const chunk of bytes) {
      hash.update(chunk)
      size += chunk.length
      writeWhole(fd, chunk)
      showLife()
    }
  } finally {
    closeSync(fd)
  }
  return { digest: `sha256:${hash.digest('hex')}`, size }
}

// Reads without the thread pool: a megabyte from the page cache takes less time than the round trip.
async function* chunksOf(fd: number, reuse: number | undefined): Bytes {
  const chunks: Buffer[] = []
  try {
    for (let n = 0; ; n++) {
      const place = reuse === undefined ? n : n % reuse
      const chunk = chunks[place] ?? Buffer.allocUnsafe(chunkSize)
      if (reuse !== undefined) chunks[place] = chunk
      const count = readSync(fd, chunk)
      if (count === 0) return
      showLife()
      yield chunk.subarray(0, count)
    }
  } finally {
    closeSync(fd)
  }
}

function missing(digest: Digest): TareError {
  return new TareError('BLOB_MISSING', `blob ${digest} is not in the store`)
}

function corrupt(digest: Digest, path: string): TareError {
  return new TareError('BLOB_CORRUPT', `blob ${digest} in the store is damaged`, {
    remedy: `Pull, load or build the image again, or remove ${path}.`,
  })
}
