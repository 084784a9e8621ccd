import type { Bytes } from './bytes.ts'

const nothing: Buffer = Buffer.alloc(0)

/**
 * Reads a stream of bytes in the amounts that are asked for. Methods that end in `Now` return at once, or return nothing
 * where bytes would have to be waited for: most headers lie in a chunk that is here already, and a promise for each would cost
 * more than reading it.
 */
export class ByteReader {
  /** How many bytes have been handed out or skipped. */
  position = 0
  private readonly iterator: AsyncIterator<Uint8Array>
  private chunk = nothing
  private at = 0
  private ended = false

  constructor(bytes: Bytes) {
    this.iterator = bytes[Symbol.asyncIterator]()
  }

  /** Exactly `size` bytes. */
  takeNow(size: number): Buffer | undefined {
    const end = this.at + size
    if (end > this.chunk.length) return undefined
    const taken = this.chunk.subarray(this.at, end)
    this.at = end
    this.position += size
    return taken
  }

  /** `size` bytes, fewer only at the end. */
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

  /** What is here already, at most `limit` bytes. */
  pieceNow(limit: number): Buffer | undefined {
    return this.at < this.chunk.length ? this.takeNow(Math.min(limit, this.chunk.length - this.at)) : undefined
  }

  /** The next bytes, at most `limit`; nothing at the end. */
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

  /** Moves on by `size` bytes, or to the end. */
  async skip(size: number): Promise<void> {
    let left = size
    while (left > 0 && (await this.refill())) {
      const step = Math.min(left, this.chunk.length - this.at)
      this.skipNow(step)
      left -= step
    }
  }

  /** Tells the source that no more will be asked for. */
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
