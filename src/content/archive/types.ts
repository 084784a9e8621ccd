import type { Descriptor, Digest, ImageConfig, Platform, Reference } from '../../oci/index.ts'
import type { Bytes } from '../../support/index.ts'
import type { Source, Target } from '../index.ts'

/**
 * `docker`: what Docker 25 and later save, a tar that is both an OCI layout and a docker-archive. `docker-legacy`: what older
 * versions save, with a folder per layer. `oci`: an OCI layout only.
 */
export type ArchiveFormat = 'docker' | 'docker-legacy' | 'oci'

/** A file's path, or a consumer of the bytes in order, which may keep a chunk after `write` has resolved. */
export type ArchiveDestination = string | { write(chunk: Uint8Array): Promise<unknown> }

export interface WriteOptions {
  readonly format: ArchiveFormat
  /** Which image of an index the docker formats save, since they can hold only one. Default: the only one. */
  readonly platform?: Platform | undefined
  /** Annotations of each image's entry in index.json, besides its name. Default: none. */
  readonly notes?: Readonly<Record<string, string>> | undefined
  /** Cancels writing: `close` rejects with the signal's reason, and nothing is left behind. */
  readonly signal?: AbortSignal | undefined
}

/** A target that is, or becomes, an OCI layout. */
export interface LayoutWriter extends Target {
  /** Adds a manifest or an index to the layout with any `ref.name`, or without one. */
  label(text: string | undefined, blob: Descriptor): Promise<void>
  /** Removes what this writer has added. */
  abort(): Promise<void>
}

/** What a layout's index.json refers to. */
export interface LayoutRoot {
  readonly blob: Descriptor
  /** Its full names, if given. */
  readonly names: readonly Reference[]
  /** Its `ref.name`s verbatim, which often are tags. */
  readonly labels: readonly string[]
}

/** A target whose blobs are opened, verified and written when it is closed, in the archive's order. */
export interface ArchiveWriter extends LayoutWriter {
  /** Writes a file completely, but not yet under its name. Bytes that something takes are written by `close`. */
  prepare(): Promise<void>
  /**
   * Writes the archive. A file appears under its name only when complete. Rejects with `BLOB_CORRUPT`, `BLOB_MISSING`,
   * `ARCHIVE_UNWRITABLE`, `ARCHIVE_PLATFORM`, or the error of opening a blob.
   */
  close(): Promise<void>
  /** Removes what was written. Does nothing after `close` has resolved. */
  abort(): Promise<void>
}

/** The path of a file or folder, or an archive's bytes. */
export type ArchiveInput = string | Bytes

export interface OpenOptions {
  /** A folder for the unpacked copy of a compressed or streamed archive; created if missing. */
  readonly scratch: string
  /**
   * Maximum decompressed size in bytes, of the archive and of each layer. Default: 1 GiB, or 200 times the input if that is more.
   */
  readonly unpackLimit?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** `size` bytes of a file on disk, from `offset`. */
export interface FileExtent {
  readonly path: string
  readonly offset: number
  readonly size: number
}

export interface ArchiveLayer {
  readonly diffId: Digest
  /** Size of the plain tar, if known without decompressing it. */
  readonly size?: number
  /** Size of the layer in the archive, which may be compressed. */
  readonly stored: number
  /** Where the plain tar is on disk; may be read until the archive is closed. */
  readonly at?: FileExtent | undefined
  /**
   * Returns the layer as a plain tar, decompressing it if necessary. The consumer verifies it against `diffId`, as every
   * Target does.
   */
  open(): Promise<Bytes>
}

/** An image of an archive, with everything a store needs. */
export interface ArchiveImage {
  /** Its names in the archive, in order. */
  readonly names: readonly Reference[]
  /** Images with the same group are one image for several platforms. */
  readonly group: string
  readonly platform: Platform
  /** Its digest is the image ID. */
  readonly config: Descriptor
  readonly configBytes: Buffer
  readonly configuration: ImageConfig
  /** One for each diff ID of the config, lowest first. */
  readonly layers: readonly ArchiveLayer[]
}

/** An open archive. As a Source it provides the names and blobs of its OCI layout, if it has one. */
export interface ArchiveSource extends Source {
  /**
   * Returns all images; of an index, one for each platform. Rejects with `ARCHIVE_INVALID`, `ARCHIVE_MEMBER_MISSING`,
   * `ARCHIVE_PATH_ESCAPES`, `BLOB_CORRUPT`.
   */
  images(): Promise<readonly ArchiveImage[]>
  /** Returns what its index.json refers to; empty if it has none. */
  roots(): Promise<readonly LayoutRoot[]>
  /**
   * Returns where a blob of its OCI layout is on disk, unverified; may be read until the archive is closed. Undefined if it is
   * not in one piece.
   */
  locate(blob: Descriptor): Promise<FileExtent | undefined>
  /** Closes the file and removes what was unpacked to the scratch folder. Safe to call twice. */
  close(): Promise<void>
}
