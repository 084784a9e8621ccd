import type { Digest, Platform } from '../oci/index.ts'
import type { RegistryCallOptions } from './call.ts'
import type { InstalledPackage, UnreadDatabase } from './packages.ts'

/** What images may differ in without counting as different. */
export type Ignorable =
  | 'file-times'
  | 'image-times'
  | 'names'
  | 'history'
  | 'builder'
  | 'json-format'
  | 'layers'
  | 'tar-format'
  | 'mount-points'
  | 'annotations'
  | 'labels'
  | 'hard-links'
  | 'mode'
  | 'owner'
  | 'xattrs'

/** Two images, each in the store, an archive, an OCI layout or a registry; `app#3..5` for some layers of one. */
export interface ComparedImages extends RegistryCallOptions {
  readonly a: string
  readonly b: string
  /** `linux/arm64`, of indexes. Default: the only image, or this machine's platform. */
  readonly platform?: string | undefined
}

/** What `images.diff` takes. */
export interface ImageDiffOptions extends ComparedImages {
  /** What does not count as different. Default: nothing. */
  readonly ignore?: readonly Ignorable[] | undefined
  /** Ignores what two builds of the same Dockerfile may differ in. Default: false. */
  readonly semantic?: boolean | undefined
  /** Layer by layer. Default: what all layers make together, so that images that are cut differently can be compared. */
  readonly byLayer?: boolean | undefined
  /** A folder, new or empty, for the files that differ: those of A below `a`, those of B below `b` (with `byLayer`, below `a/3` those of layer 3), and the result as `diff.json`. Default: none is written. */
  readonly reportFolder?: string | undefined
  /**
   * Whether a directory that only one of the images has is one element, for itself and all that is in it: see `below`. The result in
   * `reportFolder` lists everything nevertheless. Default: false.
   */
  readonly collapse?: boolean | undefined
}

/** What `images.diffFile` takes. */
export interface FileDiffOptions extends ComparedImages {
  /** In the image; no link at its end is followed. */
  readonly path: string
}

/** A difference in the config or in the annotations of the manifest. Undefined where an image has no such member. */
export interface ConfigDifference {
  readonly kind: 'config' | 'labels' | 'annotations' | 'image-times' | 'names' | 'builder' | 'json-format'
  /** `config.Env.PATH`, `architecture`, `annotations.team`. */
  readonly member: string
  /** Text as it is, anything else as JSON. */
  readonly a?: string
  readonly b?: string
}

/** A difference in one line of the history. */
export interface HistoryDifference {
  readonly kind: 'history' | 'image-times'
  /** From 0, oldest first. */
  readonly index: number
  readonly member: string
  readonly a?: string
  readonly b?: string
}

/** A difference between layers. Numbers count from 1, lowest first; undefined where an image has no layer beside the other's. */
export interface LayerDifference {
  /** `tar-format`: the same files in other bytes. `layers`: other files, or none. */
  readonly kind: 'layers' | 'tar-format'
  readonly a?: number
  readonly b?: number
  /** diffIds. */
  readonly digestA?: Digest
  readonly digestB?: Digest
  readonly detail: string
}

/** `whiteout`: a layer says that lower layers' file is gone; `opaque`: that all they have in the directory is. Only where layers are compared, not whole images. */
export type FileType = 'file' | 'directory' | 'symlink' | 'char' | 'block' | 'fifo' | 'whiteout' | 'opaque'

/** One thing in which a file differs. Modes are octal, owners `uid:gid`, times RFC 3339, attributes Base64, devices `major:minor`. */
export interface ComparedFact {
  readonly kind:
    | 'content'
    | 'type'
    | 'mode'
    | 'owner'
    | 'file-times'
    | 'xattrs'
    | 'link-target'
    | 'device'
    | 'hard-links'
  /** Of an extended attribute. */
  readonly name?: string
  readonly a?: string
  readonly b?: string
}

/** A file that one of the images has otherwise, or not at all. */
export interface ComparedFile {
  readonly kind: 'added' | 'removed' | 'changed'
  /** Without a first slash. */
  readonly path: string
  /** In B; of what was removed, in A. */
  readonly type: FileType
  /** Bytes, of files. */
  readonly sizeA?: number
  readonly sizeB?: number
  /** Of what `changed`. */
  readonly changes: readonly ComparedFact[]
  /** With `collapse`, of a directory that was added or removed: how much is in it. `files` are those entries that are no directories. */
  readonly below?: { readonly entries: number; readonly files: number; readonly size: number }
  /** The numbers of its layers, where images are compared layer by layer. */
  readonly layerA?: number
  readonly layerB?: number
}

/** A directory whose files have another size in sum. A file with several names counts at the first. */
export interface DirectorySizes {
  /** Empty for the root. */
  readonly path: string
  readonly a: number
  readonly b: number
}

/** A package that one of the images has in another version, or not at all. */
export interface PackageDifference {
  /** `changed`: another version, architecture or license of the same name. */
  readonly kind: 'added' | 'removed' | 'changed'
  readonly type: InstalledPackage['type']
  readonly name: string
  readonly a?: InstalledPackage
  readonly b?: InstalledPackage
}

/** One of the two images. */
export interface ComparedImage {
  /** As it was asked for. */
  readonly name: string
  /** Of the config: the image ID. */
  readonly id: Digest
  /** Of what the name points at: a manifest, or an index of several platforms. */
  readonly digest: Digest
  readonly platform: Platform
  /** How many were compared. */
  readonly layers: number
  /** Sum of the bytes of the files in them. */
  readonly size: number
}

/** What two images differ in. */
export interface ImageDiff {
  /** Nothing is different that was not ignored. */
  readonly equal: boolean
  readonly a: ComparedImage
  readonly b: ComparedImage
  /** How many differences of each kind were found and left out. */
  readonly ignored: Readonly<Partial<Record<Ignorable, number>>>
  readonly config: readonly ConfigDifference[]
  readonly history: readonly HistoryDifference[]
  readonly layers: readonly LayerDifference[]
  readonly files: readonly ComparedFile[]
  readonly directories: readonly DirectorySizes[]
  readonly packages: readonly PackageDifference[]
  /** Databases of packages that were not read, of either image. */
  readonly unread: readonly UnreadDatabase[]
}
