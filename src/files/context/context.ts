import type { Tree } from '../tree/index.ts'

/** Where a build's files come from. */
export interface Context {
  /** For messages: `.`, `-`, or the name of a named context. */
  readonly name: string
  /** Every file that is not ignored. A directory is read when it is first looked into. */
  readonly tree: Tree
  /** The root of the tree has a time of its own: it is not that of the copy. */
  readonly timed?: boolean
  /**
   * The text of a file, as `decodeName` reads it, ignored or not; undefined where there is none. Throws `CONTEXT_UNREADABLE` for a directory, for
   * what cannot be read and for what is larger than a text should be (16 MiB).
   */
  readText(path: string): string | undefined
  /** Why there is no such path in the tree: the line of the ignore file that hides it; undefined where none does. */
  ignoredBy(path: string): { readonly file: string; readonly line: number; readonly pattern: string } | undefined
  /** Seconds since 1970: the time of the commit, of the file of the web or of the newest file of an archive that it was made of. A folder has none. */
  madeAt?(): Promise<number | undefined>
  /** Keeps what was learnt of the files' contents for the next build, and lets go of what the context holds on to. */
  close(): void
}

/** Which paths (relative, `/`-separated) a context leaves out. */
export interface Ignore {
  /** The ignore file's name. */
  readonly file: string
  ignored(path: string): boolean
  /** Whether something below an ignored directory may be let in again. */
  mayReinclude(directory: string): boolean
  why(path: string): { readonly line: number; readonly pattern: string } | undefined
}

export const textLimit = 16 << 20
