import type { Digest, Platform } from '../oci/index.ts'
import type { CallOptions } from './call.ts'

/** Where a build's files come from. */
export type ContextSource =
  | { readonly kind: 'directory'; readonly path: string }
  /** A tar archive (plain or compressed), or the text of a Dockerfile alone: `docker build -`. */
  | { readonly kind: 'stream'; readonly bytes: AsyncIterable<Uint8Array> }
  /**
   * A git repository (`https://host/path.git#ref:folder`, `git@host:path`, `github.com/owner/name`, …), or a tar archive or
   * the text of a Dockerfile over http or https.
   */
  | { readonly kind: 'remote'; readonly address: string }
  /** No files at all. */
  | { readonly kind: 'empty' }

export interface BuildOptions extends CallOptions {
  readonly context: ContextSource
  /** Path of the Dockerfile (relative to the working directory, as docker's -f; within a tar or remote context, to its root), its address, or its text. */
  readonly dockerfile?:
    | { readonly path: string }
    | { readonly url: string }
    | { readonly text: string | Uint8Array; readonly name?: string }
    | undefined
  /** Names for the image; none leaves it dangling. */
  readonly tags?: readonly string[] | undefined
  readonly target?: string | undefined
  /** undefined as value: taken from `environment`, left out where it is not set there. */
  readonly buildArgs?: Readonly<Record<string, string | undefined>> | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly annotations?: Readonly<Record<string, string>> | undefined
  /** `linux/arm64`; several make one index. Default: the machine's, with linux. */
  readonly platforms?: readonly string[] | undefined
  /** Named contexts: a directory, `docker-image://ref`, `oci-layout://path[:tag|@digest]`, `target:stage`, a git repository, or one file over http or https. */
  readonly contexts?: Readonly<Record<string, string>> | undefined
  readonly noCache?: boolean | undefined
  /** Asks the registries for the bases even when they are in the store. */
  readonly pull?: boolean | undefined
  /** Every layer is in the store afterwards, also those of a base that no step had to look at. */
  readonly load?: boolean | undefined
  /** Stages that are built afresh; the others may be remembered. */
  readonly noCacheFilter?: readonly string[] | undefined
  /** The environment that build arguments and SOURCE_DATE_EPOCH are taken from. Default: none. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined
  /** Set file times later than SOURCE_DATE_EPOCH to it, in new layers. */
  readonly rewriteTimestamp?: boolean | undefined
  /** Default of RUN --network. */
  readonly network?: string | undefined
  /** How RUN is kept apart from this machine. Default: the best that works here. */
  readonly isolation?: 'auto' | 'oci' | 'namespace' | 'chroot' | undefined
  /** As --secret has them: `id=name,src=file`, `id=name,env=VARIABLE`; with `,cache=content` steps that use it run again when it changes. */
  readonly secrets?: readonly string[] | undefined
  /** As --ssh has them: `default`, `id=SOCKET`, `id=KEYFILE`. */
  readonly ssh?: readonly string[] | undefined
  /** Further lines of /etc/hosts in RUN: `name:address`. */
  readonly hosts?: readonly string[] | undefined
  /** Of /dev/shm in RUN, in bytes. */
  readonly shmSize?: number | undefined
  /** `nofile=1024:2048`. */
  readonly limits?: readonly string[] | undefined
  /** Entitlements: `security.insecure`, `network.host`. */
  readonly allow?: readonly string[] | undefined
  /**
   * What happens when the image holds the bytes of a secret: `warn` (default) reports a warning with the rule `SecretLeaked` before
   * the image has a name, `error` fails the build with `SECRET_LEAKED`, `allow` does not search. `# check=error=true` in the
   * Dockerfile turns `warn` into `error`; nothing in it turns the search off.
   */
  readonly secretLeak?: 'error' | 'warn' | 'allow' | undefined
  /** The same as `secretLeak: 'allow'`, where that is not given. */
  readonly allowSecretLeak?: boolean | undefined
  /** Called when a RUN command fails, before the build is rejected. */
  readonly onFailedStep?: ((step: FailedStep) => Promise<void>) | undefined
}

/** A RUN whose command failed. */
export interface FailedStep {
  readonly title: string
  readonly message: string
  /** Runs a shell in the filesystem as the command left it, on this process's terminal. Answers its exit code. */
  shell(): Promise<number>
}

export interface BuildResult {
  /** The image ID: digest of the config. */
  readonly id: Digest
  /** Digest of the manifest in the store (of the index, when there are several platforms). A registry may have another: `push` returns it. */
  readonly digest: Digest
  readonly mediaType: string
  /** Undefined for several platforms. */
  readonly platform?: Platform | undefined
  /** Size of that manifest in bytes. */
  readonly size: number
  /** Familiar names it now has: `app:latest`. */
  readonly names: readonly string[]
  readonly warnings: readonly BuildWarning[]
}

export interface BuildWarning {
  readonly rule: string
  readonly message: string
  /** Explains the rule; only Docker's rules have one. */
  readonly url?: string
  /** Of the Dockerfile, where the warning is about one. */
  readonly line?: number
}
