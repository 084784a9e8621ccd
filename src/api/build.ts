import type { Digest, Platform } from '../oci/index.ts'
import type { CacheDestination, CacheSource } from './builds/build-cache.ts'
import type { BuildAnnotation, BuildOutput, BuiltOutput, ProvenanceForm, StatementForm } from './builds/outputs.ts'
import type { LoginCallOptions } from './call.ts'
import type { HostEntry, Isolation, ResourceLimit } from './run.ts'

/** Where a build's files come from. */
export type ContextSource =
  /** A directory of this machine. A relative path starts at the working directory. */
  | { readonly kind: 'directory'; readonly path: string }
  /** A tar archive (plain or compressed), or the text of a Dockerfile alone: `docker build -`. */
  | {
      readonly kind: 'stream'
      /** Every Node stream of bytes is one. */
      readonly bytes: AsyncIterable<Uint8Array>
      /** Only that folder of the archive. Rejects with `CONTEXT_INVALID` if there is none. Default: all of it. */
      readonly folder?: string | undefined
    }
  /**
   * A git repository (`https://host/path.git#ref:folder`, `git@host:path`, `github.com/owner/name`, …), or a tar archive or
   * the text of a Dockerfile over http or https.
   */
  | {
      readonly kind: 'remote'
      readonly address: string
      /** Only that folder of an archive. Default: all of it. */
      readonly folder?: string | undefined
    }
  /** No files at all. */
  | { readonly kind: 'empty' }

/** What a name in FROM, COPY --from or RUN --mount=from stands for. */
export type NamedContext =
  /** A directory of this machine. */
  | { readonly kind: 'directory'; readonly path: string }
  /** An image, from the store or else its registry; `scratch` is the empty one. */
  | { readonly kind: 'image'; readonly name: string }
  /** An image of an OCI layout on disk. */
  | {
      readonly kind: 'layout'
      readonly path: string
      /** Default: `latest`, or the only image. */
      readonly tag?: string | undefined
      /** Instead of a tag. Default: that of the tag. */
      readonly digest?: string | undefined
    }
  /** A stage of the Dockerfile. */
  | { readonly kind: 'stage'; readonly name: string }
  /** A git repository, or one file over http or https. */
  | { readonly kind: 'remote'; readonly address: string }

/** A secret for RUN --mount=type=secret. It is in no layer and in no cache key. At most 500 KiB. */
export type BuildSecret = {
  /** The name that RUN asks for. */
  readonly id: string
  /** `content`: steps that use it run again when it changes. Default: `none`, they do not. */
  readonly cache?: 'none' | 'content' | undefined
} & (
  | { readonly value: string | Uint8Array }
  /** A file; a relative path starts at the working directory. Rejects with `SECRET_MISSING` if it does not exist. */
  | { readonly path: string }
  /** A variable of the build's `environment`. Rejects with `SECRET_MISSING` if it is not set. */
  | { readonly variable: string }
)

/** An SSH agent for RUN --mount=type=ssh and for git over ssh. */
export interface BuildSshAgent {
  /** The name that RUN asks for. Default: `default`. */
  readonly id?: string | undefined
  /**
   * The socket of an agent, or private key files without a passphrase. Default: SSH_AUTH_SOCK of the build's `environment`.
   * Rejects with `SSH_MISSING` if they do not exist.
   */
  readonly paths?: readonly string[] | undefined
}

/** Where the Dockerfile comes from. */
export type DockerfileSource =
  /** A file: relative to the working directory, as with docker's -f; within a tar or remote context, to its root. */
  | { readonly path: string }
  /** A file over http or https. */
  | { readonly url: string }
  | {
      /** The text itself. */
      readonly text: string | Uint8Array
      /** What errors and warnings call it. Default: `Dockerfile`. */
      readonly name?: string | undefined
    }

