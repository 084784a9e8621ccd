import type { Digest } from '../oci/index.ts'
import type { ImportOptions, LoadedImage, LoadOptions, SaveOptions } from './archives.ts'
import type { BuildOptions, BuildResult, BuildWarning } from './build.ts'
import type { CallOptions } from './call.ts'
import type {
  HistoryLine,
  ImageDetails,
  ImageSummary,
  ListOptions,
  PruneOptions,
  PruneResult,
  Removal,
  RemoveOptions,
} from './images.ts'
import type { IndexAnnotateOptions, IndexCreateOptions, IndexResult } from './indexes.ts'
import type {
  CacheMountSummary,
  DiskUsageLine,
  DoctorReport,
  ExportMountsOptions,
  ImportMountsOptions,
  RunOptions,
} from './machine.ts'
import type {
  CopyOptions,
  CopyResult,
  DocumentOptions,
  LoginOptions,
  LoginResult,
  LogoutOptions,
  PullAllResult,
  PullOptions,
  PullResult,
  PushOptions,
  PushResult,
  Referrer,
  ReferrersOptions,
  RemoteOptions,
  RemoveRemoteOptions,
} from './registry.ts'

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
  /** Takes every tag of a repository into the store. */
  pullAll(options: PullOptions): Promise<PullAllResult>
  /** Puts an image of the store into a registry, under the name that it has here. */
  push(options: PushOptions): Promise<PushResult>
  /** Puts every image of the store that has a tag of the repository into its registry. */
  pushAll(options: PushOptions): Promise<readonly PushResult[]>
  /** Copies an image between registries, the store, layouts and archives; byte for byte where both can. */
  copy(options: CopyOptions): Promise<CopyResult>
  /**
   * Checks a password with a registry and keeps it where docker does; without one, checks what is kept. Rejects with
   * `CREDENTIALS_MISSING` where nothing is.
   */
  login(options: LoginOptions): Promise<LoginResult>
  /** Answers whether there was anything to forget. */
  logout(options?: LogoutOptions): Promise<boolean>
  /** What a name points at, in its registry or another place: its digest, or the JSON of manifest or config as it is there. */
  readRemote(what: 'digest' | 'manifest' | 'config', options: DocumentOptions): Promise<string>
  /** The tags of a repository in its registry, sorted. */
  remoteTags(options: RemoteOptions): Promise<readonly string[]>
  /** Makes an index of images of a registry, under a name there. */
  createIndex(options: IndexCreateOptions): Promise<IndexResult>
  /** Changes what an index of a registry says of itself, or of one of its images. */
  annotateIndex(options: IndexAnnotateOptions): Promise<IndexResult>
  /** What refers to an image of a registry. */
  referrers(options: ReferrersOptions): Promise<readonly Referrer[]>
  /** Removes what a name points at from its registry, with every tag that points there. Answers the digest. */
  removeRemote(options: RemoveRemoteOptions): Promise<string>
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
