import type { ContainerConfig, Digest } from '../oci/index.ts'
import type { CallOptions } from './call.ts'
import type { ImageFilter } from './filters.ts'

/** An image of the store as a list shows it. One for each name; a nameless one has none. */
export interface ImageSummary {
  readonly id: Digest
  /** Digest of the manifest. */
  readonly digest: Digest
  /** Familiar repository, `alpine`; undefined for a dangling image. */
  readonly repository?: string
  readonly tag?: string
  /** RFC 3339; when the image was made. */
  readonly created: string
  /** Sum of the bytes of the files in its layers. */
  readonly size: number
  readonly labels: Readonly<Record<string, string>>
  readonly platform: string
  /** The images under that name, one for each platform; where the list was asked for them. */
  readonly platforms?: readonly PlatformSummary[]
}

/** The image for one platform, under a name that may have several. */
export interface PlatformSummary {
  readonly platform: string
  readonly id: Digest
  /** Digest of its manifest. */
  readonly digest: Digest
  readonly created: string
  readonly size: number
}

/** What `images.list` takes. */
export interface ListOptions extends CallOptions {
  /** Lists the platforms of each image as well. Default: false. */
  readonly platforms?: boolean | undefined
  /** `alpine` (any tag) or `alpine:3.19`: only these; with `*` as in a path. Default: all. */
  readonly reference?: string | undefined
  /**
   * Such as `dangling=true` or `label=KEY=VALUE`. All have to hold, but of several references one, `reference` above among them.
   * Default: none. Rejects with `FILTER_INVALID`.
   */
  readonly filters?: readonly ImageFilter[] | undefined
}

/** The members and their order are those of `docker image inspect`. */
export interface ImageDetails {
  readonly Id: Digest
  readonly RepoTags: readonly string[]
  readonly RepoDigests: readonly string[]
  readonly Comment: string
  readonly Created: string
  readonly Author: string
  readonly Config: ContainerConfig
  readonly Architecture: string
  readonly Variant?: string
  readonly Os: string
  readonly OsVersion?: string
  readonly Size: number
  readonly RootFS: { readonly Type: 'layers'; readonly Layers: readonly Digest[] }
  readonly Metadata: { readonly LastTagTime: string }
  readonly Descriptor: { readonly mediaType: string; readonly digest: Digest; readonly size: number }
}

/** One line of `image history`. Sizes are bytes, times RFC 3339. */
export interface HistoryLine {
  /** The image ID for the newest line, `<missing>` for the others. */
  readonly id: string
  readonly created: string
  readonly createdBy: string
  readonly size: number
  readonly comment: string
  readonly tags: readonly string[]
}

/** What `images.remove` takes. */
export interface RemoveOptions extends CallOptions {
  /** Names, IDs (or unique beginnings of IDs), or digests. */
  readonly names: readonly string[]
  /** Also when an ID has several names, and without a word about names that do not exist. Default: false. */
  readonly force?: boolean | undefined
}

/** What happened, in order. */
export type Removal = { readonly untagged: string } | { readonly deleted: Digest }

/** What `images.prune` takes. */
export interface PruneOptions extends CallOptions {
  /** Also images that have a name. Default: false. */
  readonly all?: boolean | undefined
  /** Such as `until=24h` or `label!=keep`: only images for which all hold. Default: none. Rejects with `FILTER_INVALID`. */
  readonly filters?: readonly ImageFilter[] | undefined
}

/** What pruning removed. */
export interface PruneResult {
  readonly removed: readonly Removal[]
  /** Bytes. */
  readonly reclaimed: number
}
