import type { Digest } from '../oci/index.ts'
import type { ImportOptions, LoadedImage, LoadOptions, SaveOptions } from './archives.ts'
import type { BuildOptions, BuildResult, BuildWarning } from './build.ts'
import type { DockerfileOutline, DockerfileTargets } from './builds/outline.ts'
import type { CallOptions } from './call.ts'
import type { CheckOptions, CheckResult } from './check.ts'
import type {
  CopyOutOptions,
  CopyOutResult,
  ExportOptions,
  FileOptions,
  FilesOptions,
  FileTrace,
  LayerSummary,
  ListedFile,
  LookOptions,
} from './contents.ts'
import type { FileDiffOptions, ImageDiff, ImageDiffOptions } from './diff.ts'
import type { AppendOptions, EditOptions, EditResult, MutateOptions, RebaseOptions } from './edits.ts'
import type { ImageContents } from './image-contents.ts'
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
  CachePruneOptions,
  CacheUsage,
  CacheUsageOptions,
  DiskUsageLine,
  DoctorOptions,
  DoctorReport,
  ExportMountsOptions,
  ImportMountsOptions,
  PruneSharedOptions,
  PruneSharedResult,
  TareInfo,
  VersionInfo,
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
import type { RunOptions } from './run.ts'
import type { SbomOptions } from './sbom.ts'
import type { WeighOptions, WeighResult } from './weigh.ts'

/** Everything tare can do. Each promise rejects with a TareError for what a user can meet. */
export interface Tare {
  /** The store's folder. */
  readonly home: string
  /** Images of the store. */
  readonly images: ImageVerbs
  /** Images in registries, on their way between there and here, and the logins for them. */
  readonly registry: RegistryVerbs
  /** Indexes in registries: one name with an image for each platform. */
  readonly index: IndexVerbs
  /** What builds remember, and the cache mounts of RUN. */
  readonly cache: CacheVerbs
  /** Builds an image from a Dockerfile and keeps it in the store. */
  build(options: BuildOptions): Promise<BuildResult>
  /** Reads and plans the build, makes nothing, and returns what the build checks find. */
  checkDockerfile(options: BuildOptions): Promise<readonly BuildWarning[]>
  /** Plans the build and returns what can be given to it: build arguments, secrets, SSH agents. */
  outline(options: BuildOptions): Promise<DockerfileOutline>
  /** The stages of a Dockerfile. */
  targets(options: BuildOptions): Promise<DockerfileTargets>
  /** Runs a command in an image once and returns its exit code. What it writes is gone afterwards. */
  run(options: RunOptions): Promise<number>
  /** Tries what RUN needs on this machine, and asks the engines that it knows. */
  doctor(options?: DoctorOptions): Promise<DoctorReport>
  /** What the store takes up: the lines of `tare system df`. */
  diskUsage(options?: CallOptions): Promise<readonly DiskUsageLine[]>
  /** The versions of tare and Node. */
  version(options?: CallOptions): Promise<VersionInfo>
  /** This tare, its store and the machine it runs on. */
  info(options?: CallOptions): Promise<TareInfo>
}

/** `tare.images`: images of the store, and looks into images anywhere. */
export interface ImageVerbs {
  /** One summary for each name, newest first. */
  list(options?: ListOptions): Promise<readonly ImageSummary[]>
  /** The names of all images, sorted: `alpine:3.19`. Reads nothing of the images. */
  names(options?: CallOptions): Promise<readonly string[]>
  /** Rejects with `IMAGE_UNKNOWN` where there is no such image. */
  inspect(name: string, options?: CallOptions): Promise<ImageDetails>
  /** Newest first. */
  history(name: string, options?: CallOptions): Promise<readonly HistoryLine[]>
  /** What differs between two images. */
  diff(options: ImageDiffOptions): Promise<ImageDiff>
  /** The difference of one text file between two images, as `diff -u` writes it; empty where there is none. */
  diffFile(options: FileDiffOptions): Promise<string>
  /** Gives an image one more name. */
  tag(source: string, target: string, options?: CallOptions): Promise<void>
  /** Removes names, and images that have no other. */
  remove(options: RemoveOptions): Promise<readonly Removal[]>
  /** Removes images that have no name (`all`: every image). */
  prune(options?: PruneOptions): Promise<PruneResult>
  /** Writes images into one archive. */
  save(options: SaveOptions): Promise<void>
  /** Takes the images of an archive or a layout into the store. */
  load(options: LoadOptions): Promise<readonly LoadedImage[]>
  /** Makes an image of a root filesystem in a tar. Returns its ID. */
  import(options: ImportOptions): Promise<Digest>
  /** Adds layers to an image. Those that it has are not read. */
  append(options: AppendOptions): Promise<EditResult>
  /** Changes how containers of an image start, its labels, annotations or platform. Layers are not read. */
  mutate(options: MutateOptions): Promise<EditResult>
  /** Puts an image's own layers onto another base, without building or reading them. Rejects with `REBASE_UNRELATED`. */
  rebase(options: RebaseOptions): Promise<EditResult>
  /** Makes one layer of all layers of an image. */
  flatten(options: EditOptions): Promise<EditResult>
  /** The layers of an image, lowest first. Like all that looks into an image, of any that `LookOptions` names. */
  layers(options: LookOptions): Promise<readonly LayerSummary[]>
  /** All paths that the layers have, and what each layer did to them, in columns; with config and history. */
  contents(options: LookOptions): Promise<ImageContents>
  /** What is in an image, or in one of its layers: a directory before what it holds. */
  files(options: FilesOptions): Promise<readonly ListedFile[]>
  /** The bytes of a file, as they are read. */
  readFile(options: FileOptions): AsyncIterable<Uint8Array>
  /** Which layers and instructions wrote, changed or removed a path. */
  why(options: Omit<FileOptions, 'layer'>): Promise<FileTrace>
  /** Writes the filesystem that the layers make together, as a tar. */
  export(options: ExportOptions): Promise<void>
  /** Copies a file or a directory out of an image. */
  copyOut(options: CopyOutOptions): Promise<CopyOutResult>
  /** Finds what breaks an image when it runs, and what it gives away. */
  check(options: CheckOptions): Promise<CheckResult>
  /** The software bill of materials of an image: its packages and files, as a document that `JSON.stringify` writes. */
  sbom(options: SbomOptions): Promise<object>
  /** What the bytes of an image are, and what of them is wasted. */
  weigh(options: WeighOptions): Promise<WeighResult>
}

