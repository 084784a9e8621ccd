import { createHash, type Hash } from 'node:crypto'
import { closeSync, openSync, writeSync } from 'node:fs'
import type { Digest } from '../../oci/index.ts'
import { HashWorker } from './hash-worker.ts'

/** A layer being written: bytes go into a file and through sha256. Buffers come from `take` and are given back by `write`. */
export interface LayerFile {
  /** A buffer of `slabSize` bytes to fill. Resolves when one is free. */
  take(): Promise<Buffer>
  /** Writes the first `length` bytes of a taken buffer, which is then no longer the caller's. */
  write(slab: Buffer, length: number): void
  /** Resolves when all is in the file; the file is closed. */
  finish(): Promise<{ digest: Digest; size: number }>
  /** Closes the file without a word; its bytes are of no use. */
  abandon(): Promise<void>
}

export const slabSize = 2 << 20

// Below this a second thread costs more than it saves: about 30 ms to start one, against 1 ms for hashing 1 MB.
const threadPays = 48 << 20

/** Creates the file (it must not exist) for a layer of about `expected` bytes; a large one is hashed and written on another thread. */
export async function createLayerFile(path: string, expected: number): Promise<LayerFile> {
  const worker = expected < threadPays ? undefined : await HashWorker.start()
  const fd = openSync(path, 'wx', 0o644)
  return worker === undefined ? new PlainLayerFile(fd) : new ThreadedLayerFile(fd, worker)
}

class PlainLayerFile implements LayerFile {
  private readonly fd: number
  private readonly hash: Hash = createHash('sha256')
  private readonly slab = Buffer.allocUnsafe(slabSize)
  private size = 0

  constructor(fd: number) {
    this.fd = fd
  }

  async take(): Promise<Buffer> {
    return this.slab
  }

  write(slab: Buffer, length: number): void {
    const bytes = slab.subarray(0, length)
    this.hash.update(bytes)
    writeAll(this.fd, bytes)
    this.size += length
  }

  async finish(): Promise<{ digest: Digest; size: number }> {
    closeSync(this.fd)
    return { digest: `sha256:${this.hash.digest('hex')}`, size: this.size }
  }

  async abandon(): Promise<void> {
    closeSync(this.fd)
  }
}

const slabCount = 4

class ThreadedLayerFile implements LayerFile {
  private readonly fd: number
  private readonly worker: HashWorker
  private readonly free: Buffer[]
  private waiting: ((slab: Buffer) => void) | undefined
  private failed: unknown
  private refuse: ((error: unknown) => void) | undefined
  private size = 0
  private pending: Promise<unknown> = Promise.resolve()

  constructor(fd: number, worker: HashWorker) {
    this.fd = fd
    this.worker = worker
    this.free = Array.from({ length: slabCount }, () => Buffer.from(new SharedArrayBuffer(slabSize)))
  }

  take(): Promise<Buffer> {
    if (this.failed !== undefined) return Promise.reject(this.failed)
    const slab = this.free.pop()
    if (slab !== undefined) return Promise.resolve(slab)
    return new Promise((resolve, reject) => {
      this.waiting = resolve
      this.refuse = reject
    })
  }

  write(slab: Buffer, length: number): void {
    this.size += length
    this.pending = this.worker.ask({ write: slab, length, fd: this.fd }).then(
      () => this.giveBack(slab),
      (error: unknown) => {
        this.failed ??= error
        this.refuse?.(error)
      },
    )
  }

  async finish(): Promise<{ digest: Digest; size: number }> {
    await this.pending
    if (this.failed !== undefined) throw this.failed
    const hex = await this.worker.ask({ digest: true })
    await this.worker.end()
    closeSync(this.fd)
    return { digest: `sha256:${hex}`, size: this.size }
  }

  async abandon(): Promise<void> {
    await this.worker.end()
    closeSync(this.fd)
  }

  private giveBack(slab: Buffer): void {
    const waiting = this.waiting
    this.waiting = undefined
    if (waiting === undefined) this.free.push(slab)
    else waiting(slab)
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done)
}
