import type { Bytes } from '../../support/index.ts'

export type TarKind = 'file' | 'hardlink' | 'symlink' | 'char' | 'block' | 'directory' | 'fifo'

/**
 * An entry's header with PAX records and GNU extensions applied. Names are decoded by `decodeName` and otherwise unchanged: not
 * normalized, and a directory's name may or may not end in `/`.
 */
export interface TarHeader {
  readonly path: string
  readonly kind: TarKind
  /** The twelve permission bits: setuid, setgid, sticky, rwxrwxrwx. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Size of the body when read, including a sparse file's holes. 0 for anything but files. */
  readonly size: number
  /** Whole seconds since 1970, rounded down; may be negative. */
  readonly mtime: number
  /** Nanoseconds on top of `mtime`, 0 to 999,999,999. */
  readonly mtimeNs: number
  /** The target of a symlink, or for a hard link the path of an earlier entry of the same archive. */
  readonly link?: string
  readonly uname?: string
  readonly gname?: string
  readonly deviceMajor?: number
  readonly deviceMinor?: number
  /** Extended attributes by name (`security.capability`). */
  readonly xattrs?: ReadonlyMap<string, Uint8Array>
}

/**
 * A stored part of a file's body: `length` bytes at `position` in the file, found at `at` in the archive. Between runs are holes.
 */
export interface StoredRun {
  readonly position: number
  readonly length: number
  readonly at: number
}

/** An entry of a stream: its body can be read only until the next entry is requested. */
export interface TarEntry extends TarHeader {
  readonly body: Bytes
}

/** An entry of an archive on disk. */
export interface StoredEntry extends TarHeader {
  /** Offset of the entry's first header, including extended ones. */
  readonly at: number
  /** Where the body is in the archive, in order: one run unless the file is sparse; none if `size` is 0. */
  readonly runs: readonly StoredRun[]
}

/** An archive on disk: `read` fills `into` from `position` and returns the number of bytes read (0 at the end). */
export interface Archive {
  readonly size: number
  read(into: Uint8Array, position: number): number
}
