import { openArchive } from '../../../content/archive/index.ts'
import { type Host, unpackLimit } from '../../../images/index.ts'
import type { Handlers } from '../../../net/grpc/index.ts'
import { type Bytes, TareError } from '../../../support/index.ts'
import { type OfferedContent, receiveService } from '../session/index.ts'
import { ExportedBlobs } from './exported-blobs.ts'
import { type Expected, keepLayers, type RemoteLayer } from './result.ts'
import type { SentBefore } from './sent-before.ts'

/** How a result gets from an engine into the store. */
export interface ResultWay {
  readonly exporter: { readonly type: string; readonly attrs: Readonly<Record<string, string>> }
  /** What the session has to serve for it. */
  readonly handlers: Handlers
  /** Blobs that the session offers for it. */
  content?(store: string): OfferedContent | undefined
  /** Called before anything is built. Rejects if the engine cannot hand over results this way, as far as that is to be seen. */
  check(): Promise<void>
  /** Called when there is something to hand over, while the engine exports it. */
  begin(): Promise<void>
  /** Called with the exporter's answer. Returns the new layers, which are in the store. */
  finish(response: Readonly<Record<string, string>>): Promise<readonly RemoteLayer[]>
  /** Removes what was only needed on the way. */
  close(): Promise<void>
}

export interface ResultTools {
  readonly host: Host
  readonly before: SentBefore
  readonly expected: Expected
  readonly signal: AbortSignal
}

/**
 * The engine sends the image through the session: blob by blob, without those that are here, or by older engines as one archive.
 */
export function receiveOverSession({ host, before, expected, signal }: ResultTools): ResultWay {
  let kept: Promise<readonly RemoteLayer[]> | undefined
  const take = async (bytes: Bytes) => {
    kept = keepFrom(bytes, { host, before, expected, signal })
    await kept
  }
  const blobs = new ExportedBlobs({ host, engine: expected.engine, base: expected.baseBlobs, before, signal })
  return {
    exporter: { type: 'oci', attrs: { tar: 'false' } },
    handlers: receiveService({ take }),
    content: (store) => (store === 'export' ? blobs.content : undefined),
    check: async () => {},
    begin: async () => {},
    finish: async (response) => {
      if (blobs.isUsed) {
        const image = await blobs.image(response['containerimage.digest'] ?? '')
        return keepLayers(host, image, expected, signal)
      }
      if (kept !== undefined) return kept
      throw new TareError('ENGINE_INVALID', `the engine ${expected.engine} ended the build without sending its result`)
    },
    close: async () => {
      await kept?.catch(() => {})
    },
  }
}

/** Stores the layers of the one image in an archive. */
export async function keepFrom(bytes: Bytes, { host, expected, signal }: ResultTools): Promise<readonly RemoteLayer[]> {
  const archive = await openArchive(bytes, {
    scratch: host.store.reserve().path,
    unpackLimit: unpackLimit(host),
    signal,
  })
  try {
    const images = await archive.images()
    if (images.length !== 1)
      throw new TareError(
        'ENGINE_INVALID',
        `the engine ${expected.engine} returned ${images.length} images instead of one`,
      )
    return await keepLayers(host, images[0]!, expected, signal)
  } finally {
    await archive.close()
  }
}
