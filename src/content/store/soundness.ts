import { createHash } from 'node:crypto'
import { type BigIntStats, closeSync, openSync, readFileSync, readSync, rmSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder, type ProcessFiles, privately, showLife } from '../../disk/index.ts'
import { type Digest, hexOf } from '../../oci/index.ts'

// What is as small is read sooner than what is known of it.
const small = 64 << 10
const chunkSize = 1 << 20
/** Boots of machines that are remembered of a blob: several machines may share a volume. */
const bootsKept = 8

/**
 * Which blobs have the bytes of their digests, as far as that is known without reading them: a blob that was found sound is sound
 * while its size, times and inode are as they were. In another boot of the machine it is read once more: a power cut leaves files
 * of the right size and time that are full of zeros. `folder` has a file for each blob; its time tells when the blob was last used.
 */
export class Soundness {
  private readonly folder: string
  private readonly scratch: ProcessFiles
  private readonly boot: string
  private readonly seen = new Map<Digest, string>()

  constructor(folder: string, scratch: ProcessFiles, boot: string) {
    this.folder = folder
    this.scratch = scratch
    this.boot = boot
  }

  /** Whether the file at `path` has the bytes of the digest. */
  isSound(digest: Digest, path: string): boolean {
    const stat = statOf(path)
    if (stat === undefined) return false
    const facts = factsOf(stat)
    if (this.seen.get(digest) === facts) return true
    if (stat.size <= small) {
      const sound = digestOf(path) === digest
      if (sound) this.seen.set(digest, facts)
      return sound
    }
    const { known, boots } = this.recall(digest)
    if (known === facts && boots.includes(this.boot)) {
      this.seen.set(digest, facts)
      return true
    }
    if (digestOf(path) !== digest) return false
    this.note(digest, path, known === facts ? boots : [])
    return true
  }

  /** Notes that the file at `path` was written just now, with the bytes of the digest. */
  note(digest: Digest, path: string, boots: readonly string[] = []): void {
    const stat = statOf(path)
    if (stat === undefined || stat.size <= small) return
    const facts = factsOf(stat)
    this.seen.set(digest, facts)
    try {
      makeFolder(this.folder, privately)
      this.scratch.place([facts, this.boot, ...boots.slice(0, bootsKept - 1)].join(' '), this.path(digest))
    } catch {
      // On a full or read-only disk it is read again the next time.
    }
  }

  /** Marks the blob as used now. Answers whether that could be noted. */
  touch(digest: Digest): boolean {
    const now = new Date()
    try {
      utimesSync(this.path(digest), now, now)
      return true
    } catch {
      return false
    }
  }

  /** When the blob was last used, in milliseconds since 1970, as far as is noted here. */
  usedAt(digest: Digest): number {
    return statSync(this.path(digest), { throwIfNoEntry: false })?.mtimeMs ?? 0
  }

  forget(digest: Digest): void {
    this.seen.delete(digest)
    rmSync(this.path(digest), { force: true })
  }

  private path(digest: Digest): string {
    return join(this.folder, hexOf(digest))
  }

  private recall(digest: Digest): { readonly known: string; readonly boots: readonly string[] } {
    try {
      const words = readFileSync(this.path(digest), 'utf8').split(' ')
      return { known: words.slice(0, 4).join(' '), boots: words.slice(4) }
    } catch {
      return { known: '', boots: [] }
    }
  }
}

/** Undefined also for what is no file: opening a pipe would wait for ever. */
function statOf(path: string): BigIntStats | undefined {
  try {
    const stat = statSync(path, { throwIfNoEntry: false, bigint: true })
    return stat?.isFile() ? stat : undefined
  } catch {
    return undefined
  }
}

function factsOf({ size, mtimeNs, ctimeNs, ino }: BigIntStats): string {
  return `${size} ${mtimeNs} ${ctimeNs} ${ino}`
}

let chunk: Buffer | undefined

/** Undefined where it cannot be read, by a failing disk. */
function digestOf(path: string): string | undefined {
  const hash = createHash('sha256')
  chunk ??= Buffer.allocUnsafeSlow(chunkSize)
  try {
    const fd = openSync(path, 'r')
    try {
      for (let count = readSync(fd, chunk); count > 0; count = readSync(fd, chunk)) {
        hash.update(chunk.subarray(0, count))
        showLife()
      }
    } finally {
      closeSync(fd)
    }
  } catch {
    return undefined
  }
  return `sha256:${hash.digest('hex')}`
}
