import type { ContainerConfig, Digest } from '../oci/index.ts'
import type { Reporter } from '../support/index.ts'

/** What every verb may be told besides its own options. */
export interface CallOptions {
  /** Hears what happens. */
  readonly report?: Reporter | undefined
  /** Ends the work early: nothing half-written stays, and the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** Where a build's files come from. */
export type ContextSource =
  | { readonly kind: 'directory'; readonly path: string }
  /** A tar archive (plain or compressed), or the text of a Dockerfile alone: `docker build -`. */
  | { readonly kind: 'stream'; readonly bytes: AsyncIterable<Uint8Array> }
  /** No files at all. */
  | { readonly kind: 'empty' }

export interface BuildOptions extends CallOptions {
  readonly context: ContextSource
  /** Path of the Dockerfile (relative to the working directory, as docker's -f; within a tar context, to its root), or its text. */
  readonly dockerfile?: { readonly path: string } | { readonly text: string; readonly name?: string } | undefined
  /** Names for the image; none leaves it dangling. */
  readonly tags?: readonly string[] | undefined
  readonly target?: string | undefined
  /** undefined as value: taken from `environment`, left out where it is not set there. */
  readonly buildArgs?: Readonly<Record<string, string | undefined>> | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly annotations?: Readonly<Record<string, string>> | undefined
  /** `linux/arm64`; several make one index. Default: the machine's, with linux. */
  readonly platforms?: readonly string[] | undefined
  /** Named contexts: a directory, `docker-image://ref`, `oci-layout://path[:tag|@digest]`, `target:stage`. */
  readonly contexts?: Readonly<Record<string, string>> | undefined
  readonly noCache?: boolean | undefined
  /** Asks the registries for the bases even when they are in the store. */
  readonly pull?: boolean | undefined
  /** Stages that are built afresh; the others may be remembered. */
  readonly noCacheFilter?: readonly string[] | undefined
  /** The environment that build arguments and SOURCE_DATE_EPOCH are taken from. Default: none. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined
  /** File times later than SOURCE_DATE_EPOCH become it, in new layers. */
  readonly rewriteTimestamp?: boolean | undefined
  /** Default of RUN --network. */
  readonly network?: string | undefined
  /** How RUN is kept apart from this machine. Default: the best that works here. */
  readonly isolation?: 'auto' | 'oci' | 'namespace' | 'chroot' | undefined
  /** As --secret has them: `id=name,src=file`, `id=name,env=VARIABLE`; with `,cache=content` steps that use it run again when it changes. */
  readonly secrets?: readonly string[] | undefined
  /** As --ssh has them: `default`, `id=SOCKET`, `id=KEYFILE`. */
  readonly ssh?: readonly string[] | undefined
  /** Further lines of /etc/hosts in RUN: `name:address`. */
  readonly hosts?: readonly string[] | undefined
  /** Of /dev/shm in RUN, in bytes. */
  readonly shmSize?: number | undefined
  /** `nofile=1024:2048`. */
  readonly limits?: readonly string[] | undefined
  /** Entitlements: `security.insecure`, `network.host`. */
  readonly allow?: readonly string[] | undefined
  /** An image may hold the bytes of a secret. Default: that fails the build with `SECRET_LEAKED`. */
  readonly allowSecretLeak?: boolean | undefined
  /** Is told of a command that failed, before the build fails. */
  readonly onFailedStep?: ((step: FailedStep) => Promise<void>) | undefined
}

/** A RUN whose command failed. */
export interface FailedStep {
  readonly title: string
  readonly message: string
  /** Runs a shell in the filesystem as the command left it, on this process's terminal. Answers its exit code. */
  shell(): Promise<number>
}

export interface BuildResult {
  /** The image ID: digest of the config. */
  readonly id: Digest
  /** Digest of the manifest (of the index, when there are several platforms). */
  readonly digest: Digest
  readonly mediaType: string
  /** Size of that manifest in bytes. */
  readonly size: number
  /** Familiar names it now has: `app:latest`. */
  readonly names: readonly string[]
  readonly warnings: readonly BuildWarning[]
}

export interface BuildWarning {
  readonly rule: string
  readonly message: string
  readonly url: string
  readonly line: number
}

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
}

