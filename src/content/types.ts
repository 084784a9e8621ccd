import type { Descriptor, Reference } from '../oci/index.ts'
import type { Bytes } from '../support/index.ts'

/** Something images can be read from. */
export interface Source {
  /** Returns the manifest or index a name refers to; undefined if there is none. */
  resolve(name: Reference): Promise<Descriptor | undefined>
  /** Returns the blob's bytes. Rejects with `BLOB_MISSING` if it does not exist; reading throws `BLOB_CORRUPT`. */
  open(blob: Descriptor): Promise<Bytes>
  /**
   * Reports corrupt bytes. A source with several locations returns whether others are left, so that opening the blob again may
   * help.
   */
  distrust?(error: unknown): boolean
}

/** Something images can be written to. */
export interface Target extends Source {
  has(blob: Descriptor): Promise<boolean>
  /**
   * Resolves once the target will keep the bytes and has verified them against `blob`; until then `has` returns false. `open` is
   * called at most once, possibly only when the target is closed. Safe to call twice.
   */
  put(blob: Descriptor, open: () => Promise<Bytes>): Promise<void>
  /** Points the name at a manifest or an index the target already has. */
  tag(name: Reference, blob: Descriptor): Promise<void>
}
