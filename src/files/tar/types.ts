import type { Bytes } from '../../support/index.ts'

export type TarKind = 'file' | 'hardlink' | 'symlink' | 'char' | 'block' | 'directory' | 'fifo'

/**
 * What an entry says of itself, with PAX records and GNU extensions already applied. Names are as `decodeName` makes
 * them, and as the archive has them: nothing is cleaned, a directory's name may or may not end in `/`.
 */
export interface TarHeader {
  readonly path: string
  readonly kind: TarKind
  /** The twelve permission bits: setuid, setgid, sticky, rwxrwxrwx. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Bytes of the body when read whole; of a sparse file, its holes count. 0 for all but files. */
  readonly size: number
  /** Whole seconds since 1970, rounded down; may be negative. */
  readonly mtime: number
  /** Nanoseconds on top of `mtime`, 0 to 999,999,999. */
  readonly mtimeNs: number
  /** Target of a symlink; for a hard link, the path of an earlier entry of the same archive. */
  readonly link?: string
  readonly uname?: string
  readonly gname?: string
  readonly deviceMajor?: number
  readonly deviceMinor?: number
  /** Extended attributes by name (`security.capability`), values as bytes. */
  readonly xattrs?: ReadonlyMap<string, Uint8Array>
}

/** A run of bytes of a file's body: `length` bytes of the file from `position`, which lie in the archive from `at`. Between runs are holes of zeros. */
export interface StoredRun {
  readonly position: number
  readonly length: number
  readonly at: number
}

/** An entry that flows by: its body can be read only until the next entry is asked for. */
export interface TarEntry extends TarHeader {
  readonly body: Bytes
}

/** An entry of an archive that lies still: where its body is. */
export interface StoredEntry extends TarHeader {
  /** Where the entry begins in the archive: at the first of its headers, extended ones included. */
  readonly at: number
  /** Where the bytes of the body lie in the archive, in order; one run of `size` bytes unless the file is sparse; none when `size` is 0. */
  readonly runs: readonly StoredRun[]
}

/** An archive at rest: `read` fills `into` from `position` and returns how many bytes it could (0 at the end). */
export interface Archive {
  readonly size: number
  read(into: Uint8Array, position: number): number
}
