import {
  encodeHeader,
  padding,
  type TarHeader,
  timedHeaderLength,
  writeHeader,
  writeTimedHeader,
} from '../tar/index.ts'
import type { Content } from '../tree/index.ts'
import { ContentReader } from './content.ts'
import { type LayerFile, slabSize } from './layer-file.ts'

/** What takes the buffers. */
export type BufferSink = Pick<LayerFile, 'take' | 'write'>

export interface SlabOptions {
  readonly signal?: AbortSignal | undefined
  /** Called with the number of bytes written. */
  readonly progress?: ((bytes: number) => void) | undefined
}

const zeros = Buffer.alloc(512)

/**
 * Collects the bytes of a layer in large buffers. Methods return a promise only when they must wait for a buffer: for tens of
 * thousands of small files, promises would cost as much as the files.
 */
export class BufferWriter {
  private readonly file: BufferSink
  private readonly options: SlabOptions
  private readonly reader = new ContentReader()
  private buffer: Buffer = Buffer.alloc(0)
  private used = 0
  private written = 0

  constructor(file: BufferSink, options: SlabOptions) {
    this.file = file
    this.options = options
  }

  async begin(): Promise<void> {
    this.buffer = await this.file.take()
  }

  /** The layer's current length. */
  get at(): number {
    return this.written + this.used
  }

  header(header: TarHeader): Promise<void> | undefined {
    if (this.buffer.length - this.used >= 512) {
      const count = writeHeader(this.buffer, this.used, header)
      this.used += count
      if (count > 0) return undefined
    }
    return this.append(encodeHeader(header))
  }

  /** The same with nanoseconds, which layers omit. */
  timedHeader(header: TarHeader): Promise<void> | undefined {
    if (this.buffer.length - this.used >= timedHeaderLength) {
      const count = writeTimedHeader(this.buffer, this.used, header)
      this.used += count
      if (count > 0) return undefined
    }
    return this.append(encodeHeader(header, true))
  }

  append(bytes: Uint8Array): Promise<void> | undefined {
    if (bytes.length > this.buffer.length - this.used) return this.appendInParts(bytes)
    this.buffer.set(bytes, this.used)
    this.used += bytes.length
    return undefined
  }

  /** Writes `size` bytes of content, padded to a whole block. `hear` receives the bytes, in one piece if they fit in a buffer. */
  content(content: Content, size: number, hear?: (piece: Uint8Array) => void): Promise<void> | undefined {
    if (size + padding(size) > this.buffer.length - this.used) return this.contentInParts(content, size, hear)
    this.read(content, 0, size, hear)
    return this.append(zeros.subarray(0, padding(size)))
  }

  /** Writes parts of the content, one after the other, and what fills the last block. */
  async parts(
    content: Content,
    parts: readonly { readonly position: number; readonly length: number }[],
  ): Promise<void> {
    let sum = 0
    for (const { position, length } of parts) {
      await this.readInParts(content, length, undefined, position)
      sum += length
    }
    await this.append(zeros.subarray(0, padding(sum)))
  }

  /** Copies the bytes from `from` to `to` of a file. */
  async copy(path: string, from: number, to: number): Promise<void> {
    await this.readInParts({ kind: 'extent', path, offset: from }, to - from)
  }

  /** Writes what is left; nothing may be written afterwards. */
  flushLast(): void {
    if (this.used > 0) this.file.write(this.buffer, this.used)
    this.used = 0
  }

  /** Closes the file that was read last. */
  close(): void {
    this.reader.close()
  }

  private async appendInParts(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      if (this.used === this.buffer.length) await this.flush()
      const count = Math.min(bytes.length - done, this.buffer.length - this.used)
      this.buffer.set(bytes.subarray(done, done + count), this.used)
      this.used += count
      done += count
    }
  }

  private async contentInParts(content: Content, size: number, hear?: (piece: Uint8Array) => void): Promise<void> {
    // Content that fits in one buffer starts a new one.
    if (size <= slabSize / 2) await this.flush()
    await this.readInParts(content, size, hear)
    await this.append(zeros.subarray(0, padding(size)))
  }

  private async readInParts(
    content: Content,
    size: number,
    hear?: (piece: Uint8Array) => void,
    from = 0,
  ): Promise<void> {
    for (let position = from; position < from + size; ) {
      if (this.used === this.buffer.length) await this.flush()
      const count = Math.min(from + size - position, this.buffer.length - this.used)
      this.read(content, position, count, hear)
      position += count
    }
  }

  private read(content: Content, position: number, count: number, hear?: (piece: Uint8Array) => void): void {
    const piece = this.buffer.subarray(this.used, this.used + count)
    if (count > 0) this.reader.read(content, piece, position)
    hear?.(piece)
    this.used += count
  }

  private async flush(): Promise<void> {
    this.options.signal?.throwIfAborted()
    if (this.used === 0) return
    this.file.write(this.buffer, this.used)
    this.written += this.used
    this.options.progress?.(this.written)
    this.used = 0
    this.buffer = await this.file.take()
  }
}