/** `tare.registry`: images in registries, and logins. */
export interface RegistryVerbs {
  /** Takes an image of a registry into the store. */
  pull(options: PullOptions): Promise<PullResult>
  /** Takes every tag of a repository into the store. */
  pullAll(options: PullOptions): Promise<PullAllResult>
  /** Sends an image of the store to a registry, under the name that it has here. */
  push(options: PushOptions): Promise<PushResult>
  /** Sends every image of the store that has a tag of the repository to its registry. */
  pushAll(options: PushOptions): Promise<readonly PushResult[]>
  /** Copies an image between registries, the store, layouts and archives; byte for byte where both can. */
  copy(options: CopyOptions): Promise<CopyResult>
  /**
   * Checks a password with a registry and keeps it where docker does; without one, checks what is kept. Rejects with
   * `CREDENTIALS_MISSING` where nothing is.
   */
  login(options?: LoginOptions): Promise<LoginResult>
  /** Returns whether there was anything to forget. */
  logout(options?: LogoutOptions): Promise<boolean>
  /** The digest that a name points at, in its registry or another place that `copy` knows. */
  digest(options: DocumentOptions): Promise<Digest>
  /** The JSON of the manifest or index that a name points at, as it is there. */
  manifest(options: DocumentOptions): Promise<string>
  /** The JSON of an image's config, as it is there. */
  config(options: DocumentOptions): Promise<string>
  /** The tags of a repository, sorted. */
  tags(options: RemoteOptions): Promise<readonly string[]>
  /** What refers to an image: signatures, SBOMs. */
  referrers(options: ReferrersOptions): Promise<readonly Referrer[]>
  /** Removes what a name points at from its registry, with every tag that points there. Returns the digest. */
  remove(options: RemoveRemoteOptions): Promise<Digest>
}

/** `tare.index`: indexes in registries. */
export interface IndexVerbs {
  /** Makes an index of images, under a name in a registry. */
  create(options: IndexCreateOptions): Promise<IndexResult>
  /** Changes what an index of a registry says of itself, or of one of its images. */
  annotate(options: IndexAnnotateOptions): Promise<IndexResult>
}

/** `tare.cache`: remembered steps and cache mounts. */
export interface CacheVerbs {
  /** Forgets remembered build steps and the layers that only they keep. */
  prune(options?: CachePruneOptions): Promise<PruneResult>
  /** What takes up space in the store, part by part. */
  usage(options?: CacheUsageOptions): Promise<CacheUsage>
  /** Rewrites a cache in a registry or a folder without what no export has named for long. Rejects with `CACHE_REFUSED`. */
  pruneShared(options: PruneSharedOptions): Promise<PruneSharedResult>
  /** The cache mounts of RUN, by id. */
  mounts(options?: CallOptions): Promise<readonly CacheMountSummary[]>
  /** Writes cache mounts into a file, for another machine. Returns which. */
  exportMounts(options: ExportMountsOptions): Promise<readonly CacheMountSummary[]>
  /** Takes cache mounts out of such a file; they replace those of the same ids. Returns the ids. */
  importMounts(options: ImportMountsOptions): Promise<readonly string[]>
}