export interface ListOptions extends CallOptions {
  /** `alpine` (any tag) or `alpine:3.19`: only these; with `*` as in a path. */
  readonly reference?: string | undefined
  /** `dangling=true`, `label=k=v`, `before=ref`, `since=ref`, `reference=pattern`, `until=…`. All have to hold. */
  readonly filters?: readonly string[] | undefined
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

export interface HistoryLine {
  /** The image ID for the newest line, `<missing>` for the others. */
  readonly id: string
  readonly created: string
  readonly createdBy: string
  readonly size: number
  readonly comment: string
  readonly tags: readonly string[]
}

export interface SaveOptions extends CallOptions {
  readonly names: readonly string[]
  /** A file's path (written whole or not at all), or something that takes the bytes in order. */
  readonly to: { readonly path: string } | { readonly write: (chunk: Uint8Array) => Promise<void> }
  /** `docker`: OCI layout and docker-archive in one tar, as Docker 25 and later write it. Default. */
  readonly format?: 'docker' | 'docker-legacy' | 'oci' | undefined
}

export interface LoadOptions extends CallOptions {
  /** A file or a directory (an OCI layout), or the bytes of an archive, compressed or not. */
  readonly from: { readonly path: string } | { readonly bytes: AsyncIterable<Uint8Array> }
}

export interface LoadedImage {
  readonly id: Digest
  /** Familiar names that it has now; none for an image without a name. */
  readonly names: readonly string[]
}

export interface PullOptions extends CallOptions {
  readonly name: string
  /** Default: the machine's, with linux. */
  readonly platform?: string | undefined
  /** Certificates are not checked, and http will do. (http is always tried for this machine itself.) */
  readonly insecure?: boolean | undefined
}

export interface PullResult {
  /** Familiar: `alpine:3.19`. */
  readonly name: string
  /** `docker.io/library/alpine:3.19`. */
  readonly fullName: string
  /** What the name points at in the registry: a manifest, or an index of them. */
  readonly digest: Digest
  /** The image ID: digest of the config. */
  readonly id: Digest
  /** Whether it was all there before. */
  readonly current: boolean
}

export interface PushOptions extends CallOptions {
  readonly name: string
  /** The kind of manifest that is written. Default: that which the image was pulled as, else `oci`. */
  readonly format?: 'oci' | 'docker' | undefined
  /** How layers are squeezed that this store has made. Default: as they were pushed before, else gzip. zstd needs the format oci. */
  readonly compression?: 'gzip' | 'zstd' | undefined
  /** 1 to 9 for gzip (default: 5), 1 to 19 for zstd (default: 3). */
  readonly compressionLevel?: number | undefined
  /** Also layers that were pulled are squeezed anew where they are not as `compression` says. */
  readonly forceCompression?: boolean | undefined
  /** Certificates are not checked, and http will do. (http is always tried for this machine itself.) */
  readonly insecure?: boolean | undefined
}

export interface PushResult {
  /** `docker.io/library/app:1`. */
  readonly fullName: string
  /** Of the manifest or index that the name points at in the registry now. */
  readonly digest: Digest
  readonly mediaType: string
  readonly size: number
  readonly layers: readonly PushedLayer[]
}

export interface PushedLayer {
  readonly diffId: Digest
  /** Of the layer as it is in the registry. */
  readonly digest: Digest
  readonly how: 'there' | 'mounted' | 'uploaded'
}

export interface LoginOptions extends CallOptions {
  /** Default: docker.io. */
  readonly registry?: string | undefined
  readonly user: string
  readonly password: string
  readonly insecure?: boolean | undefined
}

export interface LoginResult {
  readonly registry: string
  /** The file, or the credential helper's program. */
  readonly place: string
  /** Everybody who can read the file can read the password. */
  readonly inClear: boolean
}

export interface LogoutOptions extends CallOptions {
  readonly registry?: string | undefined
}

/** A name in a registry. */
export interface RemoteOptions extends CallOptions {
  readonly name: string
  readonly insecure?: boolean | undefined
}

export interface CopyOptions extends CallOptions {
  readonly from: string
  readonly to: string
  readonly insecure?: boolean | undefined
}

export interface CopyResult {
  readonly fullName: string
  readonly digest: Digest
}

export interface ImportOptions extends CallOptions {
  readonly from: { readonly path: string } | { readonly bytes: AsyncIterable<Uint8Array> }
  /** What the history says of the source: `Imported from -`. */
  readonly message?: string | undefined
  readonly name?: string | undefined
  /** Dockerfile instructions to apply: `CMD ["/bin/sh"]`. */
  readonly changes?: readonly string[] | undefined
  readonly platform?: string | undefined
}

export interface RemoveOptions extends CallOptions {
  /** Names, IDs (or unique beginnings of IDs), or digests. */
  readonly names: readonly string[]
  /** Also when an ID has several names, and without a word about names that do not exist. */
  readonly force?: boolean | undefined
}

/** What happened, in order. */
export type Removal = { readonly untagged: string } | { readonly deleted: Digest }

export interface PruneOptions extends CallOptions {
  /** Also images that have a name. */
  readonly all?: boolean | undefined
  readonly filters?: readonly string[] | undefined
}

export interface PruneResult {
  readonly removed: readonly Removal[]
  /** Bytes. */
  readonly reclaimed: number
}

/** A command over an image's filesystem. What it writes is gone afterwards. */
export interface RunOptions extends CallOptions {
  readonly image: string
  /** Default: the image's CMD. */
  readonly command?: readonly string[] | undefined
  /** Instead of the image's ENTRYPOINT; leaves its CMD out. */
  readonly entrypoint?: readonly string[] | undefined
  /** `NAME=value`. */
  readonly env?: readonly string[] | undefined
  readonly workdir?: string | undefined
  readonly user?: string | undefined
  /** `source:target[:ro]`: files and directories of this machine. */
  readonly volumes?: readonly string[] | undefined
  /** `none`, or `host`, which is the default. */
  readonly network?: string | undefined
  readonly isolation?: BuildOptions['isolation']
  /** Hears what the command prints. Default: it prints to this process's own standard output and error. */
  readonly output?: ((stream: 'stdout' | 'stderr', text: string) => void) | undefined
  /** The command reads this process's standard input; only without `output`. */
  readonly stdin?: boolean | undefined
  /** The command has a terminal: TERM is set. */
  readonly terminal?: boolean | undefined
  /** Is given a way to send the command a signal, once it runs. */
  readonly started?: ((send: (signal: NodeJS.Signals) => void) => void) | undefined
}

/** A directory of RUN --mount=type=cache that is kept. */
export interface CacheMountSummary {
  /** What `id=` says, or else the target; before it stands what BUILDKIT_CACHE_MOUNT_NS says, and `/`. */
  readonly id: string
  /** Bytes on disk. */
  readonly size: number
  /** RFC 3339. */
  readonly used: string
}

export interface ExportMountsOptions extends CallOptions {
  /** A file's path; its ending (.tar.zst, .tar.gz, .tar) says how it is compressed. */
  readonly to: string
  /** Default: all. */
  readonly ids?: readonly string[] | undefined
}

export interface ImportMountsOptions extends CallOptions {
  readonly from: string
}

/** Something that keeps RUN from working, or from working well. */
export interface DoctorFinding {
  readonly what: string
  /** With the command that mends it. */
  readonly remedy: string
}

/** What this machine allows RUN. */
export interface DoctorReport {
  readonly home: string
  /** `root`, or `user 1000`. */
  readonly user: string
  /** The sandbox that RUN uses; undefined where none works. */
  readonly chosen: 'oci' | 'namespace' | 'chroot' | undefined
  readonly sandboxes: readonly {
    readonly isolation: 'oci' | 'namespace' | 'chroot'
    readonly works: boolean
    /** The program and its version. */
    readonly by: string
    readonly hindrances: readonly DoctorFinding[]
  }[]
  /** Those whose programs run here, by themselves or through binfmt_misc. */
  readonly platforms: readonly string[]
  readonly notes: readonly string[]
}

/** One line of `system df`. Sizes in bytes. */
export interface DiskUsageLine {
  readonly type: 'Images' | 'Containers' | 'Local Volumes' | 'Build Cache'
  readonly total: number
  readonly active: number
  readonly size: number
  readonly reclaimable: number
}

/** Everything tare can do. Every promise rejects with a TareError for what a user can meet. */
export interface Tare {
  /** The store's folder. */
  readonly home: string
  build(options: BuildOptions): Promise<BuildResult>
  /** Reads and plans the build, makes nothing, and answers what the build checks find. */
  check(options: BuildOptions): Promise<readonly BuildWarning[]>
  /** Newest first. */
  images(options?: ListOptions): Promise<readonly ImageSummary[]>
  /** Rejects with `IMAGE_UNKNOWN` where there is no such image. */
  inspect(name: string, options?: CallOptions): Promise<ImageDetails>
  /** Newest first. */
  history(name: string, options?: CallOptions): Promise<readonly HistoryLine[]>
  save(options: SaveOptions): Promise<void>
  load(options: LoadOptions): Promise<readonly LoadedImage[]>
  importImage(options: ImportOptions): Promise<Digest>
  /** Takes an image of a registry into the store. */
  pull(options: PullOptions): Promise<PullResult>
  /** Puts an image of the store into a registry, under the name that it has here. */
  push(options: PushOptions): Promise<PushResult>
  /** Copies an image between registries, all platforms of it, byte for byte. */
  copy(options: CopyOptions): Promise<CopyResult>
  /** Checks a password with a registry and keeps it where docker does. */
  login(options: LoginOptions): Promise<LoginResult>
  /** Answers whether there was anything to forget. */
  logout(options?: LogoutOptions): Promise<boolean>
  /** What a name points at in its registry: its digest, or the JSON of manifest or config as it is there. */
  readRemote(what: 'digest' | 'manifest' | 'config', options: RemoteOptions): Promise<string>
  /** The tags of a repository in its registry, sorted. */
  remoteTags(options: RemoteOptions): Promise<readonly string[]>
  /** Removes what a name points at from its registry, with every tag that points there. Answers the digest. */
  removeRemote(options: RemoteOptions): Promise<string>
  /** Tries an image: answers the command's exit code. */
  run(options: RunOptions): Promise<number>
  tag(source: string, target: string, options?: CallOptions): Promise<void>
  remove(options: RemoveOptions): Promise<readonly Removal[]>
  /** Removes images that have no name (`all`: every image). */
  prune(options?: PruneOptions): Promise<PruneResult>
  /** Forgets remembered build steps and the layers that only they keep. */
  pruneBuildCache(options?: PruneOptions): Promise<PruneResult>
  diskUsage(options?: CallOptions): Promise<readonly DiskUsageLine[]>
  /** By id. */
  cacheMounts(options?: CallOptions): Promise<readonly CacheMountSummary[]>
  /** Writes cache mounts into a file, for another machine. Answers which. */
  exportMounts(options: ExportMountsOptions): Promise<readonly CacheMountSummary[]>
  /** Takes cache mounts out of such a file; they replace those of the same ids. Answers the ids. */
  importMounts(options: ImportMountsOptions): Promise<readonly string[]>
  /** Tries what RUN needs on this machine. */
  doctor(options?: CallOptions): Promise<DoctorReport>
}

export interface TareOptions {
  /** The store's folder. Default: `$TARE_HOME`, else the XDG data folder's `tare`. */
  readonly home?: string | undefined
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined
}
