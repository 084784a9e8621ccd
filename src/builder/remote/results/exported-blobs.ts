import { decompress } from '../../../files/compression/index.ts'
import { type Host, unpackLimit } from '../../../images/index.ts'
import { ingestLayer } from '../../../images/ingest/index.ts'
import { type Digest, documentLimit, parseImageConfig, parseManifest } from '../../../oci/index.ts'
import { type Bytes, flow, sha256, TareError } from '../../../support/index.ts'
import type { IncomingBlob, OfferedContent } from '../session/index.ts'
import { Handover } from './handover.ts'
import type { ReturnedImage } from './result.ts'
import type { SentBefore } from './sent-before.ts'

interface Layer {
  readonly diffId: Digest
  readonly size: number
}

export interface ExportTools {
  readonly host: Host
  /** For messages. */
  readonly engine: string
  /** Blobs of the base, which are of no interest. */
  readonly base: ReadonlySet<string>
  readonly before: SentBefore
  readonly signal: AbortSignal
}

// More than the documents of an image are.
const mostDocuments = 64 << 20

/**
 * The blobs of an image that an engine exports, one by one: those that the store has are not sent. Layers go into the store as
 * they come; documents stay in memory.
 */
export class ExportedBlobs {
  private readonly tools: ExportTools
  private readonly layers = new Map<string, Layer>()
  private readonly documents = new Map<string, Buffer>()
  private held = 0

  constructor(tools: ExportTools) {
    this.tools = tools
  }

  get content(): OfferedContent {
    return { write: (digest, total) => this.write(digest, total) }
  }

  /** Whether anything came this way. */
  get isUsed(): boolean {
    return this.documents.size > 0
  }

  /** Returns the image with this manifest. Rejects with `ENGINE_INVALID` if something of it was not sent. */
  async image(manifestDigest: string): Promise<ReturnedImage> {
    const manifest = parseManifest(this.document(manifestDigest), 'the engine’s manifest')
    const { diffIds, history, rest } = parseImageConfig(this.document(manifest.config.digest), 'the engine’s config')
    if (diffIds.length !== manifest.layers.length)
      throw this.invalid(`a manifest of ${manifest.layers.length} layers, with ${diffIds.length} in its config`)
    const layers = manifest.layers.map(({ digest }, i) => {
      const diffId = diffIds[i]!
      const layer = this.layers.get(digest)
      const document = this.documents.get(digest)
      if (layer !== undefined && layer.diffId !== diffId)
        throw this.invalid(`a config that says ${diffId} of a layer that is ${layer.diffId}`)
      // One that begins like a document.
      return document === undefined ? { diffId } : { diffId, open: async () => this.unpacked(flow(document)) }
    })
    this.tools.before.remember([...this.layers].map(([blob, { diffId, size }]) => [blob, diffId, size]))
    return { configuration: { history, rest }, layers }
  }

  private write(digest: string, total: number): IncomingBlob | undefined {
    const { base, before } = this.tools
    if (base.has(digest) || this.layers.has(digest) || this.documents.has(digest)) return undefined
    const known = before.layerIn(digest)
    if (known !== undefined) {
      this.layers.set(digest, known)
      return undefined
    }
    let incoming: IncomingBlob | undefined
    const begin = (data: Uint8Array) =>
      data[0] === 0x7b && total <= documentLimit ? this.takeDocument(digest, total) : this.takeLayer(digest, total)
    return {
      add: async (data) => {
        incoming ??= begin(data)
        await incoming.add(data)
      },
      commit: async () => incoming?.commit(),
      abandon: () => incoming?.abandon(),
    }
  }

  private takeDocument(digest: string, total: number): IncomingBlob {
    this.held += total
    if (this.held > mostDocuments) throw this.invalid('too many documents')
    const parts: Uint8Array[] = []
    return {
      add: async (data) => void parts.push(Uint8Array.from(data)),
      commit: async () => {
        const bytes = Buffer.concat(parts)
        if (sha256(bytes) !== digest) throw this.invalid(`something else as ${digest}`)
        this.documents.set(digest, bytes)
      },
      abandon: () => {},
    }
  }

  private takeLayer(digest: string, total: number): IncomingBlob {
    const { host, signal } = this.tools
    const handover = new Handover()
    const kept = ingestLayer(host, undefined, () => this.unpacked(handover.bytes, total), signal)
    kept.catch((error: unknown) => handover.refuse(error))
    return {
      add: (data) => handover.add(data),
      commit: async () => {
        handover.end()
        const { digest: diffId, size } = await kept
        if (handover.digest() !== digest) throw this.invalid(`something else as ${digest}`)
        this.layers.set(digest, { diffId, size })
      },
      abandon: () => handover.fail(new TareError('ENGINE_LOST', 'a layer was cut off')),
    }
  }

  private async unpacked(bytes: Bytes, total?: number): Promise<Bytes> {
    return (await decompress(bytes, unpackLimit(this.tools.host), total)).bytes
  }

  private document(digest: string): Buffer {
    const found = this.documents.get(digest)
    if (found === undefined) throw this.invalid(`an image without its document ${digest}`)
    return found
  }

  private invalid(what: string): TareError {
    return new TareError('ENGINE_INVALID', `the engine ${this.tools.engine} sent ${what}`, {
      remedy: 'Nothing was kept. Please report this, with the versions of tare and of the engine.',
    })
  }
}
