import type { Descriptor, Digest } from '../../oci/index.ts'
import type { Bytes } from '../../support/index.ts'
import type { CacheDocument } from './document.ts'

/** A cache as it was found. */
export interface FoundCache {
  readonly document: CacheDocument
  /** Its manifest, if it has one. */
  readonly manifest?: Digest | undefined
}

/** Why a cache is not used: completes the sentence `the cache … is not used: …`. */
export class NoCache extends Error {
  /** Whether nothing is lost if a cache is written there. */
  readonly mayReplace: boolean

  constructor(why: string, mayReplace: boolean) {
    super(why)
    this.mayReplace = mayReplace
  }
}

/** A place that has a cache, to read it. */
export interface CacheReader {
  /** For messages: `registry.example/app:cache`. */
  readonly label: string
  /** The repository, if the layers of an image may stay there until somebody needs them. */
  readonly repository?: string | undefined
  /** Rejects with `NoCache` for anything else than a cache, and with the errors of the place. */
  read(): Promise<FoundCache>
  /** Returns the verified bytes of a layer. */
  open(blob: Descriptor): Promise<Bytes>
  /** Whether the layer is there, as far as that shows without reading it. */
  has(blob: Descriptor): Promise<boolean>
  close(): Promise<void>
}

/** A layer that a build has, to be stored in a cache. */
export interface LayerToStore {
  readonly diffId: Digest
  /** Its descriptor: uncompressed in the store, or as it is in a registry. */
  readonly blob: Descriptor
  /** Brings it into the store. */
  bring(): Promise<void>
}

/** A place to write a cache to. */
export interface CacheWriter {
  readonly label: string
  read(): Promise<FoundCache>
  /** Stores a layer, unless it is there. Returns its descriptor. */
  store(layer: LayerToStore): Promise<Descriptor>
  /** Stores a file, unless it is there. */
  put(blob: Descriptor, open: () => Bytes): Promise<void>
  /** Replaces the cache. The layers are there. */
  write(document: CacheDocument): Promise<Digest | undefined>
  /** Deletes a manifest that is no longer needed. */
  remove(digest: Digest): Promise<void>
  close(): Promise<void>
}
