import type { BuildOptions } from './build.ts'
import type { CallOptions } from './call.ts'

/** A command over an image's filesystem. What it writes is gone afterwards. */
export interface RunOptions extends CallOptions {
  readonly image: string
  /** `linux/arm64`: an image in the store for another platform does not count. */
  readonly platform?: string | undefined
  /** When to take the image from its registry: `missing` (default), `always`, or `never`. */
  readonly pull?: 'always' | 'missing' | 'never' | undefined
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
  readonly mounts?: readonly RunMount[] | undefined
  /** The image's filesystem cannot be written to; mounts can. */
  readonly readonly?: boolean | undefined
  /** Further lines of /etc/hosts: `name:address`. */
  readonly hosts?: readonly string[] | undefined
  /** Of /dev/shm, in bytes. */
  readonly shmSize?: number | undefined
  /** `nofile=1024:2048`. */
  readonly limits?: readonly string[] | undefined
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

/** What the command finds at a path besides the image: a file or directory of this machine, or an empty directory in memory. */
export type RunMount =
  | {
      readonly type: 'bind'
      readonly source: string
      readonly target: string
      readonly readonly?: boolean | undefined
    }
  /** `size` in bytes; default: half of the memory. */
  | { readonly type: 'tmpfs'; readonly target: string; readonly size?: number | undefined }

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
