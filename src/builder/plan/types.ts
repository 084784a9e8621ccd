import type { GitAddress, IgnoreMatcher, Mount } from '../../dockerfile/index.ts'
import type { ContainerConfig, Descriptor, Digest, ImageConfig, Platform, Reference } from '../../oci/index.ts'
import type { SourceRange } from '../../support/index.ts'
import type { RemoteOperation } from './remote-source.ts'

/** Index in `Plan.operations`. An operation refers only to earlier ones. */
export type OperationId = number

interface Common {
  /** As in BuildKit: `[stage-1 2/3] COPY a b`. */
  readonly title: string
  readonly where?: SourceRange
  /** The name or number of its stage. */
  readonly stage: string
}

/** An empty filesystem. */
export interface ScratchOperation extends Common {
  readonly kind: 'scratch'
}

/** The filesystem of an image. */
export interface ImageOperation extends Common {
  readonly kind: 'image'
  readonly name: string
  readonly base: BaseImage
}

/** The files of the build context ('') or of a named one. */
export interface ContextOperation extends Common {
  readonly kind: 'context'
  readonly name: string
}

/** Files whose text is in the Dockerfile. */
export interface FilesOperation extends Common {
  readonly kind: 'files'
  readonly files: readonly { readonly name: string; readonly text: string }[]
}

/** A file to download. */
export interface DownloadOperation extends Common {
  readonly kind: 'download'
  readonly url: string
  readonly checksum?: string
}

/** The files of a commit. */
export interface GitOperation extends Common {
  readonly kind: 'git'
  readonly source: GitAddress
}

export interface CopySource {
  readonly from: OperationId
  /** Path or pattern, relative to the root of `from`. */
  readonly path: string
  /** Whether to unpack archives. */
  readonly unpack: boolean
}

/** The new owner, as written: `user[:group]`, names or numbers. */
export type OwnerText = string

/** Copies files of other operations onto a filesystem: COPY and ADD. */
export interface CopyOperation extends Common {
  readonly kind: 'copy'
  readonly onto: OperationId
  readonly sources: readonly CopySource[]
  /** Absolute; ends in `/` if the destination must be a directory. */
  readonly to: string
  readonly owner?: OwnerText
  /** The value of --chmod, as written. */
  readonly mode?: string
  readonly link: boolean
  readonly parents: boolean
  readonly exclude: readonly string[]
}

/** Creates a directory with its parents: WORKDIR. */
export interface MakeDirectoryOperation extends Common {
  readonly kind: 'make-directory'
  readonly onto: OperationId
  readonly path: string
  readonly owner?: OwnerText
}

export interface PlannedMount extends Mount {
  readonly operation?: OperationId
}

/** Runs a command on a filesystem. */
export interface RunOperation extends Common {
  readonly kind: 'run'
  readonly onto: OperationId
  readonly argv: readonly string[]
  readonly env: readonly string[]
  readonly cwd: string
  readonly user: string
  readonly mounts: readonly PlannedMount[]
  readonly network: string
  readonly security: string
  /** Scripts that the command refers to as /dev/pipes/NAME. */
  readonly scripts: readonly { readonly name: string; readonly text: string }[]
}

export type Operation =
  | ScratchOperation
  | ImageOperation
  | ContextOperation
  | FilesOperation
  | DownloadOperation
  | GitOperation
  | CopyOperation
  | MakeDirectoryOperation
  | RunOperation

/** An entry of the image's history; `layer` is the operation that makes its layer. */
export interface PlannedHistory {
  readonly createdBy: string
  readonly layer?: OperationId
}

/** An image to be built. */
export interface PlannedImage {
  readonly platform: Platform
  readonly root: OperationId
  readonly base?: ImageConfig
  readonly config: ContainerConfig
  readonly author?: string
  /** What follows the base's own history. */
  readonly history: readonly PlannedHistory[]
  /** New times are not later than this, in seconds since 1970. */
  readonly epoch?: number
  /** Layers above this operation's become one. */
  readonly squashOnto?: OperationId
}

/** What has to happen, as data. */
export interface Plan {
  readonly operations: readonly Operation[]
  readonly output: PlannedImage
}

/** What a plan needs to know about a base image; excludes the contents of its layers. */
export interface BaseImage {
  readonly reference?: Reference
  readonly manifest: Descriptor
  readonly config: ImageConfig
  readonly layers: readonly { readonly blob: Descriptor; readonly diffId: Digest }[]
  /** Whether a registry is known to have its layers, so that missing ones can be fetched. */
  readonly fetchable?: boolean
  /** The digest that it has in the OCI layout that it was read from. */
  readonly layoutDigest?: Digest
}

/** Resolves a base image by its name in the Dockerfile. Rejects if there is none. */
export type ResolveBase = (name: string, platform: Platform) => Promise<BaseImage>

/** What a named context refers to. */
export type PlannedContext =
  | { readonly kind: 'files' }
  /** `load` returns the image; `name` is for messages. */
  | { readonly kind: 'image'; readonly name: string; readonly load?: (platform: Platform) => Promise<BaseImage> }
  | { readonly kind: 'target'; readonly stage: string }
  | { readonly kind: 'scratch' }

/** Something with a time: the build context ('') or a named one, a downloaded file, a commit. */
export type EpochSource = { readonly kind: 'context'; readonly name: string } | RemoteOperation

export interface PlanOptions {
  readonly platform: Platform
  readonly buildPlatform: Platform
  readonly target?: string | undefined
  readonly buildArgs: ReadonlyMap<string, string>
  readonly labels: Readonly<Record<string, string>>
  readonly contexts: ReadonlyMap<string, PlannedContext>
  readonly resolveBase: ResolveBase
  /** Whether several platforms are built, so that titles include the platform. */
  readonly severalPlatforms?: boolean | undefined
  /** One layer for what follows the stage, or the base of the target. */
  readonly squash?: { readonly from?: string | undefined } | undefined
  /** Default for RUN --network. */
  readonly network?: string | undefined
  /** Plans every stage, for the findings of the build checks. */
  readonly allStages?: boolean | undefined
  /** Also returns what can be given to the build. */
  readonly outline?: boolean | undefined
  /** What the build context excludes, for the build checks. */
  readonly ignore?: IgnoreMatcher | undefined
  /** Returns when the source was made, in seconds since 1970, if known. */
  readonly timeOf?: ((source: EpochSource) => Promise<number | undefined>) | undefined
  readonly signal?: AbortSignal | undefined
}

/** What all RUNs of a build see beside their filesystems. */
export interface RunSurroundings {
  /** Additional entries for /etc/hosts. */
  readonly hosts: readonly (readonly [name: string, address: string])[]
  readonly hostname?: string | undefined
  /** `HTTP_PROXY=…`: in the environment, but in no key. */
  readonly proxies: readonly string[]
  readonly shmSize?: number | undefined
  readonly limits: readonly (readonly [name: string, soft: number, hard: number])[]
  /** Prefix for the ids of cache mounts. */
  readonly cacheNamespace: string
}
