import type { Descriptor, Digest, ImageConfig, Platform, Reference } from '../../oci/index.ts'
import type { Bytes } from '../../support/index.ts'
import type { Source, Target } from '../index.ts'

/**
 * `docker`: what Docker 25 and later save, one tar that is an OCI layout and a docker-archive. `docker-legacy`: what
 * Docker saved until then, a folder for each layer. `oci`: an OCI layout and nothing else.
 */
export type ArchiveFormat = 'docker' | 'docker-legacy' | 'oci'

/** A file's path, or something that takes the bytes in order; it may keep a chunk after `write` has resolved. */
export type ArchiveOutput = string | { write(chunk: Uint8Array): Promise<unknown> }

export interface WriteOptions {
  readonly format: ArchiveFormat
  /** Which image of an index the docker formats take, which can say one only. Default: the only one. */
  readonly platform?: Platform | undefined
  /** Ends the writing; `close` rejects with the signal's reason and nothing stays. */
  readonly signal?: AbortSignal | undefined
}

/** A target that is, or becomes, an OCI layout. */
export interface LayoutWriter extends Target {
  /** Lets the layout know a manifest or an index by a text of any kind (`ref.name`), or by none. */
  label(text: string | undefined, blob: Descriptor): Promise<void>
  /** Gives up: what this writer has made alone is removed. */
  abort(): Promise<void>
}

/** What a layout's index.json points at. */
export interface LayoutRoot {
  readonly blob: Descriptor
  /** Its whole names, as far as it says them. */
  readonly names: readonly Reference[]
  /** Its `ref.name`s as they stand, which often are tags. */
  readonly labels: readonly string[]
}

/** A target whose blobs are opened, checked and written when it is closed, in the order of the archive. */
export interface ArchiveWriter extends LayoutWriter {
  /**
   * Writes the archive. A file appears under its name once it is whole, or not at all. Rejects with `BLOB_CORRUPT`,
   * `BLOB_MISSING`, `ARCHIVE_UNWRITABLE`, `ARCHIVE_PLATFORM` and whatever opening a blob rejects with.
   */
  close(): Promise<void>
  /** Gives up: what was written is removed. After `close` has resolved there is nothing to give up. */
  abort(): Promise<void>
}

/** A file or a folder by its path, or the bytes of an archive. */
export type ArchiveInput = string | Bytes

export interface OpenOptions {
  /** A folder for the unpacked copy of a compressed or flowing archive; it is made when it is missing. */
  readonly scratch: string
  /** The most bytes that may come out of what is compressed: the archive, or one layer. Default: 1 GiB, or 200 times what went in. */
  readonly unpackLimit?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** `size` bytes of a file on disk, from `offset` on. */
export interface FileExtent {
  readonly path: string
  readonly offset: number
  readonly size: number
}

export interface ArchiveLayer {
  readonly diffId: Digest
  /** Bytes of the plain tar, where the archive says so without being unpacked. */
  readonly size?: number
  /** Bytes of it as it is in the archive, which may be compressed. */
  readonly stored: number
  /** Where the plain tar lies on disk: may be read until the archive is closed. */
  readonly at?: FileExtent | undefined
  /**
   * The layer as a plain tar, decompressed where the archive has it compressed. Whoever keeps it checks it against
   * `diffId`, as every Target does.
   */
  open(): Promise<Bytes>
}

/** One image of an archive, with all that a store needs to keep it. */
export interface ArchiveImage {
  /** The names the archive gives it, in its order. */
  readonly names: readonly Reference[]
  /** Images of one group are one image, for several platforms. */
  readonly group: string
  readonly platform: Platform
  /** Its digest is the image ID. */
  readonly config: Descriptor
  readonly configBytes: Buffer
  readonly configuration: ImageConfig
  /** As many as the config has diff IDs, lowest first. */
  readonly layers: readonly ArchiveLayer[]
}

/** An archive that is open. As a Source it knows the names and blobs of its OCI layout, if it has one. */
export interface ArchiveSource extends Source {
  /**
   * All its images; of an index, one for each platform. Rejects with `ARCHIVE_INVALID`, `ARCHIVE_MEMBER_MISSING`,
   * `ARCHIVE_PATH_ESCAPES`, `BLOB_CORRUPT`.
   */
  images(): Promise<readonly ArchiveImage[]>
  /** What its index.json points at; nothing where it has none. */
  roots(): Promise<readonly LayoutRoot[]>
  /** Where a blob of its OCI layout lies on disk, unchecked: may be read until the archive is closed. Undefined where it is not there in one piece. */
  locate(blob: Descriptor): Promise<FileExtent | undefined>
  /** Closes the file and removes what was unpacked into the scratch folder. Safe to call twice. */
  close(): Promise<void>
}
