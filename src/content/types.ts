import type { Descriptor, Reference } from '../oci/index.ts'
import type { Bytes } from '../support/index.ts'

/** Whatever images can be read from. */
export interface Source {
  /** The manifest or index that the name stands for; undefined where there is none. */
  resolve(name: Reference): Promise<Descriptor | undefined>
  /** The blob's bytes. Rejects with `BLOB_MISSING` where it is not there, and while it is read with `BLOB_CORRUPT` where that is found. */
  open(blob: Descriptor): Promise<Bytes>
  /**
   * Told of bytes that turned out to be wrong, a source with several places answers whether it has others left: then
   * opening the blob again may help.
   */
  distrust?(error: unknown): boolean
}

/** Whatever images can be written to. */
export interface Target extends Source {
  has(blob: Descriptor): Promise<boolean>
  /**
   * Resolves once the target will keep the bytes and has checked them against `blob`; until then `has` answers false.
   * `open` is called at most once, maybe only when the target is closed. Safe to call twice.
   */
  put(blob: Descriptor, open: () => Promise<Bytes>): Promise<void>
  /** Points the name at a manifest or an index that is there. */
  tag(name: Reference, blob: Descriptor): Promise<void>
}