/** What `build` and `checkDockerfile` take. */
export interface BuildOptions extends LoginCallOptions {
  /** Where the files come from. */
  readonly context: ContextSource
  /** Default: `Dockerfile` in the context. */
  readonly dockerfile?: DockerfileSource | undefined
  /** Names for the image: `app`, `registry.example/team/app:1.2`. Default: none, which leaves it dangling. */
  readonly tags?: readonly string[] | undefined
  /** The stage to build. Default: the last one. */
  readonly target?: string | undefined
  /** Makes one layer of those of the target stage, over its base. Steps stay cached, and the history stays. Default: false. */
  readonly squash?: boolean | undefined
  /** Makes one layer of everything that follows this stage, which the target is built on. Default: none. */
  readonly squashFrom?: string | undefined
  /** Values for ARG. `undefined`: taken from `environment`, and left out if it is not set there. Default: none. */
  readonly buildArgs?: Readonly<Record<string, string | undefined>> | undefined
  /** Labels added to the image's config. Default: none. */
  readonly labels?: Readonly<Record<string, string>> | undefined
  /**
   * Annotations of every output that can hold them; an object has those of the manifests. Rejects with `ANNOTATION_INVALID` if no
   * output can hold one. Default: none.
   */
  readonly annotations?: Readonly<Record<string, string>> | readonly BuildAnnotation[] | undefined
  /**
   * Where the result goes. Default: an image in the store. Outputs without an image (`local`, `tar`, `cacheonly`) keep none in the
   * store, unless there are others.
   */
  readonly outputs?: readonly BuildOutput[] | undefined
  /** States how each image was made, wherever an output can hold that. The images stay the same. Default: false. */
  readonly provenance?: boolean | ProvenanceForm | undefined
  /** States what is in each image (SPDX), wherever an output can hold that. The images stay the same. Default: false. */
  readonly sbom?: boolean | StatementForm | undefined
  /** `linux/arm64`; several make an index. Default: this machine's architecture, with linux. */
  readonly platforms?: readonly string[] | undefined
  /** Named contexts, by name. A name such as `alpine:3.19` replaces the image of that name. Default: none. */
  readonly contexts?: Readonly<Record<string, NamedContext>> | undefined
  /** Reports of each step why it is executed or not (`step-explained`). Default: false. */
  readonly explain?: boolean | undefined
  /** Builds every step again. Default: false. */
  readonly noCache?: boolean | undefined
  /** Stages to build again; others may come from the cache. Default: none. */
  readonly noCacheFilter?: readonly string[] | undefined
  /** Caches of other stores to take results from. No other cache is read. Default: none. */
  readonly cacheFrom?: readonly CacheSource[] | undefined
  /**
   * Where to export what this build's steps made, once the image is out. Rejects with `CACHE_EXPORT_FAILED` and `CACHE_REFUSED`.
   * Default: nowhere.
   */
  readonly cacheTo?: readonly CacheDestination[] | undefined
  /**
   * Registries, if the image is only pushed to these: layers found in their caches are not fetched. Default: those of `outputs`, if
   * all of them push. Otherwise every layer from a cache is brought into the store.
   */
  readonly pushedOnlyTo?: readonly string[] | undefined
  /** Called when the image is in the store, before caches are exported. Default: none. */
  readonly onImage?: ((image: BuildResult) => Promise<void>) | undefined
  /** Asks the registries for the bases even if they are in the store. Default: false. */
  readonly pull?: boolean | undefined
  /**
   * Brings every layer into the store, also those of a base that no step had to read; a docker daemon that is the only engine keeps
   * the image as well, under its names. Default: false.
   */
  readonly load?: boolean | undefined
  /** The environment for build arguments without a value, secrets, SSH_AUTH_SOCK and SOURCE_DATE_EPOCH. Default: empty. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined
  /** Seconds since 1970, for the image in place of SOURCE_DATE_EPOCH; instructions do not see it. Default: SOURCE_DATE_EPOCH. */
  readonly epoch?: number | undefined
  /** Sets file times later than SOURCE_DATE_EPOCH to it, in new layers. Default: false. */
  readonly rewriteTimestamp?: boolean | undefined
  /** The network of RUN where it does not say itself: `default` and `host` are this machine's. Default: `default`. */
  readonly network?: 'default' | 'host' | 'none' | undefined
  /**
   * The BuildKit to build on: an address (`unix:///var/run/docker.sock`, `tls://builder:1234`, `docker-container://NAME`, …), or the
   * name of a builder of buildx or of a docker context; several with commas between, `linux/arm64=tls://arm:1234,linux/amd64=local`;
   * `auto` takes one only if this machine cannot build. `default` is this machine. Default: `default`.
   */
  readonly builder?: string | undefined
  /** How RUN is kept apart from this machine. Default: `auto`. */
  readonly isolation?: Isolation | undefined
  /** Secrets for RUN. Default: none. */
  readonly secrets?: readonly BuildSecret[] | undefined
  /** SSH agents for RUN and git. Default: none. */
  readonly ssh?: readonly BuildSshAgent[] | undefined
  /** Further lines of /etc/hosts in RUN. Default: none. */
  readonly hosts?: readonly HostEntry[] | undefined
  /** Size of /dev/shm in RUN, in bytes. Default: 0, which stands for 64 MiB. */
  readonly shmSize?: number | undefined
  /** How many steps may be executed at a time. Default: 0, which stands for all that are ready. */
  readonly jobs?: number | undefined
  /** Resource limits of RUN. Default: none are set. */
  readonly limits?: readonly ResourceLimit[] | undefined
  /** What RUN may ask for with --security and --network. Default: nothing. */
  readonly allow?: readonly ('security.insecure' | 'network.host')[] | undefined
  /**
   * What to do if the image contains the bytes of a secret. `warn` reports a warning with the rule `SecretLeaked` before
   * the image gets its name, `error` rejects with `SECRET_LEAKED`, `allow` does not search. `# check=error=true` in the Dockerfile
   * turns `warn` into `error`; nothing in it turns the search off. Default: `warn`.
   */
  readonly secretLeak?: 'error' | 'warn' | 'allow' | undefined
  /** Called when a RUN command fails, before the build is rejected. Default: none. */
  readonly onFailedStep?: ((step: FailedStep) => Promise<void>) | undefined
}

