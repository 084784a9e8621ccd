import type { Tree } from '../tree/index.ts'

/** Where a build's files come from. */
export interface BuildContext {
  /** For messages: `.`, `-`, or the name of a named context. */
  readonly name: string
  /** All files that are not ignored. Directories are read when first accessed. */
  readonly tree: Tree
  /** Whether the root has a time of its own, which a copy of it keeps; otherwise it gets the time of the copy. */
  readonly timed?: boolean
  /**
   * Returns a file's text, decoded with `decodeName`, whether ignored or not; undefined if it does not exist. Throws
   * `CONTEXT_UNREADABLE` for directories, unreadable files and files over 16 MiB.
   */
  readText(path: string): string | undefined
  /** Returns the line of the ignore file that hides a path; undefined if none does. */
  ignoredBy(path: string): { readonly file: string; readonly line: number; readonly pattern: string } | undefined
  /**
   * When it was made, in seconds since 1970: the time of the commit, of the downloaded file, or of an archive's newest file.
   * Undefined for a directory.
   */
  madeAt?(): Promise<number | undefined>
  /** Saves what was learnt about files' contents for the next build, and releases resources. */
  close(): void
}

/** Decides which paths (relative, `/`-separated) a context excludes. */
export interface Ignore {
  /** The ignore file's name. */
  readonly file: string
  ignored(path: string): boolean
  /** Whether something below an excluded directory may be included again. */
  mayReinclude(directory: string): boolean
  why(path: string): { readonly line: number; readonly pattern: string } | undefined
}

export const textLimit = 16 << 20
