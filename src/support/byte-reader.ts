import type { Bytes } from './bytes.ts'

const nothing: Buffer = Buffer.alloc(0)

/**
 * Reads a byte stream in the sizes the caller asks for. Methods ending in `Now` are synchronous and return undefined if they would have to wait: most
 * headers lie in a chunk that has already arrived, and a promise for each would cost more than parsing it.
 */
export class ByteReader {
  /** Number of bytes returned or skipped so far. */
  position = 0
  private readonly iterator: AsyncIterator<Uint8Array>
  private chunk = nothing
  private at = 0
  private ended = false

  constructor(bytes: Bytes) {
    this.iterator = bytes[Symbol.asyncIterator]()
  }

  /** Returns exactly `size` bytes, or undefined if they have not arrived yet. */
  takeNow(size: number): Buffer | undefined {
    const end = this.at + size
    if (end > this.chunk.length) return undefined
    const taken = this.chunk.subarray(this.at, end)
    this.at = end
    this.position += size
    return taken
  }

  /** Reads `size` bytes; fewer only at the end of the stream. */
  async take(size: number): Promise<Buffer> {
    const pieces: Buffer[] = []
    let left = size
    while (left > 0) {
      const piece = this.pieceNow(left) ?? (await this.piece(left))
      if (piece === undefined) break
      pieces.push(piece)
      left -= piece.length
    }
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
  }

  /** Returns up to `limit` bytes that have already arrived. */
  pieceNow(limit: number): Buffer | undefined {
    return this.at < this.chunk.length ? this.takeNow(Math.min(limit, this.chunk.length - this.at)) : undefined
  }

  /** Reads up to `limit` bytes; returns undefined at the end of the stream. */
  async piece(limit: number): Promise<Buffer | undefined> {
    return (await this.refill()) ? this.pieceNow(limit) : undefined
  }

  skipNow(size: number): boolean {
    const end = this.at + size
    if (end > this.chunk.length) return false
    this.at = end
    this.position += size
    return true
  }

  /** Skips `size` bytes, or to the end of the stream. */
  async skip(size: number): Promise<void> {
    let left = size
    while (left > 0 && (await this.refill())) {
      const step = Math.min(left, this.chunk.length - this.at)
      this.skipNow(step)
      left -= step
    }
  }

  /** Closes the source; nothing more will be read. */
  async close(): Promise<void> {
    if (this.ended) return
    this.ended = true
    this.chunk = nothing
    this.at = 0
    await this.iterator.return?.()
  }

  private async refill(): Promise<boolean> {
    while (this.at === this.chunk.length) {
      if (this.ended) return false
      const next = await this.iterator.next()
      if (next.done) {
        this.ended = true
        return false
      }
      const { buffer, byteOffset, byteLength } = next.value
      this.chunk = Buffer.from(buffer, byteOffset, byteLength)
      this.at = 0
    }
    return true
  }
}
