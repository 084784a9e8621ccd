import { createHash } from 'node:crypto'
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { makeFolder, makePrivateFolder, type ProcessFiles, privately, showLife } from '../../disk/index.ts'
import { type Descriptor, type Digest, documentLimit, hexOf } from '../../oci/index.ts'
import { type Bytes, sha256, systemCode, TareError } from '../../support/index.ts'
import { explainWriteFailure } from './failures.ts'
import type { Soundness } from './soundness.ts'

const chunkSize = 1 << 20

/** A file of the store's that may become a blob. */
export interface Reservation {
  /** Where to write; nothing is there yet. */
  readonly path: string
  /** Makes it the blob `digest`, which its bytes must have, in place of one that is there already. */
  keep(digest: Digest): void
  discard(): void
}

/** Bytes by their digest: `blobs/sha256/<hex>`, complete or not there. */
export class Blobs {
  private readonly folder: string
  private readonly home: string
  private readonly scratch: ProcessFiles
  private readonly soundness: Soundness

  constructor(home: string, scratch: ProcessFiles, soundness: Soundness) {
    this.home = home
    this.folder = join(home, 'blobs', 'sha256')
    this.scratch = scratch
    this.soundness = soundness
  }

  path(digest: Digest): string {
    return join(this.folder, hexOf(digest))
  }

  /** Whether there is such a file, which may be damaged: see `isSound`. */
  has(digest: Digest): boolean {
    return existsSync(this.path(digest))
  }

  /** Whether the blob is there with the bytes of its digest. Cheap for what was found sound before and has not changed since. */
  isSound(digest: Digest): boolean {
    return this.soundness.isSound(digest, this.path(digest))
  }

  /** Throws `BLOB_MISSING` or `BLOB_CORRUPT` where it is not. */
  check(digest: Digest): void {
    if (!this.isSound(digest)) throw this.has(digest) ? corrupt(digest, this.path(digest)) : missing(digest)
  }

  /** Bytes of the blob; undefined where it is not there. */
  size(digest: Digest): number | undefined {
    return statSync(this.path(digest), { throwIfNoEntry: false })?.size
  }

  /**
   * Marks the blob as in use now, which keeps a prune that runs at the same time from taking it. Answers whether it is there and
   * sound; a damaged one is as good as none: whoever then writes it replaces it.
   */
  touch(digest: Digest): boolean {
    if (!this.soundness.touch(digest)) this.date(digest)
    return this.isSound(digest)
  }

  /** The whole of a small blob. Throws `BLOB_MISSING`, or `BLOB_CORRUPT` where it is not what its name says. */
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
   * The bytes of any blob, in large chunks. With `reuse`, a chunk stays as it is until so many more have come, and then its memory is
   * written anew: fresh memory costs as much as reading.
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

  /** Writes a blob that flows, and checks it. Throws `BLOB_CORRUPT` where it is not `blob`; nothing of it stays then. */
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
    let names: string[]
    try {
      names = readdirSync(this.folder)
    } catch {
      return []
    }
    return names.flatMap((name) => {
      const stat = statSync(join(this.folder, name), { throwIfNoEntry: false })
      return stat === undefined || !/^[0-9a-f]{64}$/.test(name)
        ? []
        : [{ ...{ digest: `sha256:${name}` as Digest, size: stat.size }, since: this.usedAt(`sha256:${name}`, stat) }]
    })
  }

  /** Removes the blob, unless somebody has touched it after `since`, milliseconds since 1970. Answers whether it did. */
  remove(digest: Digest, since: number): boolean {
    const stat = statSync(this.path(digest), { throwIfNoEntry: false })
    if (stat === undefined || this.usedAt(digest, stat) > since) return false
    rmSync(this.path(digest), { force: true, recursive: true })
    this.soundness.forget(digest)
    return true
  }

  private usedAt(digest: Digest, { mtimeMs }: { readonly mtimeMs: number }): number {
    return Math.max(mtimeMs, this.soundness.usedAt(digest))
  }

  /** Where nothing else is noted of a blob its own time tells when it was used. */
  private date(digest: Digest): void {
    const now = new Date()
    try {
      utimesSync(this.path(digest), now, now)
    } catch {
      // It is not there, or the disk cannot be written.
    }
  }

  /** A folder in the place of a blob is in the way of a file. */
  private clear(digest: Digest): void {
    if (statSync(this.path(digest), { throwIfNoEntry: false })?.isDirectory())
      rmSync(this.path(digest), { force: true, recursive: true })
  }

  private keep(path: string, digest: Digest): void {
    try {
      makePrivateFolder(dirname(this.folder))
      makeFolder(this.folder, privately)
      this.clear(digest)
      renameSync(path, this.path(digest))
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
      for (let done = 0; done < chunk.length; ) done += writeSync(fd, chunk, done)
      showLife()
    }
  } finally {
    closeSync(fd)
  }
  return { digest: `sha256:${hash.digest('hex')}`, size }
}

// Read without the thread pool: a megabyte from the page cache takes less time than the way there and back.
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
