import type { LoginCallOptions } from './call.ts'

/** How a command is kept apart from this machine: `oci` by crun or runc, `namespace`, `chroot`; `auto` is the best that works here. */
export type Isolation = 'auto' | 'oci' | 'namespace' | 'chroot'

/** One more line of /etc/hosts. */
export interface HostEntry {
  readonly name: string
  /** An IPv4 or IPv6 address; `host-gateway` is this machine. */
  readonly address: string
}

/** A resource limit, as setrlimit has them. One that may not be raised here is left as it is. */
export interface ResourceLimit {
  /** `nofile`, `nproc`, `core`, … */
  readonly name: string
  /** -1 for no limit. */
  readonly soft: number
  /** Default: `soft`. */
  readonly hard?: number | undefined
}

/** What `run` takes: a command over an image's filesystem. What it writes outside of mounts is gone afterwards. */
export interface RunOptions extends LoginCallOptions {
  /** The image's name, its ID (or a unique prefix of it), or a digest. */
  readonly image: string
  /** `linux/arm64`: an image in the store for another platform does not count. Default: this machine's architecture, with linux. */
  readonly platform?: string | undefined
  /** When to pull the image from its registry. Default: `missing`. */
  readonly pull?: 'always' | 'missing' | 'never' | undefined
  /** The command and its arguments. Default: the image's CMD. */
  readonly command?: readonly string[] | undefined
  /** Instead of the image's ENTRYPOINT; leaves its CMD out. Default: the image's. */
  readonly entrypoint?: readonly string[] | undefined
  /** Environment variables besides the image's. Default: none. */
  readonly env?: Readonly<Record<string, string>> | undefined
  /** Default: the image's, else `/`. */
  readonly workdir?: string | undefined
  /** `name`, `uid`, `user:group`. Default: the image's, else root. */
  readonly user?: string | undefined
  /** What the command finds besides the image. Default: nothing. */
  readonly mounts?: readonly RunMount[] | undefined
  /** The image's filesystem cannot be written to; mounts can. Default: false. */
  readonly readonly?: boolean | undefined
  /** Further lines of /etc/hosts. Default: none. */
  readonly hosts?: readonly HostEntry[] | undefined
  /** Size of /dev/shm in bytes. Default: 0, which stands for 64 MiB. */
  readonly shmSize?: number | undefined
  /** Resource limits of the command. Default: none are set. */
  readonly limits?: readonly ResourceLimit[] | undefined
  /** `default` and `host` are this machine's network. Default: `default`. */
  readonly network?: 'default' | 'host' | 'none' | undefined
  /** Default: `auto`. */
  readonly isolation?: Isolation | undefined
  /** Called with what the command prints, decoded as UTF-8. Cannot be combined with `stdio`. Default: it goes nowhere. */
  readonly output?: ((stream: 'stdout' | 'stderr', text: string) => void) | undefined
  /**
   * `inherit`: the command has this process's own standard output and error, byte for byte; with `stdin` or `terminal`, its standard
   * input as well. Default: it reads nothing and prints nothing.
   */
  readonly stdio?: 'inherit' | undefined
  /** The command reads this process's standard input; only with `stdio: 'inherit'`. Default: false. */
  readonly stdin?: boolean | undefined
  /** The command has this process's terminal, and TERM is set; only with `stdio: 'inherit'`. Default: false. */
  readonly terminal?: boolean | undefined
  /** Called with a function that sends the command a signal, once it runs. Default: none. */
  readonly started?: ((send: (signal: NodeJS.Signals) => void) => void) | undefined
}

/** What the command finds at a path besides the image: a file or directory of this machine, or an empty directory in memory. */
export type RunMount =
  | {
      readonly type: 'bind'
      /** A relative path starts at the working directory. Rejects with `MOUNT_SOURCE_MISSING` if it does not exist. */
      readonly source: string
      /** An absolute path in the image. */
      readonly target: string
      /** Default: false. */
      readonly readonly?: boolean | undefined
    }
  | {
      readonly type: 'tmpfs'
      readonly target: string
      /** In bytes. Default: half of the memory. */
      readonly size?: number | undefined
    }
