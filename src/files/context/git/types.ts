/** A repository, and what of it is wanted. */
export interface GitSource {
  /** Its address, of https, http, ssh or git. */
  readonly remote: string
  /** A branch, a tag, a whole ref or a whole commit; without it, HEAD. */
  readonly ref?: string | undefined
  /** Clean and relative. */
  readonly subdir?: string | undefined
  /** How the commit (or the annotated tag) has to begin. */
  readonly commit?: string | undefined
  readonly keepGitDir?: boolean | undefined
  readonly submodules: boolean
  readonly times: 'checkout' | 'commit'
}
