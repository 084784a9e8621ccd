import { createHash, type Hash } from 'node:crypto'
import { closeSync, openSync, write, writeSync } from 'node:fs'
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

// Large enough that handing it over costs nothing beside it, small enough to stay in the processor's cache between filling, hashing and writing.
export const slabSize = 1 << 20

// Below this a second thread costs more than it saves: about 30 ms to start one, against 1 ms for hashing 1 MB.
const threadPays = 48 << 20

let spare: Promise<HashWorker> | undefined

/** Says that a layer of about `expected` bytes is going to be written, so that a second thread can start meanwhile. */
export function expectLayer(expected: number): void {
  if (expected >= threadPays) spare ??= HashWorker.start().then((worker) => worker.rest())
}

/** Creates the file (it must not exist) for a layer of about `expected` bytes; a large one is hashed and written beside this thread. */
export async function createLayerFile(path: string, expected: number): Promise<LayerFile> {
  // The file first: a thread that nobody ends would keep the process alive.
  const fd = openSync(path, 'wx', 0o644)
  if (expected < threadPays) return new PlainLayerFile(fd)
  const worker = spare ?? HashWorker.start()
  spare = undefined
  return new ThreadedLayerFile(fd, await worker)
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

/** A slab is hashed by one thread and written by another while the next is filled. */
class ThreadedLayerFile implements LayerFile {
  private readonly fd: number
  private readonly worker: HashWorker
  private readonly free: Buffer[] = Array.from({ length: slabCount }, () =>
    Buffer.from(new SharedArrayBuffer(slabSize)),
  )
  private waiting: { readonly resolve: (slab: Buffer) => void; readonly reject: (error: unknown) => void } | undefined
  private failure: { readonly error: unknown } | undefined
  private size = 0
  private pending: Promise<unknown> = Promise.resolve()

  constructor(fd: number, worker: HashWorker) {
    this.fd = fd
    this.worker = worker
  }

  take(): Promise<Buffer> {
    if (this.failure !== undefined) return Promise.reject(this.failure.error)
    const slab = this.free.pop()
    if (slab !== undefined) return Promise.resolve(slab)
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject }
    })
  }

  write(slab: Buffer, length: number): void {
    const at = this.size
    this.size += length
    const both = Promise.all([this.worker.ask({ bytes: slab, length }), writeAt(this.fd, slab.subarray(0, length), at)])
    const done = both.then(
      () => this.giveBack(slab),
      (error: unknown) => this.fail(error),
    )
    this.pending = Promise.all([this.pending, done])
  }

  async finish(): Promise<{ digest: Digest; size: number }> {
    await this.pending
    if (this.failure !== undefined) throw this.failure.error
    const hex = await this.worker.ask({ digest: true })
    await this.close()
    return { digest: `sha256:${hex}`, size: this.size }
  }

  async abandon(): Promise<void> {
    await this.pending
    await this.close()
  }

  private async close(): Promise<void> {
    await this.worker.end()
    closeSync(this.fd)
  }

  private fail(error: unknown): void {
    this.failure ??= { error }
    this.waiting?.reject(error)
    this.waiting = undefined
  }

  private giveBack(slab: Buffer): void {
    const waiting = this.waiting
    this.waiting = undefined
    if (waiting === undefined) this.free.push(slab)
    else waiting.resolve(slab)
  }
}

async function writeAt(fd: number, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += await new Promise<number>((resolve, reject) => {
      write(fd, bytes, done, bytes.length - done, at + done, (error, count) =>
        error === null ? resolve(count) : reject(error),
      )
    })
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done)
}
