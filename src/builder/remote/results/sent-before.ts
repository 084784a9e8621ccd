import type { Store } from '../../../content/store/index.ts'
import { type Digest, hexOf, isDigest } from '../../../oci/index.ts'
import { sha256 } from '../../../support/index.ts'
import type { RemoteLayer } from './result.ts'

interface Remembered {
  /** Compressed blobs, and the layers in them. */
  readonly blobs: readonly (readonly [blob: string, diffId: Digest, size: number])[]
  /** Digests that stand for the steps of an engine, and the layers that were made by them. */
  readonly images: readonly (readonly [id: string, made: readonly RemoteLayer[]])[]
}

// Enough for the builds that a machine repeats.
const mostBlobs = 2000
const mostImages = 200
const key = hexOf(sha256('engines'))

/** What engines have sent before, and is in the store: it is not fetched again. Losing it costs time, nothing else. */
export class SentBefore {
  private readonly store: Store
  private readonly known: Remembered

  constructor(store: Store) {
    this.store = store
    this.known = read(store)
  }

  /** Returns the layer in a compressed blob, if it is in the store and intact. */
  layerIn(blob: string): { readonly diffId: Digest; readonly size: number } | undefined {
    const found = this.known.blobs.find(([digest]) => digest === blob)
    return found !== undefined && this.store.blobs.touch(found[1]) ? { diffId: found[1], size: found[2] } : undefined
  }

  /** Returns the layers that were made by such steps, if they are all in the store and intact. */
  madeFor(steps: string): readonly RemoteLayer[] | undefined {
    const found = this.known.images.find(([id]) => id === steps)?.[1]
    return found?.every(({ diffId }) => this.store.blobs.touch(diffId)) ? found : undefined
  }

  remember(blobs: Remembered['blobs'], images: Remembered['images'] = []): void {
    // Another build may have added to it.
    const now = read(this.store)
    const merged = <T extends readonly [string, ...unknown[]]>(
      added: readonly T[],
      before: readonly T[],
      most: number,
    ) =>
      [...new Map([...before, ...added].reverse().map((entry) => [entry[0], entry])).values()].slice(0, most).reverse()
    const next: Remembered = {
      blobs: merged(blobs, now.blobs, mostBlobs),
      images: merged(images, now.images, mostImages),
    }
    if (JSON.stringify(next) !== JSON.stringify(now)) this.store.records.remember('engines', key, JSON.stringify(next))
  }
}

function read({ records }: Store): Remembered {
  try {
    const { blobs, images } = JSON.parse(records.recall('engines', key) ?? '{}') as Remembered
    const isLayer = (diffId: unknown, size: unknown) => isDigest(diffId) && Number.isSafeInteger(size)
    return {
      blobs: (blobs ?? []).filter(([blob, diffId, size]) => typeof blob === 'string' && isLayer(diffId, size)),
      images: (images ?? []).filter(
        ([id, made]) =>
          typeof id === 'string' &&
          made.every(({ diffId, size, created }) => isLayer(diffId, size) && typeof created === 'string'),
      ),
    }
  } catch {
    return { blobs: [], images: [] }
  }
}
