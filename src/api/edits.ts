import type { Digest } from '../oci/index.ts'
import type { RegistryCallOptions } from './call.ts'

/** What all verbs take that make an image of another without building it. */
export interface EditOptions extends RegistryCallOptions {
  /**
   * An image of the store by name or ID; else the path of an archive or an OCI layout; else a name in a registry. Or any of them with its
   * transport: `docker://alpine`, `oci:layout:1`. Of an index, every image is changed.
   */
  readonly image: string
  /**
   * Name of the result: `store:app`, `docker://registry.example/app:2`, `oci:layout:2`; without a transport, a name where the image is.
   * Default: none; in a registry, it is known by its digest alone.
   */
  readonly to?: string | undefined
  /** Only these platforms of an index. Default: all. */
  readonly platforms?: readonly string[] | undefined
}

/** A layer to add: a tar, compressed or not, or a folder whose files then belong to root. */
export type NewLayer =
  | { readonly path: string }
  | {
      readonly bytes: AsyncIterable<Uint8Array>
      /** What the history and errors call it. Default: `-`. */
      readonly name?: string
    }

/** What `images.append` takes. The image `scratch` is the empty one. */
export interface AppendOptions extends EditOptions {
  /** The lowest first. */
  readonly layers: readonly NewLayer[]
  /** Annotates the result with the name and digest of the image as its base. Default: false. */
  readonly baseAnnotations?: boolean | undefined
  /** Seconds since 1970, for the history. Default: now. */
  readonly epoch?: number | undefined
}

/** What `images.mutate` takes. What is not given stays as it is. */
export interface MutateOptions extends EditOptions {
  /** Variables to set; one of the same name is replaced. Default: none. */
  readonly env?: Readonly<Record<string, string>> | undefined
  /** Labels to set; one of the same name is replaced. Default: none. */
  readonly labels?: Readonly<Record<string, string>> | undefined
  /** Annotations to set in the manifest. With any, a manifest in Docker's format becomes OCI's. Default: none. */
  readonly annotations?: Readonly<Record<string, string>> | undefined
  /** Also removes the command, as ENTRYPOINT does. An empty list removes the entrypoint. Default: unchanged. */
  readonly entrypoint?: readonly string[] | undefined
  /** An empty list removes the command. Default: unchanged. */
  readonly cmd?: readonly string[] | undefined
  /** An empty text removes the user. Default: unchanged. */
  readonly user?: string | undefined
  /** An empty text removes the working directory. Default: unchanged. */
  readonly workdir?: string | undefined
  /** `8080`, `53/udp`: replaces all ports. Default: unchanged. */
  readonly exposedPorts?: readonly string[] | undefined
  /** The platform in the config, such as `linux/arm64`; only for a single image. Default: unchanged. */
  readonly platform?: string | undefined
  /** Layers to add, the lowest first. Default: none. */
  readonly layers?: readonly NewLayer[] | undefined
  /** Seconds since 1970, for the history of added layers. Default: now. */
  readonly epoch?: number | undefined
}

/** What `images.rebase` takes. */
export interface RebaseOptions extends EditOptions {
  /** The image it was built on, or a later version with the same layers. Default: what its annotation `…base.digest` says. */
  readonly oldBase?: string | undefined
  /** The image it is to be on. Default: what its annotation `org.opencontainers.image.base.name` says. */
  readonly newBase?: string | undefined
}

/** An image that was made of another. */
export interface EditResult {
  /** `docker.io/library/app:2`, `store:docker.io/library/app:2`, `oci:layout:2`. Without a name by its digest, in the store by its ID. */
  readonly fullName: string
  /** Of the manifest or index. */
  readonly digest: Digest
  readonly mediaType: string
  readonly size: number
  /** The image for each platform. */
  readonly images: readonly EditedImage[]
}

/** One of them. */
export interface EditedImage {
  readonly platform: string
  /** The image ID: the digest of its config. */
  readonly id: Digest
}
