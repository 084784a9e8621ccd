import { createHash, type Hash, hash as hashAtOnce } from 'node:crypto'
import type { Digest } from '../../oci/index.ts'

/** Computes SHA-256, optimized for content in a single piece. */
export class PieceSum {
  private readonly size: number
  private whole: string | undefined
  private parts: Hash | undefined

  constructor(size: number) {
    this.size = size
  }

  add(piece: Uint8Array): void {
    if (piece.length === this.size) {
      this.whole = hashAtOnce('sha256', piece)
      return
    }
    this.parts ??= createHash('sha256')
    this.parts.update(piece)
  }

  digest(): Digest {
    return `sha256:${this.whole ?? (this.parts ?? createHash('sha256')).digest('hex')}`
  }
}
