import type { Writable } from 'node:stream'
import type { Difference } from '../tree/index.ts'
import type { BufferSink } from './buffer-writer.ts'
import { findRuns } from './holes.ts'
import { slabSize } from './layer-file.ts'
import { Packer, type PackerOptions } from './pack.ts'

/**
 * Writes the differences as a layer to the input of a program that unpacks it, where nobody asks for the layer itself: without a file
 * and a digest. Holes stay holes, for GNU tar. Resolves once all is handed over, or nobody reads any more; why not, the program says itself.
 */
export async function streamLayer(
  differences: readonly Difference[],
  stream: Writable,
  options: Partial<Pick<PackerOptions, 'signal' | 'unlike' | 'exactTimes' | 'digests'>> = {},
): Promise<void> {
  const sink = new StreamSink(stream)
  const packer = new Packer(differences, { digests: () => false, runs: findRuns, ...options }, sink)
  try {
    await packer.write()
  } finally {
    packer.close()
  }
  await sink.end()
}

/** While one buffer is on its way the next is filled. */
class StreamSink implements BufferSink {
  private readonly stream: Writable
  private readonly free: Buffer[] = [Buffer.allocUnsafe(slabSize), Buffer.allocUnsafe(slabSize)]
  private waiting: ((buffer: Buffer) => void) | undefined

  constructor(stream: Writable) {
    this.stream = stream
    stream.on('error', () => {})
  }

  take(): Promise<Buffer> {
    const buffer = this.free.pop()
    return buffer === undefined
      ? new Promise((resolve) => {
          this.waiting = resolve
        })
      : Promise.resolve(buffer)
  }

  write(buffer: Buffer, length: number): void {
    this.stream.write(buffer.subarray(0, length), () => {
      const waiting = this.waiting
      this.waiting = undefined
      if (waiting === undefined) this.free.push(buffer)
      else waiting(buffer)
    })
  }

  end(): Promise<void> {
    return new Promise((resolve) => {
      if (this.stream.destroyed) resolve()
      else this.stream.once('close', resolve).end(resolve)
    })
  }
}
