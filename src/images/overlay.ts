import type { Source } from '../content/index.ts'
import type { Descriptor, Digest, Reference } from '../oci/index.ts'
import { type Bytes, flow, sha256 } from '../support/index.ts'

/** A source with additional blobs that take precedence: changed documents, compressed layers. */
export class Overlay implements Source {
  private readonly below: Source
  private readonly own = new Map<Digest, () => Promise<Bytes>>()

  constructor(below: Source) {
    this.below = below
  }

  resolve(name: Reference): Promise<Descriptor | undefined> {
    return this.below.resolve(name)
  }

  async open(blob: Descriptor): Promise<Bytes> {
    const own = this.own.get(blob.digest)
    return own === undefined ? this.below.open(blob) : own()
  }

  addDocument(bytes: Buffer, mediaType: string): Descriptor {
    return this.add({ mediaType, digest: sha256(bytes), size: bytes.length }, async () => flow(bytes))
  }

  add(blob: Descriptor, open: () => Promise<Bytes>): Descriptor {
    this.own.set(blob.digest, open)
    return blob
  }
}

/** An image being copied, and why its digest differs from the original's. */
export interface OnItsWay {
  readonly source: Source
  readonly root: Descriptor
  /** Follows "because"; undefined if it is unchanged. */
  readonly changed?: string | undefined
}
