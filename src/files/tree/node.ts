/** What all nodes have. Identity matters: one node under two names is a hard link. */
export interface Metadata {
  /** The twelve permission bits. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Whole seconds since 1970, rounded down, and additional nanoseconds. */
  readonly mtime: number
  readonly mtimeNs: number
  /** The exact nanoseconds of a file on this machine, where `mtimeNs` may be 300 off: it asks the disk. */
  readonly exactNs?: number
  readonly xattrs?: ReadonlyMap<string, Uint8Array>
}

export interface Directory extends Metadata {
  readonly kind: 'directory'
  /** In no particular order. */
  readonly children: ReadonlyMap<string, Node>
  /** What is known of the children before they are made. */
  readonly outline?: Outline
}

export interface Outline {
  readonly directories: ReadonlyMap<string, Directory>
  /** Whether the children have been made. */
  readonly hasNodes: boolean
  /**
   * A digest of all other children, once somebody has computed it; see builder/solve's listing. Known only if none of them has a
   * second name.
   */
  listing: string | undefined
  /** A digest of the names and times of all other children, under the same condition. */
  readonly times: string | undefined
  /** The directory of this machine that has these children; undefined if there is none. */
  readonly place?: DirectoryPlace | undefined
}

/** A directory of this machine. What it is itself may be different in the tree: a context's root has no owner, mode or time of its own. */
export interface DirectoryPlace {
  readonly path: string
  readonly dev: number
  readonly ino: number
  readonly mode: number
  readonly owner: Owner
  /**
   * Whether the directory has what the tree has and nothing else, and shows it like that but for the owner: no ignored files, nothing that has
   * become something else, no other filesystem; and nothing whose rights depend on the mount, or that has names elsewhere.
   */
  readonly isWhole: boolean
  /** The owner of everything in it; undefined if it is empty. If there are several, it is not whole. */
  readonly ownerWithin: Owner | undefined
  /** Before it was looked at. */
  readonly readAt: Moment
  /** How many files have been seen in it, without its directories. */
  readonly fileCount: number
  /** Whether the filesystem may keep times in seconds only. */
  readonly hasWholeSeconds: boolean
  /** Looks whether the directory and the files in it, but not in its directories, are as they were when they were read. */
  isAsRead(): boolean
}

/** A time by two clocks, in milliseconds: `ticks()`, which is never set, and then the time of day since 1970. */
export interface Moment {
  readonly running: number
  readonly time: number
}

export interface Owner {
  readonly uid: number
  readonly gid: number
}

export interface RegularFile extends Metadata {
  readonly kind: 'file'
  readonly size: number
  readonly content: Content
}

export interface Symlink extends Metadata {
  readonly kind: 'symlink'
  readonly target: string
}

export interface Device extends Metadata {
  readonly kind: 'char' | 'block'
  readonly major: number
  readonly minor: number
}

export interface Fifo extends Metadata {
  readonly kind: 'fifo'
}

export type Node = Directory | RegularFile | Symlink | Device | Fifo

/** Where the bytes of a file are: plain data, so that a tree stays a value. They can be read at any time, any number of times. */
export type Content = Place & {
  /** sha256 of the bytes, once somebody has read them; see files/layer's `digestOf`. */
  digest?: `sha256:${string}` | undefined
}

type Place =
  | { readonly kind: 'inline'; readonly bytes: Uint8Array }
  /** `size` bytes at `offset` of a file that does not change: a layer, an archive, a file of the context. */
  | { readonly kind: 'extent'; readonly path: string; readonly offset: number }
  /** Runs of a file, with holes of zeros between them. */
  | {
      readonly kind: 'sparse'
      readonly path: string
      readonly runs: readonly { readonly position: number; readonly length: number; readonly at: number }[]
    }

/** Returns the directories in a directory, by name, without making its other children. */
export function subdirectories(directory: Directory): ReadonlyMap<string, Directory> {
  const { outline } = directory
  if (outline !== undefined) return outline.directories
  const found = new Map<string, Directory>()
  for (const [name, node] of directory.children) if (node.kind === 'directory') found.set(name, node)
  return found
}
