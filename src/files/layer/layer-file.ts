import { createHash, type Hash } from 'node:crypto'
import { closeSync, ftruncateSync, openSync, write, writeSync } from 'node:fs'
import type { Digest } from '../../oci/index.ts'
import { HashWorker } from './hash-worker.ts'

/** A layer being written to a file and hashed. Bytes come in buffers from `take`, returned by `write`, or through `add`. */
export interface LayerFile {
  /** Returns a buffer of `slabSize` bytes to fill, once one is free. */
  take(): Promise<Buffer>
  /** Writes the first `length` bytes of a taken buffer, which the caller must not use any more. */
  write(buffer: Buffer, length: number): void
  /** Writes the caller's bytes, which may be reused once this resolves. */
  add(bytes: Uint8Array): Promise<void>
  /** Waits until everything is written, and closes the file. */
  finish(): Promise<{ digest: Digest; size: number }>
  /** Closes the file, whose contents are then worthless, and ignores errors. */
  abandon(): Promise<void>
}

// Large enough for the overhead not to matter, small enough to stay in the CPU cache between filling, hashing and writing.
export const slabSize = 1 << 20

// Below this a second thread costs more than it saves: starting one takes about 30 ms, hashing 1 MB takes 1 ms.
const threadPays = 48 << 20

let spare: Promise<HashWorker> | undefined

/** Announces a layer of about `expected` bytes, so that a second thread can already start. */
export function expectLayer(expected: number): void {
  if (expected >= threadPays) spare ??= HashWorker.start().then((worker) => worker.rest())
}

/**
 * Creates the file (which must not exist) for a layer of about `expected` bytes. Large layers are hashed and written on other
 * threads.
 */
export async function createLayerFile(path: string, expected: number): Promise<LayerFile> {
  // The file first: if opening fails, no thread must be left running.
  const fd = openSync(path, 'wx', 0o644)
  if (expected < threadPays) return new PlainLayerFile(fd)
  const worker = spare ?? HashWorker.start()
  spare = undefined
  return new ThreadedLayerFile(fd, await worker)
}

// Of the last layer: memory that was used already is cheaper than new memory, and collecting a slab for each of many small layers is not free.
let spareSlab: Buffer | undefined

class PlainLayerFile implements LayerFile {
  private readonly fd: number
  private readonly hash: Hash = createHash('sha256')
  private buffer: Buffer | undefined
  private size = 0

  constructor(fd: number) {
    this.fd = fd
  }

  async take(): Promise<Buffer> {
    this.buffer ??= spareSlab ?? Buffer.allocUnsafe(slabSize)
    spareSlab = undefined
    return this.buffer
  }

  write(buffer: Buffer, length: number): void {
    this.put(buffer.subarray(0, length))
  }

  // Without copying: that could touch memory that was never used before, which may cost more than everything else here.
  async add(bytes: Uint8Array): Promise<void> {
    if (bytes.length < worthAnotherThread) return this.put(bytes)
    const written = writeAt(this.fd, bytes, this.size)
    this.hash.update(bytes)
    this.size += bytes.length
    await written
  }

  async finish(): Promise<{ digest: Digest; size: number }> {
    spareSlab ??= this.buffer
    this.buffer = undefined
    ftruncateSync(this.fd, this.size)
    closeSync(this.fd)
    return { digest: `sha256:${this.hash.digest('hex')}`, size: this.size }
  }

  async abandon(): Promise<void> {
    closeSync(this.fd)
  }

  private put(bytes: Uint8Array): void {
    this.hash.update(bytes)
    writeAll(this.fd, bytes, this.size)
    this.size += bytes.length
  }
}

// From this size, writing on Node's thread pool while this thread hashes is worth the round trip.
const worthAnotherThread = 512 << 10

const slabCount = 4

/** One thread hashes a slab and another writes it while the next is being filled. */
class ThreadedLayerFile implements LayerFile {
  private readonly fd: number
  private readonly worker: HashWorker
  private readonly free: Buffer[] = Array.from({ length: slabCount }, () =>
    Buffer.from(new SharedArrayBuffer(slabSize)),
  )
  private waiting: { readonly resolve: (buffer: Buffer) => void; readonly reject: (error: unknown) => void } | undefined
  private failure: { readonly error: unknown } | undefined
  private size = 0
  private pending: Promise<unknown> = Promise.resolve()
  /** The slab `add` is filling, and how much of it is used. */
  private buffer: Buffer | undefined
  private used = 0

  constructor(fd: number, worker: HashWorker) {
    this.fd = fd
    this.worker = worker
  }

  take(): Promise<Buffer> {
    if (this.failure !== undefined) return Promise.reject(this.failure.error)
    const buffer = this.free.pop()
    if (buffer !== undefined) return Promise.resolve(buffer)
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject }
    })
  }

  write(buffer: Buffer, length: number): void {
    const at = this.size
    this.size += length
    const both = Promise.all([
      this.worker.ask({ bytes: buffer, length }),
      writeAt(this.fd, buffer.subarray(0, length), at),
    ])
    const done = both.then(
      () => this.giveBack(buffer),
      (error: unknown) => this.fail(error),
    )
    this.pending = Promise.all([this.pending, done])
  }

  async add(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      this.buffer ??= await this.take()
      const count = Math.min(bytes.length - done, slabSize - this.used)
      this.buffer.set(bytes.subarray(done, done + count), this.used)
      this.used += count
      done += count
      if (this.used === slabSize) this.flush()
    }
  }

  async finish(): Promise<{ digest: Digest; size: number }> {
    this.flush()
    await this.pending
    if (this.failure !== undefined) throw this.failure.error
    ftruncateSync(this.fd, this.size)
    const hex = await this.worker.ask({ digest: true })
    await this.close()
    return { digest: `sha256:${hex}`, size: this.size }
  }

  async abandon(): Promise<void> {
    await this.pending
    await this.close()
  }

  private flush(): void {
    if (this.buffer !== undefined && this.used > 0) this.write(this.buffer, this.used)
    this.buffer = undefined
    this.used = 0
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

  private giveBack(buffer: Buffer): void {
    const waiting = this.waiting
    this.waiting = undefined
    if (waiting === undefined) this.free.push(buffer)
    else waiting.resolve(buffer)
  }
}

async function writeAt(fd: number, bytes: Uint8Array, at: number): Promise<void> {
  if (isHole(bytes)) return
  for (let done = 0; done < bytes.length; ) {
    done += await new Promise<number>((resolve, reject) => {
      write(fd, bytes, done, bytes.length - done, at + done, (error, count) =>
        error === null ? resolve(count) : reject(error),
      )
    })
  }
}

function writeAll(fd: number, bytes: Uint8Array, at: number): void {
  if (isHole(bytes)) return
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, at + done)
}

const worthAHole = 64 << 10
let zeros: Buffer | undefined

/** Whether the bytes can be skipped: a sparse file reads as zeros there and takes no space. */
function isHole(bytes: Uint8Array): boolean {
  if (bytes.length < worthAHole || bytes.length > slabSize || bytes[0] !== 0 || bytes.at(-1) !== 0) return false
  zeros ??= Buffer.alloc(slabSize)
  return zeros.compare(bytes, 0, bytes.length, 0, bytes.length) === 0
}
