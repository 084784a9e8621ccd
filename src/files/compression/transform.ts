import { pipeline, Readable, type Transform } from 'node:stream'
import type { Bytes } from '../../support/index.ts'
import { asCorrupt } from './corrupt.ts'
import type { Format } from './sniff.ts'

/** Sends bytes through one of Node's decompressors. If the reader stops early, both ends are closed. */
export async function* throughTransform(format: Format, bytes: Bytes, transform: Transform): Bytes {
  const source = new TrackedSource(bytes)
  pipeline(Readable.from(source.bytes(), { objectMode: true, highWaterMark: 2 }), transform, () => {})
  try {
    for await (const chunk of transform) yield chunk
  } catch (error) {
    if (source.failure !== undefined) throw source.failure.error
    throw asCorrupt(format, error)
  } finally {
    transform.destroy()
  }
}

/** A byte source that remembers why it failed: a broken pipe alone does not say. */
export class TrackedSource {
  failure: { readonly error: unknown } | undefined
  private readonly origin: Bytes

  constructor(origin: Bytes) {
    this.origin = origin
  }

  async *bytes(): Bytes {
    try {
      yield* this.origin
    } catch (error) {
      this.failure = { error }
      throw error
    }
  }
}
