import type { Snapshots } from '../../content/layers/index.ts'
import type { Store } from '../../content/store/index.ts'
import type { Context } from '../../files/context/index.ts'
import type { Digest } from '../../oci/index.ts'
import type { Step, Steps } from '../../support/index.ts'
import type { DownloadOperation, GitOperation, ImageOperation, Operation, RunOperation } from '../plan/index.ts'
import type { Sandbox } from '../sandbox/index.ts'
import type { RemoteFiles } from './input.ts'

/** What the steps work with: everything from outside. */
export interface Tools {
  readonly store: Store
  readonly snapshots: Snapshots
  /** The context of that name, '' being the build's own. */
  readonly context: (name: string) => Promise<Context>
  readonly steps: Steps
  /** Whether an earlier result of the operation may be used. */
  readonly mayRecall: (operation: Operation) => boolean
  readonly now: () => Date
  /** Seconds since 1970: the time of directories that WORKDIR makes. */
  readonly epoch?: number | undefined
  /** Seconds since 1970: no file in a new layer is later. */
  readonly latest?: number | undefined
  readonly unpackLimit?: number | undefined
  readonly signal: AbortSignal
  /** The sandbox for RUN. Throws where this machine has none. */
  readonly sandbox: () => Sandbox
  readonly run: RunSettings
  /** The file at an address, on disk and checked. Without it, nothing is fetched. */
  readonly download?: (operation: DownloadOperation) => Promise<Downloaded>
  /** Which commit is meant, and a way to its files, which stay until the build has ended. Without it, nothing is fetched. */
  readonly git?: (operation: GitOperation, step: Step) => Promise<RemoteFiles>
  /** Brings the layers of a base into the store that are still in a registry. */
  readonly fetchBase?: (operation: ImageOperation, step: Step) => Promise<void>
}

/** A file of the web. */
export interface Downloaded {
  readonly path: string
  readonly digest: Digest
  readonly size: number
  /** Seconds since 1970; 0 where the server does not say. */
  readonly modified: number
}

/** What the instructions named RUN see of the outside. */
export interface RunSettings {
  /** The secret's bytes; undefined where there is none of that id. */
  readonly secret: (id: string) => Uint8Array | undefined
  /** What of the secret's content is part of keys: a keyed hash, where that was asked for. */
  readonly secretKey: (id: string) => string | undefined
  /** Texts that are not to be seen in what a command prints. */
  readonly hidden: readonly string[]
  /** The socket of the ssh agent of that id; undefined where there is none. */
  readonly agent: (id: string) => Promise<string | undefined>
  /** Further lines of /etc/hosts. */
  readonly hosts: readonly (readonly [name: string, address: string])[]
  /** `HTTP_PROXY=…`: in the environment, not in any key. */
  readonly proxies: readonly string[]
  readonly shmSize?: number | undefined
  readonly limits: readonly (readonly [name: string, soft: number, hard: number])[]
  /** Whether RUN --security=insecure may run. */
  readonly allowInsecure: boolean
  /** Comes before the ids of cache mounts. */
  readonly cacheNamespace: string
  /** Called when a command fails, before its step ends; `shell` runs a shell in the tree as the command left it. */
  readonly failed?:
    | ((operation: RunOperation, message: string, shell: () => Promise<number>) => Promise<void>)
    | undefined
  /** Where all output of the step is kept. */
  readonly logFile: (operation: RunOperation) => string
}

let stamps = 0

/** The time for what a step makes now: no two are the same, as on a disk. */
export function stamp(tools: Tools): { mtime: number; mtimeNs: number } {
  const now = tools.now().getTime()
  return { mtime: Math.floor(now / 1000), mtimeNs: (now % 1000) * 1_000_000 + (++stamps % 1_000_000) }
}
