import type { Snapshots } from '../../content/layers/index.ts'
import type { Store } from '../../content/store/index.ts'
import type { BuildContext } from '../../files/context/index.ts'
import type { Difference, Directory } from '../../files/tree/index.ts'
import type { Digest } from '../../oci/index.ts'
import type { Step, Steps } from '../../support/index.ts'
import type {
  DownloadOperation,
  GitOperation,
  ImageOperation,
  Operation,
  RunOperation,
  RunSurroundings,
} from '../plan/index.ts'
import type { ChosenSandbox } from '../sandbox/index.ts'
import type { Recipe } from './explain/recipe.ts'
import type { RemoteFiles } from './input.ts'
import type { SharedSteps, StepRecord } from './shared-steps.ts'
import type { OutputLimits } from './steps/output-limit.ts'
import type { Unsettled } from './unsettled.ts'

/** What steps work with: everything from outside. */
export interface Tools {
  readonly store: Store
  readonly snapshots: Snapshots
  /** Returns the context with that name, '' being the build's own. */
  readonly context: (name: string) => Promise<BuildContext>
  readonly steps: Steps
  /** The most steps to execute at a time. */
  readonly jobs?: number | undefined
  /** Whether a cached result of the operation may be used. */
  readonly mayRecall: (operation: Operation) => boolean
  /** Keys and forms of steps that this build has executed: several platforms share their results, whatever may be recalled. */
  readonly made?: Set<string>
  /** Where results wait that a look at files decides about; if absent, they do not wait. */
  readonly unsettled?: Unsettled
  /** Results from other stores, used if this one has none. */
  readonly shared?: SharedSteps | undefined
  /** Brings cache mounts from elsewhere, by what RUN calls them, before a step uses them. */
  readonly bringMounts?: ((ids: readonly string[]) => Promise<void>) | undefined
  /** Empties the cache mounts with these ids, in all their variants, unless another build is using them. */
  readonly emptyMounts?: ((ids: readonly string[]) => Promise<void>) | undefined
  /** Told of each step's result, whether it was made now or earlier. */
  readonly done?: ((operation: Operation, record: StepRecord) => void) | undefined
  /** If every step is to say why it is executed or not. */
  readonly explain?: Explaining | undefined
  /** Those of the plan. */
  readonly operations?: readonly Operation[]
  readonly now: () => Date
  /** The time of directories created by WORKDIR, in seconds since 1970. */
  readonly epoch?: number | undefined
  /** If directories are to get the times that they have elsewhere. */
  readonly elsewhere?: Elsewhere | undefined
  /** No file in a new layer is later than this, in seconds since 1970. */
  readonly latest?: number | undefined
  readonly unpackLimit?: number | undefined
  readonly signal: AbortSignal
  /** Returns the sandbox for RUN. Throws if this machine has none. */
  readonly sandbox: () => ChosenSandbox
  readonly run: RunSettings
  /** Downloads a file and verifies it. If absent, nothing is downloaded. */
  readonly download?: (operation: DownloadOperation) => Promise<Downloaded>
  /** Resolves a commit and returns a way to its files, which exist until the build has ended. If absent, nothing is fetched. */
  readonly git?: (operation: GitOperation, step: Step) => Promise<RemoteFiles>
  /** Fetches layers of a base that are still in a registry. */
  readonly fetchBase?: (operation: ImageOperation, step: Step) => Promise<void>
}

export interface Explaining {
  /** Whether nothing is remembered because the whole build does without the cache. */
  readonly noCache: boolean
  /** Results that are known but gone: their layers, by key. */
  readonly lost: Map<string, string>
  /** What earlier builds were made of, latest first: read when the first step is executed. */
  earlier?: readonly (readonly [key: string, recipe: Recipe])[]
}

/** A downloaded file. */
export interface Downloaded {
  readonly path: string
  readonly digest: Digest
  readonly size: number
  /** Seconds since 1970; 0 if the server does not say. */
  readonly modified: number
}

/** What RUN instructions see of the outside. */
export interface RunSettings extends RunSurroundings {
  /** Returns the secret's bytes; undefined if there is none with that id. */
  readonly secret: (id: string) => Uint8Array | undefined
  /** Returns the part of the secret that belongs in keys: a keyed hash, if requested. */
  readonly secretKey: (id: string) => string | undefined
  /** Texts to mask in a command's output. */
  readonly hidden: readonly string[]
  /** Returns the socket of the SSH agent with that id; undefined if there is none. */
  readonly agent: (id: string) => Promise<string | undefined>
  /** Whether RUN --security=insecure is allowed. */
  readonly allowInsecure: boolean
  /** Called when a command fails, before its step ends; `shell` runs a shell in the tree the command left. */
  readonly failed?:
    | ((operation: RunOperation, message: string, shell: () => Promise<number>) => Promise<void>)
    | undefined
  /** How much of a step's output is shown and kept. */
  readonly outputLimits?: OutputLimits | undefined
  /** Returns where a step's output is kept. */
  readonly logFile: (operation: RunOperation) => string
}

/** Who executes the same steps. */
export interface Elsewhere {
  readonly name: string
  /** Returns the times that directories have there after an operation, in seconds since 1970, by path. */
  readonly timesOf: (operation: Operation, directories: readonly string[]) => Promise<ReadonlyMap<string, number>>
}

/** What the keys of steps contain if their layers have times from elsewhere. */
export function elsewhereOf({ elsewhere }: Tools): readonly string[] {
  return elsewhere === undefined ? [] : [elsewhere.name]
}

/** Returns the differences that an operation makes, with the times from elsewhere if there are any. Throws if one is missing. */
export async function withTimes(
  differences: readonly Difference[],
  operation: Operation,
  { elsewhere }: Tools,
): Promise<readonly Difference[]> {
  if (elsewhere === undefined) return differences
  const directories = differences.flatMap((one) => (isDirectory(one) ? one.path : []))
  const times = await elsewhere.timesOf(operation, directories)
  return differences.map((one): Difference => {
    if (!isDirectory(one)) return one
    const { kind, path, node } = one
    const mtime = times.get(path)
    if (mtime === undefined) throw new Error(`${elsewhere.name} has no directory ${path}`)
    return { kind, path, node: { ...node, mtime, mtimeNs: 0 } }
  })
}

function isDirectory(one: Difference): one is Exclude<Difference, { kind: 'remove' }> & { readonly node: Directory } {
  return one.kind !== 'remove' && one.node.kind === 'directory'
}

let stamps = 0

/** Returns a time for what a step creates now; all are different, as on a disk. */
export function stamp(tools: Tools): { mtime: number; mtimeNs: number } {
  const now = tools.now().getTime()
  return { mtime: Math.floor(now / 1000), mtimeNs: (now % 1000) * 1_000_000 + (++stamps % 1_000_000) }
}
