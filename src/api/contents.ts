import type { Digest } from '../oci/index.ts'
import type { RegistryCallOptions } from './call.ts'

/** An image to look into. */
export interface LookOptions extends RegistryCallOptions {
  /**
   * An image of the store by name or ID; else the path of an archive or an OCI layout; else a name in a registry. Or any of them with its
   * transport: `docker://alpine`, `oci:layout:1`, `docker-archive:app.tar`.
   */
  readonly image: string
  /** `linux/arm64`, of an index. Default: the only image, or this machine's platform. */
  readonly platform?: string | undefined
}

/** A layer of an image in numbers. */
export interface LayerSummary {
  /** From 1 for the lowest. */
  readonly number: number
  readonly diffId: Digest
  /** As the manifest has it. */
  readonly digest: Digest
  readonly mediaType: string
  /** Bytes as the manifest has it. */
  readonly size: number
  /** Bytes of the uncompressed tar. */
  readonly uncompressedSize: number
  /** Bytes of its files: what docker counts. */
  readonly contentSize: number
  readonly isCompressed: boolean
  /** Entries that are neither directories nor whiteouts. */
  readonly files: number
  readonly directories: number
  /** Whiteouts: what it hides of the layers below. */
  readonly removed: number
  /** The instruction that made it, as the history says. */
  readonly createdBy?: string
  /** RFC 3339. */
  readonly created?: string
}

/** Which files of an image. */
export interface ListFilesOptions {
  /** Only this file, or what is in this directory. Symlinks are followed. Default: `/`. */
  readonly path?: string | undefined
  /** The entries of this layer alone, from 1 for the lowest, in its order. Default: the filesystem that all layers make. */
  readonly layer?: number | undefined
  /** How deep: 1 for what is in the directory itself. Default: all. */
  readonly depth?: number | undefined
  /** Adds up what is in each directory, at any depth. Not of one layer. Default: false. */
  readonly totals?: boolean | undefined
}

/** Which files of which image. */
export interface FilesOptions extends LookOptions, ListFilesOptions {}

/** A file of an image. */
export interface FileOptions extends LookOptions {
  /** Symlinks are followed, within the image. */
  readonly path: string
  /** As this layer alone has it, from 1 for the lowest. Default: the filesystem that all layers make. */
  readonly layer?: number | undefined
}

/** A file of an image, as a list or a program wants it. */
export interface ListedFile {
  /** `/etc/passwd`. Bytes that are not UTF-8 are lone surrogates, U+DC80 to U+DCFF. */
  readonly path: string
  /**
   * In a list of one layer also `hardlink`; `removed`, which hides a file of the layers below; and `opaque`, a directory that hides all that they
   * have in it.
   */
  readonly type: 'file' | 'directory' | 'symlink' | 'char' | 'block' | 'fifo' | 'hardlink' | 'removed' | 'opaque'
  /** The twelve permission bits. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Bytes of a file; 0 for all else. */
  readonly size: number
  /** Bytes of all files in a directory, a hard link counted once; where `totals` asked for it. */
  readonly total?: number
  /** RFC 3339. */
  readonly modified: string
  /** sha256 of a file's bytes, where it is known without reading them. */
  readonly digest?: Digest
  /** Of a symlink, what it says; of a hard link, the file. */
  readonly target?: string
  readonly device?: readonly [major: number, minor: number]
  /** Values in base64. */
  readonly xattrs?: Readonly<Record<string, string>>
  /** The layer that wrote it last, from 1 for the lowest. Undefined for a directory that only stands in paths. */
  readonly layer?: number
}

/** What may differ between a file and the one that it replaced. */
export type FileDifference = 'type' | 'content' | 'target' | 'device' | 'mode' | 'owner' | 'time' | 'xattrs'

/** What a layer did to a path. */
export interface FileChange {
  /** From 1 for the lowest. */
  readonly layer: number
  /** `rewritten`: written again as it was. */
  readonly change: 'added' | 'changed' | 'rewritten' | 'removed'
  /** How it is now, or how it was before it was removed. */
  readonly file: ListedFile
  /** What is different now. */
  readonly differences: readonly FileDifference[]
  /** The instruction that made the layer, as the history says. */
  readonly createdBy?: string
  /** RFC 3339. */
  readonly created?: string
}

/** The life of a path in an image. */
export interface FileTrace {
  /** The path with symlinks on the way followed. */
  readonly path: string
  /** Whether the image has it in the end. */
  readonly exists: boolean
  /** The first is the lowest layer that wrote it. */
  readonly changes: readonly FileChange[]
}

/** What `images.export` takes. */
export interface ExportOptions extends LookOptions {
  /** A file's path (written whole or not at all), or something that takes the bytes in order. */
  readonly to: { readonly path: string } | { readonly write: (chunk: Uint8Array) => Promise<unknown> }
}

/** What `images.copyOut` takes. */
export interface CopyOutOptions extends LookOptions {
  /** A file or a directory; with `/.` at its end, what is in the directory. */
  readonly path: string
  /**
   * Where to, as `docker cp` reads it: into a directory that is there, else under that very name. Or something that takes a tar of it.
   */
  readonly to: { readonly path: string } | { readonly write: (chunk: Uint8Array) => Promise<unknown> }
  /** Follows `path` where it is a symlink. Default: false. */
  readonly followLink?: boolean | undefined
  /** Gives files the owners and all the permission bits that they have in the image; who is not root cannot. Default: false. */
  readonly archive?: boolean | undefined
}

/** What was copied. */
export interface CopyOutResult {
  /** Bytes of the files that were written. */
  readonly size: number
  readonly files: number
  /** Devices, which are not made. */
  readonly skipped: readonly string[]
}
