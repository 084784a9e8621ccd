import type { Digest } from '../oci/index.ts'
import type { CallOptions, RegistryCallOptions } from './call.ts'

export interface PullOptions extends RegistryCallOptions {
  readonly name: string
  /** Default: the machine's, with linux. */
  readonly platform?: string | undefined
  /** All platforms of it; the name then stands for an index. */
  readonly allPlatforms?: boolean | undefined
}

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

export interface PushOptions extends RegistryCallOptions {
  /** Where it goes: `registry.example/app:1`. */
  readonly name: string
  /** The image of the store, by its name, ID or digest. Default: the one that is called `name`. */
  readonly image?: string | undefined
  /** Only under its digest: `name` is a repository. */
  readonly byDigest?: boolean | undefined
  /** With `byDigest`: in the store it is called by that digest, too. */
  readonly keepDigestName?: boolean | undefined
  /** The kind of manifest that is written. Default: that which the image was pulled as, else `oci`. */
  readonly format?: 'oci' | 'docker' | undefined
  /** Compression of layers made by this store. Default: as they were pushed before, else gzip. zstd needs the format oci. */
  readonly compression?: 'gzip' | 'zstd' | undefined
  /** 1 to 9 for gzip (default: 4), 1 to 19 for zstd (default: 3). */
  readonly compressionLevel?: number | undefined
  /** Also recompresses pulled layers that are not compressed as `compression` says. */
  readonly forceCompression?: boolean | undefined
  /** Only the image for this platform, without its index. */
  readonly platform?: string | undefined
}

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

export interface PushedLayer {
  readonly diffId: Digest
  /** Of the layer as it is in the registry. */
  readonly digest: Digest
  readonly how: 'existing' | 'mounted' | 'uploaded'
}

export interface LoginOptions extends CallOptions {
  /** Default: docker.io. */
  readonly registry?: string | undefined
  /** Both, or none: then what is kept already is checked. */
  readonly user?: string | undefined
  readonly password?: string | undefined
  /** Skips certificate checks and allows plain http. Default: false. */
  readonly insecure?: boolean | undefined
}

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

export interface LogoutOptions extends CallOptions {
  readonly registry?: string | undefined
}

/** A name in a registry. */
export interface RemoteOptions extends RegistryCallOptions {
  readonly name: string
}

export interface RemoveRemoteOptions extends RemoteOptions {
  /** Only the tag: what it points at stays, with its other tags. Not every registry does that. */
  readonly tagOnly?: boolean | undefined
}

export interface DocumentOptions extends RegistryCallOptions {
  /** A name in a registry, or another place that `copy` knows: `store:app`, `oci:layout:1`. */
  readonly name: string
  /** The name is one of the store. */
  readonly local?: boolean | undefined
  /** Image for this platform in an index. Default: the index itself; for a config, this machine's. */
  readonly platform?: string | undefined
}

export interface ReferrersOptions extends RemoteOptions {
  /** List only this artifact type. */
  readonly artifactType?: string | undefined
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
  readonly from: string
  readonly to: string
  /** Only these platforms of an index. Default: all; for a docker-archive, which holds one, this machine's. */
  readonly platforms?: readonly string[] | undefined
  /** All platforms, or an error where the target cannot hold them; of cosign's tags (`sha256-….sig`), too. */
  readonly allPlatforms?: boolean | undefined
  /** Rejects with `DIGEST_CHANGES` where the copy would have another digest. */
  readonly preserveDigests?: boolean | undefined
  /** Also what names the image, or one of an index, as its subject: signatures, SBOMs, attestations, and what names these. */
  readonly referrers?: boolean | undefined
  /** Further names for the copy: tags of a registry's repository or of a layout, names in the store or in a docker archive. */
  readonly additionalTags?: readonly string[] | undefined
  /** The kind of manifests that are written. Default: as they are. */
  readonly format?: 'oci' | 'docker' | undefined
  /** Compression of plain layers on their way to a registry. Default: gzip. */
  readonly compression?: 'gzip' | 'zstd' | undefined
  /** 1 to 9 for gzip (default: 4), 1 to 19 for zstd (default: 3). */
  readonly compressionLevel?: number | undefined
}

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
