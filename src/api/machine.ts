import type { Digest } from '../oci/index.ts'
import type { LocalCache, RegistryCache } from './builds/build-cache.ts'
import type { CallOptions, LoginCallOptions } from './call.ts'
import type { CacheFilter } from './filters.ts'

/** What `tare version` shows. */
export interface VersionInfo {
  /** Of tare: `0.1.0`. */
  readonly version: string
  /** Of Node: `24.1.0`. */
  readonly nodeVersion: string
  /** `linux`, `darwin`, `windows`. */
  readonly os: string
  /** As Go calls it: `amd64`, `arm64`. */
  readonly architecture: string
}

/** This tare, its store and the machine it runs on. */
export interface TareInfo extends VersionInfo {
  /** The store's folder. */
  readonly home: string
  /** What is built by default: `linux/amd64`. */
  readonly platform: string
  /** Images in the store, also those without a name. */
  readonly images: number
  /** Cores that this process may use. */
  readonly cpus: number
  /** Memory of the machine in bytes. */
  readonly memory: number
  /** The kernel's release. */
  readonly kernel: string
}

/** A directory of RUN --mount=type=cache that is kept. */
export interface CacheMountSummary {
  /** Its `id=`, or else its target; with BUILDKIT_CACHE_MOUNT_NS, that and `/` come before it. */
  readonly id: string
  /** Bytes on disk. */
  readonly size: number
  /** When it was last used (RFC 3339). */
  readonly used: string
}

/** What `cache.prune` takes. Sizes are bytes. Without a bound everything goes that nothing needs and the filters let through. */
export interface CachePruneOptions extends CallOptions {
  /** Accepted for symmetry with docker; what nothing needs goes in either case. Default: false. */
  readonly all?: boolean | undefined
  /** Such as `until=24h` or `type=exec.cachemount`: only what all of them let through. Default: none. Rejects with `FILTER_INVALID`. */
  readonly filters?: readonly CacheFilter[] | undefined
  /** The cache takes up no more than this afterwards. Default: no bound. */
  readonly maxUsedSpace?: number | undefined
  /** This much of the cache always stays. Default: 0. */
  readonly reservedSpace?: number | undefined
  /** The disk has at least this much left afterwards. Default: no bound. */
  readonly minFreeSpace?: number | undefined
}

/** What `cache.usage` takes. */
export interface CacheUsageOptions extends CallOptions {
  /** Such as `until=24h` or `type=exec.cachemount`. Default: none. Rejects with `FILTER_INVALID`. */
  readonly filters?: readonly CacheFilter[] | undefined
}

/** What the store takes up on disk. Sizes are bytes. */
export interface CacheUsage {
  readonly objects: readonly CacheUsageObject[]
  /** All of the store, as `du -s` of its folder has it. */
  readonly total: number
  /** What pruning would free. */
  readonly reclaimable: number
}

/** Something in the store that may be removed by itself. */
export interface CacheUsageObject {
  /** The digest of a layer or document, the key of a cache mount, or a word. */
  readonly id: string
  readonly type: 'regular' | 'exec.cachemount' | 'internal'
  /** `RUN make`, or the id of a mount. */
  readonly description: string
  readonly size: number
  /** RFC 3339. */
  readonly lastUsed: string
  /** Whether an image or a running step needs it. */
  readonly inUse: boolean
}

/** What `cache.pruneShared` takes. */
export interface PruneSharedOptions extends LoginCallOptions {
  /** A cache that `cacheTo` has written. */
  readonly cache: RegistryCache | LocalCache
  /** `14d`, `36h`: steps stay that an export has named since then, to the day. Rejects with `OPTION_INVALID` for anything else. */
  readonly keepFor: string
}

/** What is left of a shared cache. */
export interface PruneSharedResult {
  /** How many steps stay. */
  readonly kept: number
  /** How many went. */
  readonly removed: number
  /** Manifests that were deleted; what only they need is freed when the registry collects its garbage. */
  readonly deleted: readonly Digest[]
  /** Manifests that the registry did not delete. */
  readonly left: readonly Digest[]
  /** Why not. */
  readonly why?: string | undefined
}

/** What `cache.exportMounts` takes. */
export interface ExportMountsOptions extends CallOptions {
  /** A file's path; its ending (.tar.zst, .tar.gz, .tar) says how it is compressed. Rejects with `OPTION_INVALID` for another one. */
  readonly to: string
  /** Default: all. Rejects with `CACHE_UNKNOWN` for one that does not exist. */
  readonly ids?: readonly string[] | undefined
}

/** What `cache.importMounts` takes. */
export interface ImportMountsOptions extends CallOptions {
  /** A file that `cache.exportMounts` has written. */
  readonly from: string
}

/** Something that keeps RUN from working, or from working well. */
export interface DoctorFinding {
  readonly what: string
  /** With the command that fixes it. */
  readonly remedy: string
}

/** What `doctor` takes. */
export interface DoctorOptions extends CallOptions {
  /** Engines to ask besides those that are configured here: what `build` takes as `builder`. Default: none. */
  readonly builder?: string | undefined
}

/** What this machine allows RUN, and the engines that builds can use instead. */
export interface DoctorReport {
  /** The store's folder. */
  readonly home: string
  /** `root`, or `user 1000`. */
  readonly user: string
  /** The sandbox that RUN uses; undefined if none works. */
  readonly chosen: 'oci' | 'namespace' | 'chroot' | undefined
  /** Every sandbox, tried. */
  readonly sandboxes: readonly DoctorSandbox[]
  /** Those whose programs run here, natively or through binfmt_misc. */
  readonly platforms: readonly string[]
  /** What else is worth knowing. */
  readonly notes: readonly string[]
  /** Those that `builder` names, builders of buildx, docker contexts, and the docker daemon of this machine; each was asked. */
  readonly engines: readonly DoctorEngine[]
}

/** A BuildKit, and what it has answered within 5 s. */
export interface DoctorEngine {
  /** As `build` takes it. */
  readonly name: string
  /** Whether `builder` names it. */
  readonly wanted: boolean
  readonly works: boolean
  /** Why it does not work. */
  readonly problem?: DoctorFinding | undefined
  /** `docker 26.1.5`, `buildkitd v0.13.2`; empty if it did not answer, like the lists. */
  readonly software: string
  readonly workers: readonly string[]
  readonly platforms: readonly string[]
  /** How it can hand over results. */
  readonly exporters: readonly string[]
  /** By BuildKit’s names: `mergeop`, `exec.meta.ulimit`. */
  readonly capabilities: readonly string[]
  /** What it is too old for: `COPY --link`. */
  readonly lacks: readonly string[]
}

/** A sandbox, and whether it works here. */
export interface DoctorSandbox {
  readonly isolation: 'oci' | 'namespace' | 'chroot'
  readonly works: boolean
  /** The program and its version. */
  readonly by: string
  /** What keeps it from working. */
  readonly hindrances: readonly DoctorFinding[]
}

/** One line of `system df`. Sizes are bytes. */
export interface DiskUsageLine {
  readonly type: 'Images' | 'Containers' | 'Local Volumes' | 'Build Cache'
  /** How many there are. */
  readonly total: number
  /** How many are in use. */
  readonly active: number
  readonly size: number
  /** What pruning would free. */
  readonly reclaimable: number
}
