/** A repository, and what is wanted from it. */
export interface GitSource {
  /** A URL with https, http, ssh or git. */
  readonly remote: string
  /** A branch, tag, full ref or full commit hash. Default: HEAD. */
  readonly ref?: string | undefined
  /** Normalized and relative. */
  readonly subdir?: string | undefined
  /** A prefix that the hash of the commit, or of the annotated tag, must have. */
  readonly commit?: string | undefined
  readonly keepGitDir?: boolean | undefined
  readonly submodules: boolean
  readonly times: 'checkout' | 'commit'
}