/** A RUN whose command failed. */
export interface FailedStep {
  /** As in events: `[build 2/3] RUN make`. */
  readonly title: string
  /** What the build will be rejected with. */
  readonly message: string
  /** Runs a shell in the filesystem as the command left it, on this process's terminal. Resolves to its exit code. */
  shell(): Promise<number>
}

/** An image that was built. */
export interface BuildResult {
  /** The image ID: the digest of the config. */
  readonly id: Digest
  /** Digest of the manifest in the store (of the index, for several platforms). A registry may have another: `registry.push` returns it. */
  readonly digest: Digest
  /** Of that manifest or index. */
  readonly mediaType: string
  /** Undefined for several platforms. */
  readonly platform?: Platform | undefined
  /** Size of that manifest or index in bytes. */
  readonly size: number
  /** Familiar names it now has: `app:latest`. */
  readonly names: readonly string[]
  /** What the build checks found, and other warnings. */
  readonly warnings: readonly BuildWarning[]
  /** The outputs in the order they were made. */
  readonly outputs: readonly BuiltOutput[]
}

/** What a build check found. */
export interface BuildWarning {
  /** One of Docker's build checks, `UndefinedVar`, or one of tare's own. */
  readonly rule: string
  /** What is wrong, in a sentence. */
  readonly message: string
  /** Explains the rule; only Docker's rules have one. */
  readonly url?: string
  /** Line of the Dockerfile, from 1, where the warning is about one. */
  readonly line?: number
}
