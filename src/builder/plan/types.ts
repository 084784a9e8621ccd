import type { GitAddress, IgnoreMatcher, Mount } from '../../dockerfile/index.ts'
import type { ContainerConfig, Descriptor, Digest, ImageConfig, Platform, Reference } from '../../oci/index.ts'
import type { SourceRange } from '../../support/index.ts'
import type { RemoteOperation } from './remote-source.ts'

/** Place in `Plan.operations`. An operation names only operations before it. */
export type OperationId = number

interface Common {
  /** As BuildKit says it: `[stage-1 2/3] COPY a b`. */
  readonly title: string
  readonly where?: SourceRange
  /** Name of the stage it belongs to, or its number. */
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

/** The files of the build context ('' ) or of a named one. */
export interface ContextOperation extends Common {
  readonly kind: 'context'
  readonly name: string
}

/** Files whose text stands in the Dockerfile. */
export interface FilesOperation extends Common {
  readonly kind: 'files'
  readonly files: readonly { readonly name: string; readonly text: string }[]
}

/** A file of the web. */
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
  /** Path or pattern, below the root of `from`. */
  readonly path: string
  /** Take archives apart. */
  readonly unpack: boolean
}

/** New owner, as written: `user[:group]`, names or numbers. */
export type OwnerText = string

/** Files of other operations onto a filesystem: COPY and ADD. */
export interface CopyOperation extends Common {
  readonly kind: 'copy'
  readonly onto: OperationId
  readonly sources: readonly CopySource[]
  /** Absolute; ends in `/` where the destination has to be a directory. */
  readonly to: string
  readonly owner?: OwnerText
  /** The value of --chmod as written. */
  readonly mode?: string
  readonly link: boolean
  readonly parents: boolean
  readonly exclude: readonly string[]
}

/** A directory, with its parents: WORKDIR. */
export interface MakeDirectoryOperation extends Common {
  readonly kind: 'make-directory'
  readonly onto: OperationId
  readonly path: string
  readonly owner?: OwnerText
}

export interface RunMount extends Mount {
  readonly operation?: OperationId
}

/** A command over a filesystem. */
export interface RunOperation extends Common {
  readonly kind: 'run'
  readonly onto: OperationId
  readonly argv: readonly string[]
  readonly env: readonly string[]
  readonly cwd: string
  readonly user: string
  readonly mounts: readonly RunMount[]
  readonly network: string
  readonly security: string
  /** A script that the command names, to be found at /dev/pipes/NAME. */
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

/** One line of the image's history to be; `layer` is the operation that makes its layer. */
export interface HistoryStep {
  readonly createdBy: string
  readonly layer?: OperationId
}

/** An image to be. */
export interface Output {
  readonly platform: Platform
  readonly root: OperationId
  readonly base?: ImageConfig
  readonly config: ContainerConfig
  readonly author?: string
  /** What comes after the base's own history. */
  readonly history: readonly HistoryStep[]
  /** Seconds since 1970 that no new time may be later than. */
  readonly epoch?: number
}

/** What has to happen, as data. */
export interface Plan {
  readonly operations: readonly Operation[]
  readonly output: Output
}

/** An image as a plan needs it: what it is, not its layers' bytes. */
export interface BaseImage {
  readonly reference?: Reference
  readonly manifest: Descriptor
  readonly config: ImageConfig
  readonly layers: readonly { readonly blob: Descriptor; readonly diffId: Digest }[]
  /** A registry is known to have its layers, so that those which are not here can be fetched. */
  readonly fetchable?: boolean
}

/** Finds a base image by the name that stands in the Dockerfile. Rejects where there is none. */
export type ResolveBase = (name: string, platform: Platform) => Promise<BaseImage>

/** What a named context stands for. */
export type NamedContext =
  | { readonly kind: 'files' }
  /** `load` gives the image; a name of its own, for messages. */
  | { readonly kind: 'image'; readonly name: string; readonly load?: (platform: Platform) => Promise<BaseImage> }
  | { readonly kind: 'target'; readonly stage: string }
  | { readonly kind: 'scratch' }

/** Something from elsewhere that has a time: the build context ('') or a named one, a file of the web, a commit. */
export type EpochSource = { readonly kind: 'context'; readonly name: string } | RemoteOperation

export interface PlanOptions {
  readonly platform: Platform
  readonly buildPlatform: Platform
  readonly target?: string | undefined
  readonly buildArgs: ReadonlyMap<string, string>
  readonly labels: Readonly<Record<string, string>>
  readonly contexts: ReadonlyMap<string, NamedContext>
  readonly resolveBase: ResolveBase
  /** Whether more than one platform is built: then titles name it. */
  readonly severalPlatforms?: boolean | undefined
  /** Default of RUN --network. */
  readonly network?: string | undefined
  /** Plans every stage, for what the build checks find there. */
  readonly allStages?: boolean | undefined
  /** What the build context leaves out, for the build checks. */
  readonly ignore?: IgnoreMatcher | undefined
  /** Seconds since 1970: when the source was made, where that is known. */
  readonly timeOf?: ((source: EpochSource) => Promise<number | undefined>) | undefined
  readonly signal?: AbortSignal | undefined
}
