import { type Bytes, Gauge } from '../../../support/index.ts'

/** Hands bytes from a writer to a reader, one piece at a time, and computes their digest. */
export class Handover {
  private readonly gauge = new Gauge()
  private piece: Uint8Array | undefined
  private ended = false
  private failure: { readonly error: unknown } | undefined
  private refused: { readonly error: unknown } | undefined
  private wake: () => void = () => {}

  /** Of everything added; may be asked once. */
  digest(): string {
    return this.gauge.digest()
  }

  /** Resolves when the reader has come for it. Rejects if the reader has given up. */
  async add(data: Uint8Array): Promise<void> {
    this.gauge.add(data)
    this.piece = data
    this.changed()
    while (this.piece !== undefined && this.refused === undefined) await this.change()
    if (this.refused !== undefined) throw this.refused.error
  }

  end(): void {
    this.ended = true
    this.changed()
  }

  /** Has the reader fail. */
  fail(error: unknown): void {
    this.failure = { error }
    this.changed()
  }

  /** Has the writer fail. */
  refuse(error: unknown): void {
    this.refused = { error }
    this.changed()
  }

  /** For one reader. */
  get bytes(): Bytes {
    return this.read()
  }

  private async *read(): Bytes {
    for (;;) {
      if (this.failure !== undefined) throw this.failure.error
      if (this.piece !== undefined) {
        const { piece } = this
        this.piece = undefined
        this.changed()
        yield piece
      } else if (this.ended) return
      else await this.change()
    }
  }

  private change(): Promise<void> {
    const before = this.wake
    return new Promise((resolve) => {
      this.wake = () => {
        before()
        resolve()
      }
    })
  }

  private changed(): void {
    const { wake } = this
    this.wake = () => {}
    wake()
  }
}
