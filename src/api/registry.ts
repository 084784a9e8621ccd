import type { Digest } from '../oci/index.ts'
import type { CallOptions, RegistryCallOptions } from './call.ts'

/** What `registry.pull` and `registry.pullAll` take. */
export interface PullOptions extends RegistryCallOptions {
  /** `alpine:3.19`, `registry.example/app@sha256:…`; for `pullAll` a repository. Default tag: `latest`. */
  readonly name: string
  /** `linux/arm64`. Rejects with `PLATFORM_MISSING` if the image has none for it. Default: this machine's architecture, with linux. */
  readonly platform?: string | undefined
  /** All platforms of it; the name then stands for an index. Default: false. */
  readonly allPlatforms?: boolean | undefined
}

/** An image that was pulled. */
export interface PullResult {
  /** Familiar: `alpine:3.19`. */
  readonly name: string
  /** `docker.io/library/alpine:3.19`. */
  readonly fullName: string
  /** What the name points at in the registry: a manifest, or an index of them. */
  readonly digest: Digest
  /** The image ID: digest of the config; of several platforms, this machine's. */
  readonly id: Digest
  /** Whether the store had all of it before. */
  readonly upToDate: boolean
  /** Of all platforms: those that the store cannot keep. */
  readonly skipped: readonly { readonly platform: string; readonly why: string }[]
}

/** What came of all tags. */
export interface PullAllResult {
  readonly pulled: readonly PullResult[]
  /** Tags of what is no container image, or not for the platform. */
  readonly skipped: readonly { readonly name: string; readonly why: string }[]
}

/** What `registry.push` and `registry.pushAll` take. */
export interface PushOptions extends RegistryCallOptions {
  /** Where it goes: `registry.example/app:1`. */
  readonly name: string
  /** The image of the store, by its name, ID or digest. Default: the one that is called `name`. */
  readonly image?: string | undefined
  /** Only under its digest: `name` is a repository. Default: false. */
  readonly byDigest?: boolean | undefined
  /** With `byDigest`: in the store it is called by that digest, too. Default: false. */
  readonly keepDigestName?: boolean | undefined
  /** The kind of manifest that is written. Default: that which the image was pulled as, else `oci`. */
  readonly format?: 'oci' | 'docker' | undefined
  /** Compression of layers made by this store. Default: as they were pushed before, else gzip. zstd needs the format oci. */
  readonly compression?: 'gzip' | 'zstd' | undefined
  /** Default: 4 for gzip (1 to 9), 3 for zstd (1 to 19). */
  readonly compressionLevel?: number | undefined
  /** Also recompresses pulled layers that are not compressed as `compression` says. Default: false. */
  readonly forceCompression?: boolean | undefined
  /** Only the image for this platform, without its index. Default: all that the store has. */
  readonly platform?: string | undefined
}

/** An image that was pushed. */
export interface PushResult {
  /** `docker.io/library/app:1`; by digest `docker.io/library/app@sha256:…`. */
  readonly fullName: string
  /** Of the manifest or index that the name points at in the registry now. */
  readonly digest: Digest
  readonly mediaType: string
  readonly size: number
  readonly layers: readonly PushedLayer[]
  /** The digest it was pulled with, if the push changed it. */
  readonly previousDigest?: Digest | undefined
}

/** A layer of it: `existing` was there already, `mounted` came from another repository of the registry. */
export interface PushedLayer {
  readonly diffId: Digest
  /** Of the layer as it is in the registry. */
  readonly digest: Digest
  readonly how: 'existing' | 'mounted' | 'uploaded'
}

/** What `registry.login` takes: user and password, or neither, which checks what is stored. */
export interface LoginOptions extends CallOptions {
  /** The registry as it stands in image names: `registry.example:5000`. Default: `docker.io`. */
  readonly registry?: string | undefined
  /** Default: that of the stored login. */
  readonly user?: string | undefined
  /** A password or access token. Default: that of the stored login. */
  readonly password?: string | undefined
  /** Skips certificate checks and allows plain http. Default: false. */
  readonly insecure?: boolean | undefined
}

