import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  closeFolder,
  makePrivateFolder,
  ownersIn,
  ProcessFiles,
  showLife,
  thisBoot,
  withLock,
} from '../../disk/index.ts'
import { type Descriptor, type Digest, isManifestType, parseManifest, type Reference } from '../../oci/index.ts'
import { type Bytes, TareError } from '../../support/index.ts'
import type { Target } from '../index.ts'
import { Blobs, type Reservation } from './blobs.ts'
import type { Facts } from './facts.ts'
import { explainWriteFailure, isFull } from './failures.ts'
import { Names, named, type StoreEntry } from './names.ts'
import { Records } from './records.ts'
import { Soundness } from './soundness.ts'

export interface StoreOptions {
  /** Identifies this boot of the machine. */
  readonly boot?: string
  /** Called with problems that concern no single call, such as recovered names. */
  readonly warn?: (message: string) => void
}

/**
 * Images on this machine's disk: an OCI layout (index.json, oci-layout, blobs/) that other tools read in place, and next to it,
 * in `tare/`, what builds remember. Nothing is created before the first write.
 */
export class Store implements Target {
  readonly home: string
  readonly blobs: Blobs
  readonly records: Records
  /** Where everything is that is not part of the OCI layout: the `tare` folder in `home`. */
  readonly own: string
  private readonly names: Names
  private readonly scratch: ProcessFiles
  private readonly leases: ProcessFiles
  private readonly lives = new Set<number>()

  constructor(home: string, { boot, warn = () => {} }: StoreOptions = {}) {
    this.home = home
    const own = join(home, 'tare')
    this.own = own
    const owners = ownersIn(join(own, 'alive'))
    // Found out when it is first needed, as a verb that only reads documents does without.
    let known = boot
    const bootOf = () => (known ??= thisBoot().id || 'unknown')
    this.scratch = new ProcessFiles(join(own, 'scratch'), owners)
    this.leases = new ProcessFiles(join(own, 'leases'), owners)
    this.blobs = new Blobs(home, this.scratch, new Soundness(join(own, 'verified'), this.scratch, bootOf))
    this.records = new Records(home, own, this.scratch)
    this.names = new Names(home, this.scratch, warn)
  }

  /** How many blobs and records this process has added. */
  get added(): number {
    return this.blobs.added + this.records.added
  }

  /** Restricts permissions left too open by earlier versions: images are for their owner only. */
  close(): void {
    for (const folder of [this.own, join(this.home, 'blobs')]) closeFolder(folder)
    for (const kind of ['unpacked', 'running', 'trees', 'caches']) closeFolder(join(this.own, kind))
  }

  async resolve(name: Reference): Promise<Descriptor | undefined> {
    if (name.digest !== undefined)
      return this.entries().find((entry) => entry.manifest.digest === name.digest)?.manifest
    return this.names.find(name)
  }

  open(blob: Descriptor): Promise<Bytes> {
    return this.blobs.open(blob)
  }

  async has(blob: Descriptor): Promise<boolean> {
    return this.blobs.isSound(blob.digest)
  }

  async put(blob: Descriptor, open: () => Promise<Bytes>): Promise<void> {
    if (!this.blobs.touch(blob.digest)) await this.blobs.put(blob, await open())
  }

  async tag(name: Reference, manifest: Descriptor): Promise<void> {
    await this.keep(manifest, [name], new Date())
  }

  /**
   * Stores the image under these names, or without one, with what is known about it. A name is taken from the image that had it.
   * If the image is given as a function, that is called while no other process changes the list, for an image that might
   * otherwise be removed meanwhile.
   */
  async keep(
    image: Descriptor | (() => Facts & { readonly manifest: Descriptor }),
    names: readonly Reference[],
    now: Date,
    known: Facts = {},
  ): Promise<void> {
    const tagged = now.toISOString()
    await this.change((entries) => {
      for (const life of this.lives) this.leases.owners.check(life)
      const { manifest, ...facts } = typeof image === 'function' ? image() : { manifest: image, ...known }
      const naming = { manifest, tagged, facts, isSameImage: this.comparer(manifest) }
      if (names.length === 0) return named(entries, undefined, naming)
      return names.reduce((all, name) => named(all, name, naming), entries)
    })
  }

