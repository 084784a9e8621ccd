import type { StoredLayer } from '../../../files/layer/index.ts'
import type { Node, Tree } from '../../../files/tree/index.ts'

/** A filesystem as the layers it is made of. */
export interface Stack {
  /** Lowest first, each with a name for the filesystem that it and all below it make. */
  readonly layers: readonly (StoredLayer & { readonly chain: string })[]
  tree(): Tree
}

/** What a step sees at a place of its filesystem, and what never gets into a layer. */
export type SandboxMount =
  /** A part of another filesystem. What is written into it is gone afterwards. */
  | {
      readonly kind: 'stack'
      readonly target: string
      readonly stack: Stack
      readonly path: string
      readonly readonly: boolean
    }
  /** Files from anywhere. What is written into them is gone afterwards. */
  | { readonly kind: 'files'; readonly target: string; readonly node: Node; readonly readonly: boolean }
  | CacheMount
  /** A file or directory of this machine. What is written into it stays. */
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

/** A directory that stays from build to build. */
export interface CacheMount {
  readonly kind: 'cache'
  readonly target: string
  /** Behind a zero byte, if there is one, stands what else tells it from others of the same id. */
  readonly id: string
  readonly sharing: 'shared' | 'private' | 'locked'
  readonly readonly: boolean
  /** Of the directory, when it is made. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** What is in it when it is made. */
  readonly seed?: Node | undefined
}

/** A command over a filesystem. */
export interface Command {
  readonly argv: readonly string[]
  /** `NAME=value`; HOME is added where it is missing. */
  readonly env: readonly string[]
  /** More of them, which hold secrets: their names have to be such as `mayHide` accepts, and none may be in `env`. */
  readonly secretEnv?: readonly string[] | undefined
  readonly cwd: string
  /** As USER says it: `name`, `uid`, `user:group`; '' is root. */
  readonly user: string
  readonly network: 'default' | 'host' | 'none'
  /** Keeps every capability and hides nothing of /proc and /sys. */
  readonly insecure: boolean
  readonly mounts: readonly SandboxMount[]
  /** Executable files at /dev/pipes/NAME. */
  readonly scripts: readonly { readonly name: string; readonly bytes: Uint8Array }[]
  /** Further lines of /etc/hosts: `[name, address]`. */
  readonly hosts: readonly (readonly [name: string, address: string])[]
  /** The filesystem cannot be written to; what is mounted can. */
  readonly readonlyRoot?: boolean | undefined
  /** Of /dev/shm, in bytes. */
  readonly shmSize?: number | undefined
  /** By prlimit's names, `nofile`: soft and hard limit. Those that cannot be set are carried on without. */
  readonly limits: readonly (readonly [name: string, soft: number, hard: number])[]
}

export type OutputStream = 'stdout' | 'stderr'

export interface RunOptions {
  readonly output: (stream: OutputStream, text: string) => void
  readonly signal: AbortSignal
  /**
   * The command has this process's own standard output and error, and with `stdin` its input, too: `output` hears nothing.
   * `terminal`: they are one, and the command gets it, or one like it.
   */
  readonly inherit?: { readonly stdin: boolean; readonly terminal: boolean } | undefined
  /** Is given a way to send the command a signal, once there is a command. */
  readonly started?: ((send: (signal: NodeJS.Signals) => void) => void) | undefined
}

/** What came of a command. Contents of `after` lie in files that are there until `release` is called. */
export interface Outcome {
  /** As a shell tells it: 128 and the signal's number for a command that a signal ended. */
  readonly exitCode: number
  /** What may be behind a failure, where that is nothing the command could know. */
  readonly hint?: string | undefined
  after(): Promise<Tree>
  /**
   * Removes what the step had on disk. With `chain` what it wrote stays, as the top layer of the filesystem of that name, and
   * need never be unpacked. Does nothing when called again.
   */
  release(chain?: string): Promise<void>
}

export type Isolation = 'oci' | 'namespace' | 'chroot'

/** A way to run commands over filesystems. */
export interface Sandbox {
  readonly isolation: Isolation
  /** `crun 1.8.1`, `unshare`. */
  readonly by: string
  /** Throws `USER_UNKNOWN`, `COMMAND_MISSING`, `SANDBOX_FAILED`. A command that fails is an outcome, no error. */
  run(on: Stack, command: Command, options: RunOptions): Promise<Outcome>
  /** Once no step runs any more: removes what they shared. */
  close(): Promise<void>
}

/** What hinders a sandbox here, as far as can be seen without trying; with what mends it. */
export interface Hindrance {
  readonly what: string
  readonly remedy: string
}
