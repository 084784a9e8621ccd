import type { StoredLayer } from '../../../files/layer/index.ts'
import type { Directory, Node, Tree } from '../../../files/tree/index.ts'

/** A filesystem as a stack of layers. */
export interface Stack {
  /** Lowest first, each with the chain ID of the filesystem up to it. */
  readonly layers: readonly (StoredLayer & { readonly chain: string })[]
  tree(): Tree
}

/** Returns something that is the same for the same files with the same metadata, times included. Reads what is not known yet. */
export type Identity = () => string

/** Something a step sees in its filesystem that never gets into a layer. */
export type SandboxMount =
  /** Part of another filesystem. Changes are discarded. */
  | {
      readonly kind: 'stack'
      readonly target: string
      readonly stack: Stack
      readonly path: string
      readonly readonly: boolean
    }
  /** Files from anywhere. Changes are discarded. */
  | {
      readonly kind: 'files'
      readonly target: string
      readonly node: Node
      readonly identity: Identity
      readonly readonly: boolean
    }
  | CacheMount
  /** A file or directory of this machine. Changes are permanent. */
  | { readonly kind: 'host'; readonly target: string; readonly path: string; readonly readonly: boolean }
  | { readonly kind: 'memory'; readonly target: string; readonly size?: number | undefined }
  | {
      readonly kind: 'secret'
      readonly target: string
      readonly bytes: Uint8Array
      readonly mode: number
      readonly uid: number
      readonly gid: number
    }
  /** A socket of this machine. */
  | {
      readonly kind: 'socket'
      readonly target: string
      readonly path: string
      readonly mode: number
      readonly uid: number
      readonly gid: number
    }

/** A directory kept between builds. */
export interface CacheMount {
  readonly kind: 'cache'
  readonly target: string
  /** After a zero byte, if there is one, follows what distinguishes it from others with the same id. */
  readonly id: string
  readonly sharing: 'shared' | 'private' | 'locked'
  readonly readonly: boolean
  /** Of the directory when it is created. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Its initial contents. */
  readonly seed?: Node | undefined
}

/** A command to run in a filesystem. */
export interface Command {
  readonly argv: readonly string[]
  /** `NAME=value`; HOME is added if missing. */
  readonly env: readonly string[]
  /** Additional ones with secrets: their names must be accepted by `mayHide`, and must not be in `env`. */
  readonly secretEnv?: readonly string[] | undefined
  readonly cwd: string
  /** As in USER: `name`, `uid`, `user:group`; '' is root. */
  readonly user: string
  readonly network: 'default' | 'host' | 'none'
  /** Keeps all capabilities and hides nothing in /proc and /sys. */
  readonly insecure: boolean
  readonly mounts: readonly SandboxMount[]
  /** Executable files at /dev/pipes/NAME. */
  readonly scripts: readonly { readonly name: string; readonly bytes: Uint8Array }[]
  /** Additional entries for /etc/hosts: `[name, address]`. */
  readonly hosts: readonly (readonly [name: string, address: string])[]
  /** What the machine is called, if not as in BuildKit. Under chroot it is this machine's name. */
  readonly hostname?: string | undefined
  /** Whether the filesystem is read-only; mounts may still be writable. */
  readonly readonlyRoot?: boolean | undefined
  /** The size of /dev/shm in bytes. */
  readonly shmSize?: number | undefined
  /** By prlimit's names, such as `nofile`: soft and hard limit. Limits that cannot be set are ignored. */
  readonly limits: readonly (readonly [name: string, soft: number, hard: number])[]
}

export type OutputStream = 'stdout' | 'stderr'

export interface StepOptions {
  readonly output: (stream: OutputStream, text: string) => void
  readonly signal: AbortSignal
  /**
   * The command uses this process's own standard output and error, and with `stdin` its input; `output` then gets nothing.
   * `terminal`: all are a terminal, and the command gets it, or one like it.
   */
  readonly inherit?: { readonly stdin: boolean; readonly terminal: boolean } | undefined
  /** Called with a function that sends the command a signal, once it has started. */
  readonly started?: ((send: (signal: NodeJS.Signals) => void) => void) | undefined
}

/** The outcome of a command. Contents of `after` are in files that exist until `release` is called. */
export interface Outcome {
  /** As reported by a shell: 128 plus the signal's number for a command killed by a signal. */
  readonly exitCode: number
  /** A possible cause of a failure that the command could not know. */
  readonly hint?: string | undefined
  after(): Promise<Tree>
  /**
   * Looks whether the files of contexts that the command saw were what had been read of them. Otherwise the result is not that of
   * their digests. Can be called after `release` as well.
   */
  wereFilesAsRead(): Promise<boolean>
  /**
   * Removes the step's files. With `chain`, what it wrote is kept as the top layer of the filesystem with that chain ID, and need
   * never be unpacked. Safe to call twice.
   */
  release(chain?: string): Promise<void>
}

export type Isolation = 'oci' | 'namespace' | 'chroot'

/** Runs commands in filesystems. */
export interface Sandbox {
  readonly isolation: Isolation
  /** `crun 1.8.1`, `unshare`. */
  readonly by: string
  /**
   * Puts files that nothing is known of on disk for the steps that will mount them, if they need and can share them: what they
   * contain is learnt on the way. Rejects as `run` would.
   */
  unpack(node: Directory, identity: Identity): Promise<void>
  /** Throws `USER_UNKNOWN`, `COMMAND_MISSING`, `SANDBOX_FAILED`. A command that fails is an outcome, not an error. */
  run(on: Stack, command: Command, options: StepOptions): Promise<Outcome>
  /** Must be called when no step is running any more: removes what they shared. */
  close(): Promise<void>
}

/** What prevents a sandbox from working here, as far as known without trying, and how to fix it. */
export interface Hindrance {
  readonly what: string
  readonly remedy: string
}