/** A login that the registry has accepted. */
export interface LoginResult {
  readonly registry: string
  /** The authenticated user; undefined for token logins. */
  readonly user: string | undefined
  /** The file, or the credential helper's program. */
  readonly storedIn: string
  /** Everybody who can read the file can read the password, or the token that does instead of it. */
  readonly plaintext: boolean
  /** What else has a login of the registry, and is asked first: `DOCKER_AUTH_CONFIG`. */
  readonly overriddenBy?: string | undefined
}

/** What `registry.logout` takes. */
export interface LogoutOptions extends CallOptions {
  /** The registry as it stands in image names. Default: `docker.io`. */
  readonly registry?: string | undefined
}

/** A name in a registry. */
export interface RemoteOptions extends RegistryCallOptions {
  /** `registry.example/app:1`; where a repository is meant, without a tag. */
  readonly name: string
}

/** What `registry.remove` takes. */
export interface RemoveRemoteOptions extends RemoteOptions {
  /** Only the tag: what it points at stays, with its other tags. Not every registry does that. Default: false. */
  readonly tagOnly?: boolean | undefined
}

/** What `registry.digest`, `registry.manifest` and `registry.config` take. */
export interface DocumentOptions extends RegistryCallOptions {
  /** A name in a registry, or another place that `copy` knows: `store:app`, `oci:layout:1`. */
  readonly name: string
  /** The name is one of the store. Default: false. */
  readonly local?: boolean | undefined
  /** Image for this platform in an index. Default: the index itself; for a config, this machine's. */
  readonly platform?: string | undefined
}

/** What `registry.referrers` takes. */
export interface ReferrersOptions extends RemoteOptions {
  /** Lists only this artifact type. Default: all. */
  readonly artifactType?: string | undefined
  /** Of an index, lists what refers to the image for this platform. Default: what refers to the index. */
  readonly platform?: string | undefined
}

/** Something that names a manifest as its subject: a signature, an SBOM. */
export interface Referrer {
  readonly digest: Digest
  readonly mediaType: string
  readonly size: number
  /** Empty where the registry does not say. */
  readonly artifactType: string
  readonly annotations: Readonly<Record<string, string>>
}

/**
 * An image from one place to another. A place is a registry's name (`docker://alpine:3.19` or `alpine:3.19`), `store:NAME`,
 * `oci:PATH[:TAG]`, `oci-archive:PATH[:TAG]` or `docker-archive:PATH[:NAME]`.
 */
export interface CopyOptions extends RegistryCallOptions {
  /** The transport and name of the source. */
  readonly from: string
  /** The transport and name of the copy. */
  readonly to: string
  /** Only these platforms of an index. Default: all; for a docker-archive, which holds one, this machine's. */
  readonly platforms?: readonly string[] | undefined
  /** All platforms, or an error where the target cannot hold them; of cosign's tags (`sha256-….sig`), too. Default: false. */
  readonly allPlatforms?: boolean | undefined
  /** Rejects with `DIGEST_CHANGES` where the copy would have another digest. Default: false. */
  readonly preserveDigests?: boolean | undefined
  /** Also what names the image, or one of an index, as its subject: signatures, SBOMs, attestations, and what names these. Default: false. */
  readonly referrers?: boolean | undefined
  /** Further names for the copy: tags of a registry's repository or of a layout, names in the store or in a docker archive. Default: none. */
  readonly additionalTags?: readonly string[] | undefined
  /** The kind of manifests that are written. Default: as they are. */
  readonly format?: 'oci' | 'docker' | undefined
  /** Compression of plain layers on their way to a registry. Default: gzip. */
  readonly compression?: 'gzip' | 'zstd' | undefined
  /** Default: 4 for gzip (1 to 9), 3 for zstd (1 to 19). */
  readonly compressionLevel?: number | undefined
}

/** An image that was copied. */
export interface CopyResult {
  /** The target in full: `docker.io/library/app:1`, `oci:layout:1`. */
  readonly fullName: string
  readonly digest: Digest
  readonly mediaType: string
  readonly size: number
  /** The digest of the source, if the copy has another. */
  readonly previousDigest?: Digest | undefined
  /** What came along that refers to it. */
  readonly referrers: readonly Digest[]
  /** Images that the store cannot keep. */
  readonly skipped: readonly { readonly platform: string; readonly why: string }[]
}
