import { type BigIntStats, closeSync, openSync, readFileSync, readSync, rmSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder, type ProcessFiles, privately, showLife } from '../../disk/index.ts'
import { type Digest, hexOf } from '../../oci/index.ts'
import { Sha256 } from '../../support/index.ts'

// Reading such small blobs is faster than reading what is recorded about them.
const small = 64 << 10
const chunkSize = 1 << 20
/** How many boots are remembered per blob, since several machines may share a volume. */
const bootsKept = 8

/**
 * Knows which blobs match their digests without reading them: a verified blob stays so while its size, times and inode do not
 * change. After a reboot it is read again, because a power failure may leave files of the right size and time but full of zeros.
 * `folder` has a file for each blob, whose time tells when the blob was last used.
 */
export class Soundness {
  private readonly folder: string
  private readonly scratch: ProcessFiles
  private readonly boot: () => string
  private readonly seen = new Map<Digest, string>()

  constructor(folder: string, scratch: ProcessFiles, boot: () => string) {
    this.folder = folder
    this.scratch = scratch
    this.boot = boot
  }

  /** Whether the file at `path` matches the digest. */
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
    if (known === facts && boots.includes(this.boot())) {
      this.seen.set(digest, facts)
      return true
    }
    if (digestOf(path) !== digest) return false
    this.note(digest, path, known === facts ? boots : [])
    return true
  }

  /** Records that the file at `path` was just written and matches the digest. */
  note(digest: Digest, path: string, boots: readonly string[] = []): void {
    const stat = statOf(path)
    if (stat === undefined || stat.size <= small) return
    const facts = factsOf(stat)
    this.seen.set(digest, facts)
    try {
      makeFolder(this.folder, privately)
      this.scratch.place([facts, this.boot(), ...boots.slice(0, bootsKept - 1)].join(' '), this.path(digest))
    } catch {
      // On a full or read-only disk it is simply read again next time.
    }
  }

  /** Marks the blob at `blob` as used now. Returns whether that could be recorded. */
  touch(digest: Digest, blob: string): boolean {
    const now = new Date()
    try {
      // Nothing is recorded of small ones, and a stat is cheaper than an exception.
      const size = statSync(blob, { throwIfNoEntry: false })?.size ?? 0
      if (size <= small) return false
      utimesSync(this.path(digest), now, now)
      return true
    } catch {
      return false
    }
  }

  /** Returns when the blob was last used, in milliseconds since 1970, as far as recorded. */
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

/** Undefined also for anything but a file: opening a pipe would block for ever. */
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

/** Undefined if it cannot be read, for example from a failing disk. */
function digestOf(path: string): string | undefined {
  const hash = new Sha256()
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
  return `sha256:${hash.hex()}`
}