  /** Returns a function that checks whether a manifest has the same config as this one. */
  private comparer(manifest: Descriptor): (other: Descriptor) => boolean {
    return (other) => {
      if (other.digest === manifest.digest) return true
      const config = this.configOf(manifest)
      return config !== undefined && this.configOf(other) === config
    }
  }

  private configOf({ mediaType, digest }: Descriptor): Digest | undefined {
    try {
      return isManifestType(mediaType) ? parseManifest(this.blobs.read(digest), digest).config.digest : undefined
    } catch (error) {
      // An unreadable manifest counts as different.
      if (error instanceof TareError) return undefined
      throw error
    }
  }

  /** Returns all named and unnamed images, oldest first. */
  entries(): StoreEntry[] {
    return this.names.entries()
  }

  /** Changes the list of images under the store's lock. */
  async change(edit: (entries: StoreEntry[]) => readonly StoreEntry[]): Promise<void> {
    await this.alone(() => this.names.write(edit(this.entries())))
  }

  /** Runs `work` under the store's lock. */
  async alone<T>(work: () => T): Promise<T> {
    try {
      makePrivateFolder(this.own)
      return await this.locked(work)
    } catch (error) {
      throw explainWriteFailure(error, this.home)
    }
  }

  private async locked<T>(work: () => T): Promise<T> {
    let begun = false
    const path = join(this.own, 'lock')
    const lock = () =>
      withLock(
        path,
        () => {
          begun = true
          return work()
        },
        () => busy(path),
      )
    try {
      return await lock()
    } catch (error) {
      // The disk does not even have an inode for the lock.
      if (begun || !isFull(error) || !this.names.makeRoom()) throw error
      return lock()
    }
  }

  /** Turns a system error from writing to the store into a TareError; returns anything else unchanged. */
  explain(error: unknown): unknown {
    return explainWriteFailure(error, this.home)
  }

  /** Returns a new file that may become a blob. */
  reserve(): Reservation {
    return this.blobs.reserve()
  }

  /**
   * Marks blobs created or touched from now on as in use until the returned function is called. Removes leftovers of killed
   * processes. Throws `STORE_UNWRITABLE` or `STORE_FULL`: better now than after the work.
   */
  lease(): () => void {
    try {
      this.scratch.sweep()
      this.leases.sweep()
      const life = this.leases.owners.announce()
      const path = this.leases.reserve()
      writeFileSync(path, '')
      this.blobs.startLease()
      this.lives.add(life)
      return () => {
        this.lives.delete(life)
        rmSync(path, { force: true })
      }
    } catch (error) {
      throw explainWriteFailure(error, this.home)
    }
  }

  /**
   * Removes blobs and layer records that are neither in `needed` nor in use. Must be called in `alone`. Returns what was removed
   * and the bytes freed.
   */
  collect(needed: ReadonlySet<Digest>): { readonly removed: readonly Digest[]; readonly bytes: number } {
    // File times are truncated: to milliseconds by `touch`, to two seconds by some disks.
    const oldest = this.leases
      .living()
      .reduce((time, { since }) => Math.min(time, since - 2000), Number.POSITIVE_INFINITY)
    const doomed = this.blobs.all().filter((blob) => !needed.has(blob.digest) && blob.since < oldest)
    // A build that started meanwhile may have found and touched one of them.
    const removed = doomed.filter((blob) => {
      showLife()
      return this.blobs.remove(blob.digest, blob.since)
    })
    for (const { digest } of removed) this.records.forget('layers', digest.slice('sha256:'.length))
    return { removed: removed.map(({ digest }) => digest), bytes: removed.reduce((sum, { size }) => sum + size, 0) }
  }
}

function busy(path: string): TareError {
  return new TareError('STORE_BUSY', `another process has locked the store for 30 seconds (${path})`, {
    remedy: 'If none is running, remove that file.',
  })
}
