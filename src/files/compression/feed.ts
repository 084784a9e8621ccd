import type { Bytes } from '../../support/index.ts'

/** Bytes that flow, handed out in the amounts that a decoder asks for. */
export class Feed {
  private readonly iterator: AsyncIterator<Uint8Array>
  private chunk: Buffer = Buffer.alloc(0)
  private at = 0
  private ended = false

  constructor(bytes: Bytes) {
    this.iterator = bytes[Symbol.asyncIterator]()
  }

  /** `size` bytes, fewer only at the end. */
  async take(size: number): Promise<Buffer> {
    const pieces: Buffer[] = []
    let left = size
    while (left > 0) {
      const piece = await this.piece(left)
      if (piece === undefined) break
      pieces.push(piece)
      left -= piece.length
    }
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
  }

  /** The next bytes, at most `limit`; nothing at the end. */
  async piece(limit: number): Promise<Buffer | undefined> {
    while (this.at === this.chunk.length) {
      if (this.ended) return undefined
      const next = await this.iterator.next()
      if (next.done) {
        this.ended = true
        return undefined
      }
      this.chunk = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength)
      this.at = 0
    }
    const end = Math.min(this.chunk.length, this.at + limit)
    const piece = this.chunk.subarray(this.at, end)
    this.at = end
    return piece
  }

  /** Tells the source that no more will be asked for. */
  async close(): Promise<void> {
    if (this.ended) return
    this.ended = true
    await this.iterator.return?.()
  }
}
