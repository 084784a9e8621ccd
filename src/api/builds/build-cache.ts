/** A cache in a registry. */
export interface RegistryCache {
  readonly type: 'registry'
  /** `registry.example/team/app:cache`. */
  readonly ref: string
  /** Certificates are not verified, and http is tried after https. Default: false. */
  readonly insecure?: boolean | undefined
}

/** A cache in a folder, which is an OCI layout. */
export interface LocalCache {
  readonly type: 'local'
  /** A relative path starts at the working directory. */
  readonly path: string
  /** Default: `latest`. */
  readonly tag?: string | undefined
}

/** The cache that GitHub keeps for a repository. */
export interface GithubCache {
  readonly type: 'gha'
  /** Caches of different names do not see each other. Default: `tare`. */
  readonly scope?: string | undefined
  /** Of the service. Default: ACTIONS_RESULTS_URL of the environment. */
  readonly url?: string | undefined
  /** Default: ACTIONS_RUNTIME_TOKEN of the environment. */
  readonly token?: string | undefined
  /** Milliseconds for all of it. Default: ten minutes. */
  readonly timeout?: number | undefined
}

/** A cache to take results of steps from. What cannot be used of it is reported as a warning, and never an error. */
export type CacheSource = (
  | RegistryCache
  | GithubCache
  | (LocalCache & {
      /** Of the cache's manifest, instead of a tag. Default: that of the tag. */
      readonly digest?: string | undefined
    })
) &
  CacheTrust

/** Whom to believe, and what to take. */
export interface CacheTrust {
  /** Also takes cache mounts of RUN that this store does not have. Default: false. */
  readonly mounts?: boolean | undefined
  /** A file with an Ed25519 public key (PEM): only what its owner has signed is used. Default: everything is. */
  readonly verify?: string | undefined
}

/** What all destinations but `inline` have in common. */
export interface CacheExport {
  /** `min`: the steps whose layers are in the image; `max`: all steps. Default: `min`. */
  readonly mode?: 'min' | 'max' | undefined
  /** A failed export is a warning. Default: false, the build is rejected after the image is out. */
  readonly ignoreError?: boolean | undefined
  /** A file with an Ed25519 private key (PEM) to sign what this build adds. Default: nothing is signed. */
  readonly sign?: string | undefined
  /** Also exports the cache mounts of RUN that no step holds. Default: false. */
  readonly mounts?: boolean | undefined
  /** Only those whose ids match one of these patterns, in which `*` stands for anything. Default: all. */
  readonly mountIds?: readonly string[] | undefined
  /** No more bytes than this on disk, the last used first. Default: no limit. */
  readonly mountsMax?: number | undefined
  /** How new layers are compressed. Default: `gzip`. */
  readonly compression?: 'gzip' | 'zstd' | undefined
  /** Default: that of the compression. */
  readonly compressionLevel?: number | undefined
}

/** Where to send the results of this build's steps. What is there is kept: several builds may share one. */
export type CacheDestination =
  | (RegistryCache &
      CacheExport & {
        /** Writes an image manifest; false: an index, as BuildKit did until 0.12. Default: true. */
        readonly imageManifest?: boolean | undefined
        /** False: Docker's media types. Default: true. */
        readonly ociMediaTypes?: boolean | undefined
        /** Replaces an image that the reference holds. Default: false, which rejects with `CACHE_REFUSED`. */
        readonly overwrite?: boolean | undefined
      })
  | (LocalCache & CacheExport)
  | (GithubCache & CacheExport)
  /** In the image's own config, which changes the image ID. Holds the steps whose layers are in the image. */
  | { readonly type: 'inline' }
