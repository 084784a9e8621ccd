import type { Digest } from '../../oci/index.ts'
import type { StoredRun, TarKind } from '../tar/index.ts'

/**
 * An entry of a layer.
 * - `remove`: a whiteout; `path` is what it removes.
 * - `hide`: an opaque marker; the directory `path` shows nothing from lower layers.
 * - `touch`: not in the layer itself: a directory of which only the time changed.
 */
export interface LayerEntry {
  /** Normalized and relative: no `./`, no leading or trailing `/`, no `..`. */
  readonly path: string
  readonly kind: TarKind | 'remove' | 'hide' | 'touch'
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly mtime: number
  readonly mtimeNs: number
  readonly size: number
  /** The offset of the entry's first header in the layer; -1 if it is not in the layer. */
  readonly at: number
  /** Where its body is in the layer. */
  readonly runs: readonly StoredRun[]
  readonly link?: string
  readonly device?: readonly [major: number, minor: number]
  readonly xattrs?: ReadonlyMap<string, Uint8Array>
  /** SHA-256 of the content, once it has been read. */
  digest?: Digest | undefined
}
